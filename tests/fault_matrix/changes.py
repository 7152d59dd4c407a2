"""What somebody in the network makes of an honest answer. Pure, and without any package, so that mitmproxy's script uses the same."""

import json
from collections.abc import Callable

# Status, headers with names in lower case, body.
Answer = tuple[int, dict[str, str], bytes]
Change = Callable[[Answer, str], Answer]

OVERSIZED = 1 << 20


def _status(status: int, parameter_is: str | None = None) -> Change:
    def change(answer: Answer, parameter: str) -> Answer:
        headers = {"content-type": "application/json"}
        return status, headers | ({parameter_is: parameter} if parameter_is else {}), b""

    return change


def _body(body: bytes) -> Change:
    return lambda answer, parameter: (200, answer[1], body)


def _field(name: str, value: Callable[[str, str], object]) -> Change:
    """Another value of a field of the JSON in the body, made from the right one and the parameter."""

    def change(answer: Answer, parameter: str) -> Answer:
        status, headers, body = answer
        told = json.loads(body)
        if name in told:
            told[name] = value(told[name], parameter)
        return status, headers, json.dumps(told).encode()

    return change


def _of_another_version(kid: str, _parameter: str) -> str:
    return f"{kid.rpartition('/')[0]}/{'0' * 32}"


CHANGES: dict[str, Change] = {
    "garbage": _body(bytes(range(256)) * 2),
    "empty": _body(b""),
    "oversized": _body(b'{"x": "' + b"x" * OVERSIZED + b'"}'),
    "too many": _status(429, "retry-after"),
    "internal error": _status(500),
    "unavailable": _status(503),
    "unauthorized": _status(401),
    "redirect": _status(307, "location"),
    "other KeyId": _field("KeyId", lambda right, parameter: parameter),
    "other kid": _field("kid", lambda right, parameter: right.replace("/keys/cmk/", "/keys/other/")),
    "other version": _field("kid", _of_another_version),
    "other name": _field("name", lambda right, parameter: right.replace("/cryptoKeys/", "/cryptoKeys/other-")),
    "ciphertext checksum": _field("ciphertextCrc32c", lambda right, parameter: str(int(right) ^ 1)),
    "plaintext checksum": _field("plaintextCrc32c", lambda right, parameter: str(int(right) ^ 1)),
}
