"""Plain HTTPS to the server under the names of the real services, for tests that look at the wire."""

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from .client import AzureServer

API_VERSION = "7.6"


@dataclass(frozen=True)
class Answer:
    """Header names are in lower case. `body` is None if there is none."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> tuple[int, str, str | None]:
        """Status, code and inner code."""
        error = self.body["error"]
        return self.status, error["code"], error.get("innererror", {}).get("code")


def send(
    server: AzureServer, host: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, form: bool = False
) -> Answer:
    """The certificate is checked against the name, as a client does that resolves the name to the server's address."""
    context = ssl.create_default_context(cafile=server.ca)
    text = None if body is None else urlencode(body) if form else json.dumps(body)
    kind = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
    raw = socket.create_connection(("127.0.0.1", server.tls_port), timeout=30)
    connection = http.client.HTTPConnection(host)
    with context.wrap_socket(raw, server_hostname=host) as connection.sock:
        connection.request(method, path, text, kind | (headers or {}))
        response = connection.getresponse()
        content = response.read()
    parsed = json.loads(content) if content else None
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, parsed)


@dataclass
class Vault:
    """A vault as one application sees it."""

    server: AzureServer
    host: str
    token: str
    version: str = API_VERSION

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        query = f"?api-version={self.version}" if self.version else ""
        return send(self.server, self.host, method, path + query, body, {"Authorization": f"Bearer {self.token}"} | headers)

    def wrap(self, key: str, value: str = "A" * 43, algorithm: str = "RSA-OAEP-256") -> Answer:
        return self.send("POST", f"/keys/{key}/wrapkey", {"alg": algorithm, "value": value})

    def unwrap(self, key: str, value: str, algorithm: str = "RSA-OAEP-256") -> Answer:
        return self.send("POST", f"/keys/{key}/unwrapkey", {"alg": algorithm, "value": value})
