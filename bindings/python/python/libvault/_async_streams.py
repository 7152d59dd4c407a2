"""The file-likes and iterators of `AsyncVault`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeAlias, TypeVar, final

from libvault._libvault import CancelToken, Context, Decryptor, Encryptor, Vault
from libvault._loop import Turn, forget, in_thread, of_running_loop, start_in_thread
from libvault._streams import PIECE, DecryptReader, EncryptWriter, Readable, Writable, copy, decrypt_into, open_target

if TYPE_CHECKING:
    from typing_extensions import Buffer

ContextLike: TypeAlias = Context | Mapping[str, str]
Path: TypeAlias = str | PathLike[str]
# Up to this length a piece of a stream is worked on at once, on the loop's thread.
_AT_ONCE_UP_TO = 1 << 16


class _Opened(Protocol):
    async def __aexit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


T = TypeVar("T", bound=_Opened)


@final
class Opening(Generic[T]):
    """Something that is being opened: `opened = await opening`, or `async with opening as opened`."""

    def __init__(self, open_: Callable[[], Awaitable[T]]) -> None:
        self._open = open_
        self._opened: T | None = None

    def __await__(self) -> Generator[Any, None, T]:
        return self._open().__await__()

    async def __aenter__(self) -> T:
        self._opened = await self._open()
        return self._opened

    async def __aexit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.__aexit__(exception_type, exception, traceback)


@final
class AsyncEncryptWriter:
    """`EncryptWriter` for asyncio: small writes are collected, and the file is written in a thread.

    Several tasks may write: what they give is written in the order of their calls, each whole. A call that is cancelled ends when the thread is done with
    the file, so that the task knows what became of it. The data of a `write` that is cancelled is part of the envelope all the same, in its place.
    """

    def __init__(self, writer: EncryptWriter) -> None:
        self._writer = writer
        self._turn = Turn()
        self._collected = bytearray()
        # Bytes that were taken from a caller, and those of them that the writer has dealt with. The second is counted in the thread.
        self._taken = 0
        self._dealt_with = 0
        self._closing = False

    @classmethod
    async def open(
        cls, vault: Vault, target: Path | Writable, context: ContextLike, aad: Buffer | None, frame_size: int, replace: bool
    ) -> Self:
        """`AsyncVault.open_encrypt`."""
        # The file first: what cannot be written uses no key. A file that is not published leaves nothing.
        opened = await asyncio.to_thread(open_target, target, replace)
        return cls(EncryptWriter._of(opened, await _encryptor(vault, context, aad, frame_size)))

    async def write(self, data: Buffer) -> int:
        """Encrypts all of `data`; gives its length in bytes."""
        if self._closing:
            raise ValueError("I/O operation on closed file")
        with memoryview(data) as view, view.cast("B") as octets:
            self._collected += octets
            length = len(octets)
        self._taken += length
        if len(self._collected) >= PIECE:
            async with self._turn:
                await self._flush()
        return length

    async def close(self) -> None:
        """Completes the envelope. After an error nothing is left under the path."""
        self._closing = True
        try:
            async with self._turn:
                if not self._writer.closed:
                    await self._flush()
                    if self._dealt_with != self._taken:
                        raise OSError("a write was interrupted: the envelope has a gap")
                await in_thread(self._writer.close)
        finally:
            await self.discard()

    async def discard(self) -> None:
        """Closes without completing: nothing appears under the path."""
        self._closing = True
        async with self._turn:
            await in_thread(self._writer.discard)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exception_type is None:
            await self.close()
        else:
            await self.discard()

    def __repr__(self) -> str:
        return "<libvault.AsyncEncryptWriter>"

    async def _flush(self) -> None:
        # Taken only now that it is written next: what a task that is cancelled before its turn gave is written with what follows.
        collected, self._collected = self._collected, bytearray()
        if collected:
            await in_thread(self._write, collected)

    def _write(self, collected: bytearray) -> None:
        try:
            self._writer.write(collected)
        finally:
            # From here on the writer itself knows whether it has a gap.
            self._dealt_with += len(collected)


@final
class AsyncDecryptReader:
    """`DecryptReader` for asyncio: the file is read in a thread, for one task after the other.

    A call that is cancelled while it reads ends at once, together with what it asks of a KMS, and with the stream: what the thread still reads is lost. Later
    calls raise ValueError. The thread closes the file when its read returns; a file object that was passed in is in use until then.
    """

    def __init__(self, reader: DecryptReader, cancel: CancelToken) -> None:
        self._reader = reader
        self._cancel = cancel
        self._turn = Turn()
        self._position = 0
        # The thread ends `_busy` before it looks at `_abandoned`, and the loop sets that before it looks at `_busy`: one of them closes, or both do.
        self._busy = False
        self._abandoned = False

    @classmethod
    async def open(cls, vault: Vault, source: Path | Readable, context: ContextLike, aad: Buffer | None) -> Self:
        """`AsyncVault.open_decrypt`."""
        cancel = CancelToken()
        return cls(await asyncio.to_thread(DecryptReader, vault, source, context, aad, cancel), cancel)

    async def read(self, size: int = -1) -> bytes:
        """Reads `size` bytes, less only at the authenticated end; everything without a size."""
        return await self._run(self._reader.read, size)

    async def read_at(self, offset: int, length: int) -> bytes:
        """Reads `length` bytes at `offset` of the plaintext, less only at its end; the position stays."""
        return await self._run(self._reader.read_at, offset, length)

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Sets the position."""
        return await self._run(self._reader.seek, offset, whence)

    def tell(self) -> int:
        """The position: what the last call that has ended left."""
        self._check_open()
        return self._position

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._run(self._reader.read1, PIECE):
            yield piece

    async def close(self) -> None:
        """Closes the file that was opened for a path."""
        async with self._turn:
            if not (self._abandoned and self._busy):
                await in_thread(self._reader.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return "<libvault.AsyncDecryptReader>"

    async def _run(self, operation: Callable[..., R], *arguments: object) -> R:
        async with self._turn:
            self._check_open()
            self._busy = True
            work: asyncio.Future[R] = start_in_thread(self._work, operation, *arguments)
            try:
                await asyncio.wait([work])
            except BaseException:
                self._abandoned = True
                self._cancel.cancel()
                forget(work)
                raise
            return work.result()

    def _work(self, operation: Callable[..., R], *arguments: object) -> R:
        try:
            self._check_open()
            done = operation(*arguments)
            self._position = self._reader.tell()
            return done
        finally:
            self._busy = False
            if self._abandoned:
                self._reader.close()

    def _check_open(self) -> None:
        if self._abandoned:
            raise ValueError("the stream is closed: a call was cancelled while it read")
        if self._reader.closed:
            raise ValueError("I/O operation on closed file")


R = TypeVar("R")


async def encrypt_stream(
    vault: Vault, data: AsyncIterable[Buffer], context: ContextLike, aad: Buffer | None, frame_size: int
) -> AsyncIterator[bytes]:
    """`AsyncVault.encrypt_stream`."""
    encryptor = await _encryptor(vault, context, aad, frame_size)
    async for chunk in data:
        for piece in _pieces(chunk):
            envelope = encryptor.update_now(piece) if len(piece) <= _AT_ONCE_UP_TO else None
            if envelope is None:
                # Long, or a KMS has to be asked again.
                envelope = await in_thread(encryptor.update, piece)
            if envelope:
                yield envelope
    yield await in_thread(encryptor.finish)


async def decrypt_stream(
    vault: Vault, envelope: AsyncIterable[Buffer], context: ContextLike, aad: Buffer | None
) -> AsyncIterator[bytes]:
    """`AsyncVault.decrypt_stream`."""
    decryptor, has_key = Decryptor(vault, context, aad), False
    async for chunk in envelope:
        for piece in _pieces(chunk):
            if has_key and len(piece) <= _AT_ONCE_UP_TO:
                data = decryptor.update(piece)
            else:
                # Until there is a key, the store may be read.
                data = await in_thread(decryptor.update, piece)
            if data is None:
                calls = of_running_loop()
                data = await calls.end(calls.native.fetch_key(vault, decryptor))
            if data:
                has_key = True
                yield data
    while (data := await in_thread(decryptor.finish)) is None:
        calls = of_running_loop()
        if data := await calls.end(calls.native.fetch_key(vault, decryptor)):
            yield data
    if data:
        yield data


async def encrypt_file(
    vault: Vault, source: Path, target: Path, context: ContextLike, aad: Buffer | None, replace: bool
) -> None:
    """`AsyncVault.encrypt_file`."""
    stop = _Stop()
    file = await asyncio.to_thread(open, source, "rb", 0)
    try:
        writer = await AsyncEncryptWriter.open(vault, target, context, aad, 65536, replace)
        async with writer:
            await in_thread(copy, stop.unless(file.read), writer._writer.write, stop=stop)
    finally:
        file.close()


async def decrypt_file(
    vault: Vault, source: Path, target: Path, context: ContextLike, aad: Buffer | None, replace: bool
) -> None:
    """`AsyncVault.decrypt_file`."""
    stop = _Stop()
    reader = await asyncio.to_thread(DecryptReader, vault, source, context, aad, stop.token)
    with reader:
        await in_thread(decrypt_into, target, replace, stop.unless(reader.read1), stop=stop)


class _Stop:
    """Ends work in a thread between two pieces, and a wait for a KMS at once."""

    def __init__(self) -> None:
        self.token = CancelToken()
        self._told = False

    def __call__(self) -> None:
        self._told = True
        self.token.cancel()

    def unless(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """`read`, until it is told to stop."""

        def read_on(size: int) -> bytes:
            if self._told:
                raise asyncio.CancelledError
            return read(size)

        return read_on


async def _encryptor(vault: Vault, context: ContextLike, aad: Buffer | None, frame_size: int) -> Encryptor:
    calls = of_running_loop()
    return await calls.result(lambda mode: calls.native.encryptor(mode, vault, context, aad, frame_size))


def _pieces(chunk: Buffer) -> Iterator[memoryview]:
    octets = memoryview(chunk).cast("B")
    for start in range(0, len(octets), PIECE):
        yield octets[start : start + PIECE]
