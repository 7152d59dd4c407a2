"""A reverse proxy that writes down what a KMS was asked: the evidence of which key served what, independent of libvault.

It changes nothing. The Host header goes through as it came, because SigV4 signs it.
"""

import http.client
import json
import re
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

UPSTREAM_SECONDS = 30
POLL_SECONDS = 0.02  # until a server notices that it is to stop
MAXIMUM_REQUEST_BYTES = 1 << 20
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


@dataclass(frozen=True)
class KmsRequest:
    """One request as the KMS received it, and how it answered. Key material and credentials are left out."""

    operation: str  # such as "Encrypt"; the HTTP path when it is not a KMS request
    key_id: str | None  # as asked
    answered_key_id: str | None
    encryption_context: dict[str, str]
    access_key_id: str | None  # who signed
    status: int
    error: str | None  # AWS error type
    request_id: str | None


class CountingProxy:
    """Use as a context manager. Every answer is recorded before the client sees it, so counts need no waiting."""

    def __init__(self, upstream_port: int, log: Path | None = None):
        self._records: list[KmsRequest] = []
        self._lock = threading.Lock()
        self._log = log.open("w", encoding="utf-8") if log else None
        handler = type("Handler", (_Handler,), {"upstream_port": upstream_port, "record": self._record})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), name="counting-proxy", daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def mark(self) -> int:
        """A place in the record, for `since`."""
        with self._lock:
            return len(self._records)

    def since(self, mark: int) -> Sequence[KmsRequest]:
        """Everything recorded after `mark`."""
        with self._lock:
            return tuple(self._records[mark:])

    def __enter__(self) -> "CountingProxy":
        self._thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            if self._log:
                self._log.close()
                self._log = None

    def _record(self, request: KmsRequest) -> None:
        with self._lock:
            self._records.append(request)
            if self._log:
                self._log.write(json.dumps(asdict(request), sort_keys=True) + "\n")
                self._log.flush()


def count_by_operation(requests: Sequence[KmsRequest]) -> Counter[str]:
    """How many requests of each operation."""
    return Counter(request.operation for request in requests)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        """A client that was stopped in the middle of a request is no news; anything else is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = UPSTREAM_SECONDS
    upstream_port: int
    record = staticmethod(lambda request: None)

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=UPSTREAM_SECONDS)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAXIMUM_REQUEST_BYTES:
            self.close_connection = True
            self.send_error(411, "the counting proxy needs a Content-Length of at most 1 MiB")
            return
        body = self.rfile.read(int(length))
        try:
            status, headers, answer = self._forward(body)
        except (OSError, http.client.HTTPException) as error:
            self.close_connection = True
            self.send_error(502, f"the KMS behind the counting proxy failed: {type(error).__name__}")
            return
        self.record(_describe(self.path, self.headers, body, status, headers, answer))
        self._answer(status, headers, answer)

    do_GET = do_PUT = do_DELETE = do_HEAD = lambda self: self.send_error(405)

    def log_message(self, *_arguments) -> None:
        pass  # the record is the log

    def _forward(self, body: bytes):
        self._upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self._upstream.putheader(name, value)
        self._upstream.endheaders(body)
        response = self._upstream.getresponse()
        return response.status, response.headers, response.read()

    def _answer(self, status: int, headers, body: bytes) -> None:
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        skipped = _HOP_BY_HOP | {"content-length"}
        lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in skipped]
        lines += [f"Content-Length: {len(body)}", "", ""]
        # One write: two would wait for each other's acknowledgement.
        self.wfile.write("\r\n".join(lines).encode("latin-1") + body)


def _describe(path: str, asked_headers, asked: bytes, status: int, headers, answered: bytes) -> KmsRequest:
    question, answer = _json_object(asked), _json_object(answered)
    target = asked_headers.get("X-Amz-Target", "")
    credential = re.search(r"Credential=([^/,\s]+)/", asked_headers.get("Authorization", ""))
    error = None
    if status >= 400:
        named = headers.get("x-amzn-errortype") or answer.get("__type") or "unknown"
        error = named.split(":")[0].rpartition("#")[2]
    return KmsRequest(
        operation=target.removeprefix("TrentService.") if target.startswith("TrentService.") else path,
        key_id=question.get("KeyId"),
        answered_key_id=answer.get("KeyId"),
        encryption_context=question.get("EncryptionContext") or {},
        access_key_id=credential[1] if credential else None,
        status=status,
        error=error,
        request_id=headers.get("x-amzn-requestid"),
    )


def _json_object(body: bytes) -> dict:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
