"""A reverse proxy in front of a KMS that watches, and that spoils what a test wants spoilt: the network between, or somebody in it.

It speaks HTTP/1.1, over TLS with a certificate of its own where it is given one. Names of hosts go through as they came. Without a fault it changes nothing.
"""

import contextlib
import http.client
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .exchange import HOP_BY_HOP, Exchange, Reply, requests

SECONDS = 45  # nothing here takes longer, whatever the others do
GOODBYE_SECONDS = 2  # for a thread to notice that its connection was closed


class Hangup(Exception):
    """A fault is done with the connection: it is closed without another word."""


# A fault is given the proxy, the client's connection and the request; what it returns is sent, None if it has said what it wanted.
Fault = Callable[["FaultyProxy", socket.socket, Exchange], Reply | None]


@dataclass(frozen=True)
class Upstream:
    """Where the server listens on this machine; `ca` if it speaks TLS."""

    port: int
    ca: str | None = None


class FaultyProxy:
    """Use as a context manager. `exchanges` are all requests in order, each there before it is answered."""

    def __init__(self, upstream: Upstream, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0):
        self.exchanges: list[Exchange] = []
        self.closing = threading.Event()
        self._upstream, self._tls, self._address, self._port = upstream, tls, address, port
        self._to_upstream = ssl.create_default_context(cafile=upstream.ca) if upstream.ca else None
        self._fault: Fault | None = None
        self._concerns: Callable[[Exchange], bool] = lambda exchange: True
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._accepted = 0
        self._listener: socket.socket | None = None

    @property
    def endpoint(self) -> str:
        host = f"[{self._address}]" if ":" in self._address else self._address
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    def spoil(self, fault: Fault | None, concerns: Callable[[Exchange], bool] = lambda exchange: True) -> None:
        """From now on requests that `concerns` picks get the fault; None for an honest network again."""
        self._fault, self._concerns = fault, concerns

    def mark(self) -> int:
        """A place in `exchanges`."""
        return len(self.exchanges)

    def wait_for_spoilt(self, count: int, since: int = 0) -> None:
        """Returns once so many requests got the fault."""
        end = time.monotonic() + SECONDS
        while sum(exchange.is_spoilt for exchange in self.exchanges[since:]) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{count} requests were expected")
            time.sleep(0.01)

    def listen(self) -> None:
        """At the same port as before, if it listened already."""
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        listener = socket.create_server((self._address, self._port), family=family, backlog=64)
        self._port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), name="faulty-proxy", daemon=True).start()

    def go_away(self) -> None:
        """No longer listens, so that connections are refused, and closes those that there are."""
        if self._listener:
            # Closing alone does not wake the thread that accepts.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.drop_connections()

    def drop_connections(self, reset: bool = False) -> None:
        """Closes the connections of all clients; with `reset` as a firewall does, by RST. They are gone when this returns."""
        connections, self._connections = self._connections, []
        threads, self._threads = self._threads, []
        for connection in connections:
            with contextlib.suppress(OSError):
                if reset:
                    close_by_reset(connection)
                else:
                    # Closing alone would not end the connection while its thread reads from it. Not SSLSocket's own: it would go on in the clear.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in threads:
            thread.join(GOODBYE_SECONDS)

    def __enter__(self) -> "FaultyProxy":
        self.listen()
        return self

    def __exit__(self, *_exception) -> None:
        self.closing.set()
        self.go_away()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            self._accepted += 1
            thread = threading.Thread(target=self._serve, args=(connection, self._accepted), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, Hangup, ValueError, http.client.HTTPException), connection, contextlib.ExitStack() as stack:
            if self._tls:
                connection = stack.enter_context(self._tls.wrap_socket(connection, server_side=True))
                self._connections.append(connection)
            reader = stack.enter_context(connection.makefile("rb"))
            for exchange in requests(reader):
                exchange.connection, exchange._ask = number, self._forward
                self.exchanges.append(exchange)
                fault = self._fault
                exchange.is_spoilt = fault is not None and self._concerns(exchange)
                reply = fault(self, connection, exchange) if exchange.is_spoilt else exchange.ask()
                if reply is not None:
                    # One write: two would wait for each other's acknowledgement.
                    connection.sendall(reply.head() + reply.body)

    def _forward(self, exchange: Exchange) -> Reply:
        raw = socket.create_connection(("127.0.0.1", self._upstream.port), timeout=SECONDS)
        with contextlib.closing(http.client.HTTPConnection(exchange.host)) as upstream:
            upstream.sock = self._to_upstream.wrap_socket(raw, server_hostname=exchange.host) if self._to_upstream else raw
            upstream.putrequest(exchange.method, exchange.path, skip_host=True, skip_accept_encoding=True)
            for name, value in exchange.headers.items():
                if name not in HOP_BY_HOP:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(exchange.body)))
            upstream.endheaders(exchange.body)
            response = upstream.getresponse()
            return Reply(response.status, tuple(response.getheaders()), response.read())


