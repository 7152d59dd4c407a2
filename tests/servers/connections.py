"""Counts the connections to a server, which a record of requests does not show."""

import contextlib
import socket
import threading


class ConnectionCounter:
    """Use as a context manager. What arrives at `port` goes on to the server's port on this machine, and back, unchanged."""

    def __init__(self, upstream_port: int):
        self._upstream = ("127.0.0.1", upstream_port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closed = False
        self.port: int = self._listener.getsockname()[1]

    @property
    def count(self) -> int:
        """Connections so far."""
        with self._lock:
            return len(self._sockets) // 2

    def __enter__(self) -> "ConnectionCounter":
        threading.Thread(target=self._accept, name="connection-counter", daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        with self._lock:
            self._closed = True
            for one in [self._listener, *self._sockets]:
                # Closing alone would not wake those who wait in it.
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
                with self._lock:
                    if self._closed:
                        client.close()
                        server.close()
                        return
                    self._sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
