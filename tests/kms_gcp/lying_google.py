"""A server between libvault and the honest test server that changes answers, one chosen lie at a time."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OVERSIZED = 1 << 20
_SECONDS = 20


class Answer:
    """What the honest server said; a lie changes it in place. `body` is JSON, or bytes."""

    def __init__(self, status: int, headers: dict[str, str], body: dict | bytes):
        self.status, self.headers, self.body = status, headers, body


class LyingGoogle:
    """Use as a context manager. `lie` is applied to answers about keys only; None for an honest day."""

    def __init__(self, honest: str):
        self.lie: Callable[[Answer], None] | None = None
        self.paths: list[str] = []
        self._honest = honest
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "LyingGoogle":
        threading.Thread(target=self._server.serve_forever, name="lying-google", daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.paths.append(path)
        request = urllib.request.Request(self._honest + path, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as reply:
                answer = Answer(reply.status, dict(reply.headers), json.load(reply))
        except urllib.error.HTTPError as refusal:
            answer = Answer(refusal.code, dict(refusal.headers), json.load(refusal))
        if self.lie and "/cryptoKeys/" in path:
            self.lie(answer)
        return answer

    def _handler(self):
        lying = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = _SECONDS

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                kept = {name: value for name, value in self.headers.items() if name.lower() in ("authorization", "content-type")}
                answer = lying._answer("POST", self.path, kept, self.rfile.read(length))
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name in ("Content-Type", "Location", "Retry-After"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        return Handler
