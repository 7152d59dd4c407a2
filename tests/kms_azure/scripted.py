"""A vault that lies: TLS with a certificate authority of its own, an honest token endpoint, and answers as a test wants them."""

import contextlib
import http.server
import json
import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from servers.certificates import make_certificates

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
LOGIN = "login.microsoftonline.com"

Answer = tuple[int, dict[str, str], bytes]


class ScriptedVault:
    """`answer` gets the path and the body of each authorised request to a vault; `seen` holds them."""

    def __init__(self, directory: pathlib.Path, host: str):
        self.host = host
        self.answer: Callable[[str, dict[str, Any]], Answer] = lambda path, body: (500, {}, b"")
        self.seen: list[tuple[str, dict[str, Any]]] = []
        authority, context = make_certificates(directory, "a vault that lies", [host, LOGIN])
        self.ca = str(authority)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.endpoint = f"https://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator["ScriptedVault"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        vault = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = vault._reply(self.headers, self.path, body)
                self.send_response(status)
                for name, value in ({"Content-Type": "application/json"} | headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(answer)

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler

    def _reply(self, headers: Any, path: str, body: bytes) -> Answer:
        if headers["Host"] == LOGIN:
            return 200, {}, json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": "token"}).encode()
        if headers["Host"] != self.host:
            return 421, {}, b"{}"
        if "Authorization" not in headers:
            audience = "https://" + self.host.split(".", 1)[1]
            return 401, {"WWW-Authenticate": f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="{audience}"'}, b"{}"
        asked = json.loads(body)
        self.seen.append((path, asked))
        return self.answer(path, asked)
