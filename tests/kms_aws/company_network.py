"""A company's way out: a proxy for CONNECT. Behind it everything called AWS is the emulator, with certificates of the company's own authority."""

import contextlib
import socket
import ssl
import threading
from pathlib import Path

from servers.certificates import make_certificates

HOSTS = ["*.eu-central-1.amazonaws.com", "*.us-east-1.amazonaws.com", "*.eu-central-1.api.aws"]
_SECONDS = 20


class CompanyNetwork:
    """Use as a context manager. `targets` is what the proxy was asked to connect to; it takes `user` with `word` and nobody else."""

    def __init__(self, emulator_port: int, directory: Path):
        self.ca, self._tls = make_certificates(directory, "libvault test, not AWS", HOSTS)
        self.targets: list[str] = []
        self._emulator_port = emulator_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="company-network", daemon=True)

    @property
    def proxy(self) -> str:
        return f"http://user:word@127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "CompanyNetwork":
        self._thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(_SECONDS)
                threading.Thread(target=self._tunnel, args=[connection], daemon=True).start()

    def _tunnel(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            self.targets.append(head.split(b" ")[1].decode())
            # user:word in base64.
            if b"dXNlcjp3b3Jk" not in head:
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with self._tls.wrap_socket(connection, server_side=True) as inside:
                with socket.create_connection(("127.0.0.1", self._emulator_port), _SECONDS) as emulator:
                    back = threading.Thread(target=_copy, args=[emulator, inside], daemon=True)
                    back.start()
                    _copy(inside, emulator)
                    back.join(_SECONDS)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
