"""Reading and writing JSON as proto3 does: base64 bytes, numbers as strings, absent defaults, enumerations as numbers on request."""

import base64
import binascii
import json
from collections.abc import Mapping

import google_crc32c

from .discovery import Definition, Method
from .errors import invalid_argument

# The numbers are those of the service's protocol buffers; the official REST clients ask for them with enum-encoding=int.
_NUMBERS = {
    "algorithm": {"GOOGLE_SYMMETRIC_ENCRYPTION": 1},
    "protectionLevel": {"SOFTWARE": 1, "HSM": 2},
    "purpose": {"ENCRYPT_DECRYPT": 1},
    "state": {"ENABLED": 1, "DISABLED": 2, "DESTROYED": 3, "DESTROY_SCHEDULED": 4},
}


def wants_numbers(query: Mapping[str, str]) -> bool:
    return "enum-encoding=int" in query.get("$alt", query.get("alt", ""))


def with_numbers(value):
    """The answer with enumerations as numbers."""
    if isinstance(value, list):
        return [with_numbers(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _NUMBERS[name].get(inner, inner) if name in _NUMBERS else with_numbers(inner) for name, inner in value.items()}


def without_defaults(value: dict) -> dict:
    """proto3 leaves out false, empty strings and empty lists. Wrapped numbers, such as a CRC32C of 0, are messages and stay."""
    return {name: inner for name, inner in value.items() if inner not in (False, "", None, [], {})}


def parse_body(definition: Definition, method: Method, body: bytes) -> dict:
    if method.request is None or not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        raise invalid_argument("Invalid JSON payload received. Unexpected token.", "") from None
    if not isinstance(value, dict):
        raise invalid_argument('Invalid JSON payload received. Unknown name "": Root element must be a message.', "")
    if unknown := definition.unknown_fields(method, value):
        raise invalid_argument(f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.', "")
    return value


def read_bytes(body: dict, name: str) -> bytes:
    """Standard or URL-safe base64, padded or not: proto3 reads all."""
    value = body.get(name) or ""
    try:
        text = value.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, binascii.Error, ValueError):
        shown = json.dumps(value)
        message = f"Invalid value at '{_snake(name)}' (TYPE_BYTES), Base64 decoding failed for {shown[:64]}"
        raise invalid_argument(message, _snake(name)) from None


def write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


def crc32c(value: bytes) -> str:
    return str(google_crc32c.value(value))


def verify_crc32c(body: dict, name: str, data: bytes) -> bool:
    """Whether a checksum was there. A wrong one is refused."""
    field = f"{name}Crc32c"
    if body.get(field) is None:
        return False
    try:
        sent = int(body[field])
    except (TypeError, ValueError):
        shown = json.dumps(body[field])
        raise invalid_argument(f"Invalid value at '{_snake(field)}' (TYPE_INT64), {shown}", _snake(field)) from None
    if str(sent) != crc32c(data):
        message = f"The checksum in field {_snake(field)} did not match the data in field {_snake(name)}."
        raise invalid_argument(message)
    return True


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