def close_by_reset(connection: socket.socket) -> None:
    """Lingering for zero seconds makes close() send RST instead of FIN; the thread that reads does it as soon as it is woken."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket.shutdown(connection, socket.SHUT_RD)


# --- faults ---


def honest(change: Callable[[Reply], Reply]) -> Fault:
    """The server is asked, and its answer changed."""
    return lambda proxy, connection, exchange: change(exchange.ask())


def answer(status: int, body: bytes = b"", **headers: str) -> Fault:
    """The server is not asked."""
    reply = Reply(status, (("Content-Type", "application/json"),), body).but(**headers)
    return lambda proxy, connection, exchange: reply


def stall(proxy: FaultyProxy, _connection: socket.socket, _exchange: Exchange) -> None:
    """Never answers."""
    proxy.closing.wait(SECONDS)
    raise Hangup


def held_until(over: threading.Event) -> Fault:
    """Goes on only once the event is set."""

    def fault(_proxy: FaultyProxy, _connection: socket.socket, exchange: Exchange) -> Reply:
        over.wait(SECONDS)
        return exchange.ask()

    return fault


def late(seconds: float) -> Fault:
    """Answers, but not in time."""

    def fault(proxy: FaultyProxy, _connection: socket.socket, exchange: Exchange) -> Reply:
        reply = exchange.ask()
        proxy.closing.wait(seconds)
        return reply

    return fault


def trickle(proxy: FaultyProxy, connection: socket.socket, exchange: Exchange) -> None:
    """A byte at a time for ever: every read succeeds, so only a deadline over the whole answer ends it."""
    connection.sendall(exchange.ask().head(length=1 << 20))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not proxy.closing.wait(0.1):
        connection.sendall(b" ")


def reset(_proxy: FaultyProxy, connection: socket.socket, exchange: Exchange) -> None:
    """The connection breaks in the middle of an answer."""
    reply = exchange.ask()
    connection.sendall(reply.head() + reply.body[: len(reply.body) // 2])
    close_by_reset(connection)
    raise Hangup


def half_close(proxy: FaultyProxy, connection: socket.socket, _exchange: Exchange) -> None:
    """Says that nothing more will come, and goes on listening."""
    connection.shutdown(socket.SHUT_WR)
    proxy.closing.wait(SECONDS)
    raise Hangup


def truncate(_proxy: FaultyProxy, connection: socket.socket, exchange: Exchange) -> None:
    """Half of an answer, and the end."""
    reply = exchange.ask()
    connection.sendall(reply.head() + reply.body[: len(reply.body) // 2])
    raise Hangup


def replay(reply: Reply) -> Fault:
    """An answer of earlier, whatever is asked."""
    return lambda proxy, connection, exchange: reply


def times(count: int, fault: Fault) -> Fault:
    """For so many requests; then the network is honest again."""
    left = iter(range(count))

    def counted(proxy: FaultyProxy, connection: socket.socket, exchange: Exchange) -> Reply | None:
        return exchange.ask() if next(left, None) is None else fault(proxy, connection, exchange)

    return counted
