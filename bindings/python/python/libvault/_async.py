"""`AsyncVault`: the verbs for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias, final

from libvault import _libvault
from libvault._async_streams import (
    AsyncDecryptReader,
    AsyncEncryptWriter,
    Opening,
    decrypt_file,
    decrypt_stream,
    encrypt_file,
    encrypt_stream,
)
from libvault._libvault import Context, DataKey, Vault
from libvault._loop import of_running_loop
from libvault._results import Decision, Stats
from libvault._streams import Readable, Writable

if TYPE_CHECKING:
    from typing_extensions import Buffer

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
    def open(config: str | PathLike[str] | Mapping[str, Any] | None = None) -> Opening[AsyncVault]:
        """As `libvault.open`: `await` it, or use it in `async with`."""
        return Opening(lambda: _open(config))

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
        calls = of_running_loop()
        return await calls.result(lambda mode: calls.native.encrypt(mode, self._vault, data, context, aad, timeout))

    async def decrypt(
        self, envelope: Buffer, context: ContextLike, aad: Buffer | None = None, *, timeout: float | None = None
    ) -> bytes:
        """Decrypts an envelope that was made for this context."""
        calls = of_running_loop()
        return await calls.result(lambda mode: calls.native.decrypt(mode, self._vault, envelope, context, aad, timeout))

    async def create_data_key(self, context: ContextLike, *, timeout: float | None = None) -> DataKey:
        """A new data key with its bundle, for callers who encrypt themselves."""
        calls = of_running_loop()
        return await calls.result(lambda mode: calls.native.create_data_key(mode, self._vault, context, timeout))

    async def decrypt_data_key(self, bundle: Buffer, context: ContextLike, *, timeout: float | None = None) -> DataKey:
        """The data key of a bundle that `create_data_key` made for this context."""
        calls = of_running_loop()
        return await calls.result(lambda mode: calls.native.decrypt_data_key(mode, self._vault, bundle, context, timeout))

    async def rewrap(
        self,
        envelope_or_bundle: Buffer,
        context: ContextLike,
        *,
        keep_data_key: bool = False,
        allow_downgrade: bool = False,
        timeout: float | None = None,
    ) -> bytes:
        """Wraps the data key by the keys that match its context now, as `Vault.rewrap`. It revokes nothing."""
        calls, flags = of_running_loop(), (keep_data_key, allow_downgrade)
        return await calls.result(
            lambda mode: calls.native.rewrap(mode, self._vault, envelope_or_bundle, context, *flags, timeout)
        )

    async def reencrypt(
        self,
        envelope: Buffer,
        context: ContextLike,
        aad: Buffer | None = None,
        *,
        allow_downgrade: bool = False,
        timeout: float | None = None,
    ) -> bytes:
        """Encrypts the payload anew, with a new data key for the keys that match its context now."""
        calls = of_running_loop()
        return await calls.result(
            lambda mode: calls.native.reencrypt(mode, self._vault, envelope, context, aad, allow_downgrade, timeout)
        )

    async def rekey(
        self,
        bundle: Buffer,
        old_context: ContextLike,
        new_context: ContextLike,
        *,
        allow_downgrade: bool = False,
        timeout: float | None = None,
    ) -> bytes:
        """Moves the data key of a bundle to another context."""
        calls = of_running_loop()
        return await calls.result(
            lambda mode: calls.native.rekey(mode, self._vault, bundle, old_context, new_context, allow_downgrade, timeout)
        )

    def open_encrypt(
        self,
        target: str | PathLike[str] | Writable,
        context: ContextLike,
        aad: Buffer | None = None,
        *,
        frame_size: int = 65536,
        replace: bool = False,
    ) -> Opening[AsyncEncryptWriter]:
        """As `Vault.open_encrypt`: `await` it, or use it in `async with`."""
        return Opening(lambda: AsyncEncryptWriter.open(self._vault, target, context, aad, frame_size, replace))

    def open_decrypt(
        self, source: str | PathLike[str] | Readable, context: ContextLike, aad: Buffer | None = None
    ) -> Opening[AsyncDecryptReader]:
        """As `Vault.open_decrypt`: `await` it, or use it in `async with`."""
        return Opening(lambda: AsyncDecryptReader.open(self._vault, source, context, aad))

    def encrypt_stream(
        self, data: AsyncIterable[Buffer], context: ContextLike, aad: Buffer | None = None, *, frame_size: int = 65536
    ) -> AsyncIterator[bytes]:
        """The pieces of an envelope, in constant memory, for pieces of data of any size."""
        return encrypt_stream(self._vault, data, context, aad, frame_size)

    def decrypt_stream(
        self, envelope: AsyncIterable[Buffer], context: ContextLike, aad: Buffer | None = None
    ) -> AsyncIterator[bytes]:
        """The authenticated data of an envelope that comes in pieces. Only when the iteration ends without an error is it known that nothing is missing."""
        return decrypt_stream(self._vault, envelope, context, aad)

    async def encrypt_file(
        self,
        source: str | PathLike[str],
        target: str | PathLike[str],
        context: ContextLike,
        aad: Buffer | None = None,
        *,
        replace: bool = False,
    ) -> None:
        """Encrypts a file into another, which appears whole or not at all, also when the task is cancelled."""
        await encrypt_file(self._vault, source, target, context, aad, replace)

    async def decrypt_file(
        self,
        source: str | PathLike[str],
        target: str | PathLike[str],
        context: ContextLike,
        aad: Buffer | None = None,
        *,
        replace: bool = False,
    ) -> None:
        """Decrypts a file into another, with mode 0600, which appears whole and authenticated to its end or not at all."""
        await decrypt_file(self._vault, source, target, context, aad, replace)

    async def reload(self, config: str | PathLike[str] | Mapping[str, Any] | None = None) -> None:
        """Puts another configuration in force, as `Vault.reload`."""
        await asyncio.to_thread(self._vault.reload, config)

    async def after_restore(self) -> None:
        """After a restored snapshot of the machine, as `Vault.after_restore`."""
        await asyncio.to_thread(self._vault.after_restore)

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


async def _open(config: str | PathLike[str] | Mapping[str, Any] | None) -> AsyncVault:
    return AsyncVault(await asyncio.to_thread(_libvault.open, config))
