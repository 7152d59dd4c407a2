"""`AsyncVault`: the verbs for asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias, TypeVar, final
from weakref import WeakKeyDictionary, ref

from libvault import _libvault
from libvault._libvault import Context, DataKey, LoopCalls, Vault
from libvault._results import Decision, Stats

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")
# The modes of the verbs of LoopCalls.
_AT_ONCE, _IN_THREAD, _ON_RUNTIME = range(3)
ContextLike: TypeAlias = Context | Mapping[str, str]


@final
class AsyncVault:
    """An open vault whose verbs are coroutines.

        async with libvault.AsyncVault.open("libvault.toml") as vault:
            envelope = await vault.encrypt(b"hello", {"organization_id": "org_123"})

    Nothing blocks the event loop. What needs no network and is small is done at once; longer local work goes to the loop's default executor;
    calls to a KMS run beside it without a thread each, and end when their task is cancelled. One vault serves any number of loops and
    threads, and `vault` gives the plain one.
    """

    def __init__(self, vault: Vault) -> None:
        """Takes a vault that `libvault.open` opened. Closing either closes both."""
        self._vault = vault

    @staticmethod
    def open(config: str | PathLike[str] | Mapping[str, Any] | None = None) -> Opening:
        """As `libvault.open`: `await` it, or use it in `async with`."""
        return Opening(config)

    @property
    def vault(self) -> Vault:
        """The plain vault, for programs that use both."""
        return self._vault

    @staticmethod
    def context(items: ContextLike) -> Context:
        """A prepared context, the same as `libvault.Context(items)`."""
        return Context(items)

    def match_context(self, context: ContextLike) -> Decision:
        """The decision for a context, without any call to a KMS."""
        return self._vault.match_context(context)

    def with_options(self, *, timeout: float | None = None, actor: str | None = None) -> AsyncVault:
        """A view of this vault for calls with other options, as `Vault.with_options`."""
        return AsyncVault(self._vault.with_options(timeout=timeout, actor=actor))

    async def encrypt(
        self, data: Buffer, context: ContextLike, aad: Buffer | None = None, *, timeout: float | None = None
    ) -> bytes:
        """Encrypts `data` for a context; gives the envelope."""
        calls = _of_running_loop()
        return await calls.result(lambda mode: calls.native.encrypt(mode, self._vault, data, context, aad, timeout))

    async def decrypt(
        self, envelope: Buffer, context: ContextLike, aad: Buffer | None = None, *, timeout: float | None = None
    ) -> bytes:
        """Decrypts an envelope that was made for this context."""
        calls = _of_running_loop()
        return await calls.result(lambda mode: calls.native.decrypt(mode, self._vault, envelope, context, aad, timeout))

    async def create_data_key(self, context: ContextLike, *, timeout: float | None = None) -> DataKey:
        """A new data key with its bundle, for callers who encrypt themselves."""
        calls = _of_running_loop()
        return await calls.result(lambda mode: calls.native.create_data_key(mode, self._vault, context, timeout))

    async def decrypt_data_key(self, bundle: Buffer, context: ContextLike, *, timeout: float | None = None) -> DataKey:
        """The data key of a bundle that `create_data_key` made for this context."""
        calls = _of_running_loop()
        return await calls.result(lambda mode: calls.native.decrypt_data_key(mode, self._vault, bundle, context, timeout))

    async def reload(self, config: str | PathLike[str] | Mapping[str, Any] | None = None) -> None:
        """Puts another configuration in force, as `Vault.reload`."""
        await asyncio.to_thread(self._vault.reload, config)

    def stats(self) -> Stats:
        """Counters since the vault was opened."""
        return self._vault.stats()

    async def close(self) -> None:
        """Ends the use of the vault: later calls fail with `Closed`. Closing twice does nothing."""
        self._vault.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return "<libvault.AsyncVault>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AsyncVault cannot be copied or pickled: open one in each process")


@final
class Opening:
    """What `AsyncVault.open` gives: `vault = await opening`, or `async with opening as vault`."""

    def __init__(self, config: str | PathLike[str] | Mapping[str, Any] | None) -> None:
        self._config = config
        self._vault: AsyncVault | None = None

    def __await__(self) -> Generator[Any, None, AsyncVault]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncVault:
        self._vault = await self._open()
        return self._vault

    async def __aexit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._vault is not None:
            await self._vault.close()

    async def _open(self) -> AsyncVault:
        return AsyncVault(await asyncio.to_thread(_libvault.open, self._config))


class _Waiting(dict[int, "asyncio.Future[Any]"]):
    """Who waits for which call of a loop. The loop holds it while it watches the socket, and `_LoopCalls` must not: futures hold their loop."""


class _LoopCalls:
    """The calls of one event loop. Their socket is watched only while there are any, so an idle loop owes nothing."""

    def __init__(self) -> None:
        self.native = LoopCalls()
        self._waiting: ref[_Waiting] | None = None

    async def result(self, verb: Callable[[int], T | int | None]) -> T:
        """The result of a verb of `native`, which is tried in one mode after another until one suits it."""
        started = verb(_AT_ONCE)
        if started is None:
            started = await asyncio.to_thread(verb, _IN_THREAD)
        if started is None:
            started = verb(_ON_RUNTIME)
        assert started is not None
        if not isinstance(started, int):
            return started
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        waiting = None if self._waiting is None else self._waiting()
        if waiting is None:
            waiting = _Waiting()
            self._waiting = ref(waiting)
        if not waiting:
            loop.add_reader(self.native.fileno(), self._fetch, waiting)
        waiting[started] = future
        try:
            return await future
        finally:
            if waiting.pop(started, None) is not None:
                self.native.cancel(started)
            # A loop that is closed has let go of its readers, and may throw its tasks away afterwards.
            if not waiting and not loop.is_closed():
                loop.remove_reader(self.native.fileno())

    def _fetch(self, waiting: _Waiting) -> None:
        for number, value, error in self.native.ended():
            future = waiting.pop(number, None)
            if future is None or future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)


class _Loops(threading.local):
    """The calls of the loops that run in a thread."""

    def __init__(self) -> None:
        self.calls: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopCalls] = WeakKeyDictionary()


_loops = _Loops()


def _of_running_loop() -> _LoopCalls:
    loop = asyncio.get_running_loop()
    try:
        return _loops.calls[loop]
    except KeyError:
        return _loops.calls.setdefault(loop, _LoopCalls())
