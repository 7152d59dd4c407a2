"""Calls that an event loop waits for."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref

from libvault._libvault import LoopCalls

T = TypeVar("T")
# The modes of the verbs of LoopCalls.
_AT_ONCE, _IN_THREAD, _ON_RUNTIME = range(3)


def of_running_loop() -> Calls:
    """The calls of the loop that runs in this thread."""
    loop = asyncio.get_running_loop()
    try:
        return _loops.calls[loop]
    except KeyError:
        return _loops.calls.setdefault(loop, Calls())


async def in_thread(function: Callable[..., T], *arguments: object, stop: Callable[[], object] = lambda: None) -> T:
    """Runs work that belongs to one thread at a time. A cancelled task waits for its end, after it was told to stop."""
    work = start_in_thread(function, *arguments)
    try:
        await asyncio.wait([work])
    except asyncio.CancelledError:
        stop()
        while not work.done():
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError:
                continue
        forget(work)
        raise
    return work.result()


def start_in_thread(function: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
    """As `asyncio.to_thread`, but no task: the end of a loop cancels all its tasks, and work that it had cancelled before a thread took it would never be done."""
    call = partial(contextvars.copy_context().run, function, *arguments)
    return asyncio.get_running_loop().run_in_executor(None, call)


def forget(work: asyncio.Future[Any]) -> None:
    """Says that nobody asks how it ended: the failure of work that was told to stop is what stopping led to."""
    if work.done():
        work.cancelled() or work.exception()
    else:
        work.add_done_callback(forget)


class Turn:
    """`async with turn`: the tasks of one event loop use a stream one after the other."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        # The task of a loop that is closed would never let go.
        if self._lock.locked() and self._loop is not loop:
            raise RuntimeError("the stream is in use by a task of another event loop")
        await self._lock.acquire()
        self._loop = loop

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class _Waiting(dict[int, "asyncio.Future[Any]"]):
    """Who waits for which call of a loop. The loop holds it while it watches the socket, and `Calls` must not: futures hold their loop."""


class Calls:
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
        return await self.end(started) if isinstance(started, int) else started

    async def end(self, started: int) -> Any:
        """The result of a call that runs."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
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
        self.calls: WeakKeyDictionary[asyncio.AbstractEventLoop, Calls] = WeakKeyDictionary()


_loops = _Loops()
