"""A request over HTTP/1.1 and its answer, as a proxy between has them in hand."""

import http.client
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MAXIMUM_REQUEST_BYTES = 1 << 20
# Each side has its own.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}


@dataclass(frozen=True)
class Reply:
    """What a server said. Header names keep their case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for found, value in self.headers if found.lower() == name), None)

    def but(self, status: int | None = None, body: bytes | None = None, **headers: str) -> "Reply":
        """The same with other parts; `Retry_After="1"` sets that header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = tuple((name, value) for name, value in self.headers if name.lower() not in {name.lower() for name in named})
        return Reply(status or self.status, kept + tuple(named.items()), self.body if body is None else body)

    def head(self, length: int | None = None) -> bytes:
        """Status line and headers, with the length of the body or another."""
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() not in HOP_BY_HOP]
        lines += [f"Content-Length: {len(self.body) if length is None else length}", "", ""]
        return "\r\n".join(lines).encode("latin-1")


@dataclass
class Exchange:
    """One request, and what became of it. `reply` is what the server said, if it was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    reply: Reply | None = None
    is_spoilt: bool = False
    connection: int = 0
    _ask: Callable[["Exchange"], Reply] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return self.headers.get("host", "").partition(":")[0]

    def ask(self) -> Reply:
        """Sends the request on, once."""
        if self.reply is None:
            self.reply = self._ask(self)
        return self.reply


def requests(reader: io.BufferedReader) -> Iterator[Exchange]:
    """Those that come over a connection, until it ends or one is too large."""
    while line := reader.readline(65536).decode("latin-1").strip():
        method, path, _ = line.split(" ", 2)
        headers = {name.lower(): value for name, value in http.client.parse_headers(reader).items()}
        length = int(headers.get("content-length", 0))
        if length > MAXIMUM_REQUEST_BYTES:
            return
        yield Exchange(method, path, headers, reader.read(length))
