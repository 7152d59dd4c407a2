"""The bodies of requests and answers, checked against `keys.json`, so that the server cannot drift from the API it stands for."""

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_DOCUMENT = json.loads((Path(__file__).parent / "keys.json").read_text())
OPERATIONS: dict[str, dict[str, Any]] = _DOCUMENT["operations"]
DEFINITIONS: dict[str, Any] = _DOCUMENT["$defs"]


class NotInDefinition(Exception):
    """The body has not the shape that the definition gives it; the message says where."""


def check_request(operation: str, body: Any) -> None:
    name = OPERATIONS[operation]["request"]
    if name is not None:
        check(name, body)


def check_answer(operation: str | None, status: int, body: Any) -> None:
    """`operation` is None where no operation was recognised: then only an error is possible."""
    if status >= 400:
        return check("KeyVaultError", body)
    if operation is None or status != OPERATIONS[operation]["status"]:
        raise NotInDefinition(f"{operation} does not answer {status}")
    name = OPERATIONS[operation]["answer"]
    if name is not None:
        check(name, body)
    elif body is not None:
        raise NotInDefinition(f"{operation} has no body")


def check(name: str, body: Any) -> None:
    """Refuses a body that is not a `name` of the definition."""
    error = next(_validator(name).iter_errors(body), None)
    if error is not None:
        raise NotInDefinition(f"{name}{error.json_path[1:]}: {error.message}")


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": DEFINITIONS})
