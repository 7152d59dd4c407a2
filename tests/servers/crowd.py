"""Many calls of a vault at once that wait for their KMS, without a thread each."""

import asyncio
import threading
from collections import Counter

import libvault

SECONDS = 120


class Crowd:
    """Use as a context manager: so many encryptions for a context begin at once, on an event loop in a thread of its own. The end cancels them."""

    def __init__(self, vault: libvault.Vault, context: dict[str, str], count: int):
        self._vault, self._context, self._count = libvault.AsyncVault(vault), context, count
        self._tasks: list[asyncio.Task[bytes]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crowd", daemon=True)

    def outcomes(self) -> Counter[str]:
        """How many are "pending", were "served", or ended with which error."""
        return asyncio.run_coroutine_threadsafe(self._outcomes(), self._loop).result(SECONDS)

    def wait(self, pending: int = 0) -> None:
        """Returns once no more than so many are pending."""
        asyncio.run_coroutine_threadsafe(self._wait(pending), self._loop).result(SECONDS)

    def __enter__(self) -> "Crowd":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(SECONDS)
        return self

    def __exit__(self, *_exception) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result(SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _begin(self) -> None:
        self._tasks = [asyncio.ensure_future(self._vault.encrypt(b"data", self._context)) for _ in range(self._count)]

    async def _outcomes(self) -> Counter[str]:
        return Counter(_outcome(task) for task in self._tasks)

    async def _wait(self, pending: int) -> None:
        while len(left := [task for task in self._tasks if not task.done()]) > pending:
            await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _outcome(task: asyncio.Task[bytes]) -> str:
    if not task.done():
        return "pending"
    error = task.exception()
    return "served" if error is None else error.name if isinstance(error, libvault.VaultError) else repr(error)
