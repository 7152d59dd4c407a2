"""A proxy as companies have them: CONNECT to a name leads to a server on this machine that the test chose, and to nothing else."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping

SECONDS = 45
_MOST_HEAD_BYTES = 65536


class ConnectProxy:
    """Use as a context manager. `tunnels` are the names that were asked for, in order.

    `servers` are ports on this machine by the end of the name: ".vault.azure.net" or a whole name. With `tls` it is spoken to by TLS itself, and with
    `credentials` ("user:word") it wants those.
    """

    def __init__(
        self,
        servers: Mapping[str, int],
        address: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        credentials: str | None = None,
    ):
        self.tunnels: list[str] = []
        self._servers, self._tls, self._address = servers, tls, address
        self._authorization = credentials and f"Basic {base64.b64encode(credentials.encode()).decode()}"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family, backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []

    @property
    def url(self) -> str:
        host = f"[{self._address}]" if ":" in self._address else self._address
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def __enter__(self) -> "ConnectProxy":
        threading.Thread(target=self._accept, name="connect-proxy", daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        for one in [self._listener, *self._sockets]:
            # Closing alone would not wake those who wait in it.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(SECONDS)
                self._sockets.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), contextlib.closing(client):
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
                self._sockets.append(client)
            line, headers = _head(client)
            method, target, _ = line.split(" ")
            name = target.rpartition(":")[0].lower()
            self.tunnels.append(name)
            port = next((port for end, port in self._servers.items() if name.endswith(end)), None)
            if self._authorization and headers.get("proxy-authorization") != self._authorization:
                client.sendall(b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
            elif method != "CONNECT" or port is None:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            else:
                self._tunnel(client, port)

    def _tunnel(self, client: socket.socket, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as server:
            self._sockets.append(server)
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            _copy(client, server)


def _head(client: socket.socket) -> tuple[str, dict[str, str]]:
    """The request line and the headers, by lower-case names. One byte at a time: what follows is not ours."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _MOST_HEAD_BYTES:
        byte = client.recv(1)
        if not byte:
            raise ValueError("the client went away")
        head += byte
    line, *rest = head.decode("latin-1").strip().split("\r\n")
    fields = (header.partition(":") for header in rest)
    return line, {name.lower(): value.strip() for name, _, value in fields}


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
