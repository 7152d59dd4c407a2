"""What the server was asked: the truth for tests that count. No plaintext, ciphertext, key or token is in it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count


@dataclass(frozen=True)
class LoggedRequest:
    """Written before the client sees the answer, so that counts need no waiting."""

    sequence: int  # from 1
    operation: str  # such as Encrypt, Token or GenerateAccessToken; the path when it is none that this server knows
    resource: str | None  # as asked: key, version or service account
    version: str | None  # the version that served
    member: str | None  # who asked, once known
    status: int  # of HTTP
    code: str  # OK, a name of google.rpc.Code, or an error of OAuth
    host: str  # of the Host header, without port


class RequestLog:
    def __init__(self) -> None:
        self._requests: list[LoggedRequest] = []
        self._sequence = count(1)

    def add(self, **fields) -> None:
        self._requests.append(LoggedRequest(sequence=next(self._sequence), **fields))

    def select(self, key: str | None = None, operation: str | None = None, since: int = 0) -> list[dict]:
        """`key` also selects requests on the versions of the key; `since` is the last sequence number already seen."""
        return [asdict(request) for request in self._matching(key, operation) if request.sequence > since]

    def _matching(self, key: str | None, operation: str | None) -> Iterator[LoggedRequest]:
        for request in self._requests:
            on_key = key is None or request.resource == key or (request.resource or "").startswith(f"{key}/")
            if on_key and operation in (None, request.operation):
                yield request
