"""A vault that lies: an honest token endpoint, and answers as a test wants them. Nothing is behind it."""

import json
import pathlib
import socket
from collections.abc import Callable
from typing import Any

from servers.certificates import make_certificates
from servers.faulty_proxy import Exchange, FaultyProxy, Reply, Upstream

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
LOGIN = "login.microsoftonline.com"

Answer = tuple[int, dict[str, str], bytes]


class ScriptedVault:
    """Use as a context manager. `answer` gets the path and the body of each authorised request to a vault; `seen` holds them."""

    def __init__(self, directory: pathlib.Path, host: str):
        self.host = host
        self.answer: Callable[[str, dict[str, Any]], Answer] = lambda path, body: (500, {}, b"")
        self.seen: list[tuple[str, dict[str, Any]]] = []
        authority, context = make_certificates(directory, "a vault that lies", [host, LOGIN])
        self.ca = str(authority)
        self._proxy = FaultyProxy(Upstream(0), context)
        self._proxy.spoil(self._reply)

    @property
    def endpoint(self) -> str:
        return self._proxy.endpoint

    def __enter__(self) -> "ScriptedVault":
        self._proxy.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._proxy.__exit__(*exception)

    def _reply(self, _proxy: FaultyProxy, _connection: socket.socket, exchange: Exchange) -> Reply:
        status, headers, body = self._answer(exchange)
        return Reply(status, tuple(({"Content-Type": "application/json"} | headers).items()), body)

    def _answer(self, exchange: Exchange) -> Answer:
        if exchange.host == LOGIN:
            return 200, {}, json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": "token"}).encode()
        if exchange.host != self.host:
            return 421, {}, b"{}"
        if "authorization" not in exchange.headers:
            audience = "https://" + self.host.split(".", 1)[1]
            return 401, {"WWW-Authenticate": f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="{audience}"'}, b"{}"
        asked = json.loads(exchange.body)
        self.seen.append((exchange.path, asked))
        return self.answer(exchange.path, asked)
