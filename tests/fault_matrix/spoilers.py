"""Who makes the faults: our own proxy here, others in `outside.py`."""

import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable

from providers.contract import Way
from servers.faulty_proxy import Exchange, FaultyProxy, Reply, half_close, honest, late, replay, reset, stall, trickle, truncate

from .changes import CHANGES
from .faults import LATE_SECONDS, TRAP, Fault, Kind

Concerns = Callable[[Exchange], bool]
_CONNECTION = {
    "late": late(LATE_SECONDS),
    "stall": stall,
    "trickle": trickle,
    "reset": reset,
    "half-close": half_close,
    "truncate": truncate,
}


class Trap:
    """A listener on this machine that nobody has a reason to call. Use as a context manager."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def was_called(self) -> bool:
        self._listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self._listener.accept()
            return True
        return False

    def __enter__(self) -> "Trap":
        return self

    def __exit__(self, *_exception) -> None:
        self._listener.close()


class Spoiler(ABC):
    """A network in front of a server. `proxy` is the part of it that sees every request which is on its way to the server."""

    def __init__(self, proxy: FaultyProxy, trap: Trap):
        self.proxy, self._trap = proxy, trap

    @property
    @abstractmethod
    def way(self) -> Way:
        """What a vault is told."""

    @abstractmethod
    def spoil(self, fault: Fault, concerns: Concerns, repeated: Reply | None) -> None:
        """From now on; `repeated` is the answer of earlier that is to be repeated."""

    @abstractmethod
    def heal(self) -> None:
        """All is well again."""

    def parameter(self, fault: Fault) -> str:
        return self._trap.address if fault.parameter == TRAP else fault.parameter


class OwnProxy(Spoiler):
    """`servers/faulty_proxy.py`."""

    @property
    def way(self) -> Way:
        return Way(self.proxy.endpoint)

    def spoil(self, fault: Fault, concerns: Concerns, repeated: Reply | None) -> None:
        if fault.what == "refused":
            self.proxy.go_away()
        elif fault.what in _CONNECTION:
            self.proxy.spoil(_CONNECTION[fault.what], concerns)
        elif fault.kind is Kind.REPLAY:
            self.proxy.spoil(replay(repeated), concerns)
        else:
            self.proxy.spoil(honest(lambda reply: self._changed(fault, reply)), concerns)

    def heal(self) -> None:
        self.proxy.spoil(None)

    def _changed(self, fault: Fault, reply: Reply) -> Reply:
        headers = {name.lower(): value for name, value in reply.headers}
        status, headers, body = CHANGES[fault.what]((reply.status, headers, reply.body), self.parameter(fault))
        return Reply(status, tuple(headers.items()), body)
