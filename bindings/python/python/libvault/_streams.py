"""File-likes: `Vault.open_encrypt` and `Vault.open_decrypt`."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, Self, TypeAlias, final

from libvault._errors import VaultError
from libvault._libvault import AtomicFile, CancelToken, Context, Encryptor, Reader, Vault

if TYPE_CHECKING:
    from typing_extensions import Buffer

ContextLike: TypeAlias = Context | Mapping[str, str]

# Bytes that are worked on at once, so that one large write needs no large memory.
PIECE = 1 << 18


class Writable(Protocol):
    """What `open_encrypt` can write to besides a path: any binary file, socket file or pipe."""

    def write(self, data: bytes, /) -> int | None: ...


class Readable(Protocol):
    """What `open_decrypt` can read besides a path. Where it has `seek`, so has the reader."""

    def read(self, size: int, /) -> bytes | None: ...


@final
class EncryptWriter(io.BufferedIOBase):
    """Encrypts what is written to it.

    The envelope is complete when `close` returns, which the end of a `with` block calls. After an exception in the block, and when the writer is thrown away
    unclosed, nothing appears under the path; what went into a file object stays truncated, and no reader accepts it. A file object is not closed.
    """

    def __init__(
        self, vault: Vault, target: str | os.PathLike[str] | Writable, context: ContextLike, aad: Buffer | None, frame_size: int, replace: bool
    ) -> None:
        # The file first: what cannot be written uses no key.
        opened = open_target(target, replace)
        self._begin(opened, Encryptor(vault, context, aad, frame_size))

    @classmethod
    def _of(cls, target: AtomicFile | Writable, encryptor: Encryptor) -> Self:
        writer = cls.__new__(cls)
        writer._begin(target, encryptor)
        return writer

    def _begin(self, target: AtomicFile | Writable, encryptor: Encryptor) -> None:
        self._target = target
        self._encryptor = encryptor
        self._interrupted = False
        self._open = True

    def writable(self) -> bool:
        """True."""
        self._check_open()
        return True

    def write(self, data: Buffer, /) -> int:
        """Encrypts all of `data`; gives its length in bytes."""
        self._check_open()
        with memoryview(data) as view, view.cast("B") as octets:
            for start in range(0, len(octets), PIECE):
                # From before the encryption, which goes on whatever becomes of its result: an exception between it and the end of the write, such
                # as KeyboardInterrupt, leaves a gap.
                self._interrupted = True
                try:
                    self._put(self._encryptor.update(octets[start : start + PIECE]))
                except VaultError:
                    # The stream is dead, and `close` says why.
                    self._interrupted = False
                    raise
                self._interrupted = False
            return len(octets)

    def flush(self) -> None:
        """Flushes a file object; a frame that is not full stays."""
        if getattr(self, "_open", False) and not isinstance(self._target, AtomicFile):
            _flush(self._target)

    def close(self) -> None:
        """Completes the envelope. After an error nothing is left under the path."""
        if not getattr(self, "_open", False):
            super().close()
            return
        try:
            if self._interrupted:
                raise OSError("a write was interrupted: the envelope has a gap")
            self._put(self._encryptor.finish())
            if isinstance(self._target, AtomicFile):
                self._target.publish()
            else:
                _flush(self._target)
        finally:
            self.discard()

    def discard(self) -> None:
        """Closes without completing: nothing appears under the path."""
        if getattr(self, "_open", False):
            self._open = False
            if isinstance(self._target, AtomicFile):
                self._target.discard()
        super().close()

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exception_type is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        # That of io.IOBase would close, and so complete what its writer never completed.
        if getattr(self, "_open", False):
            warnings.warn(f"unclosed {self!r}: the envelope is discarded", ResourceWarning, stacklevel=1, source=self)
            self.discard()

    def __repr__(self) -> str:
        return "<libvault.EncryptWriter>"

    def _put(self, envelope: bytes) -> None:
        if isinstance(self._target, AtomicFile):
            self._target.write(envelope)
        else:
            write_all(self._target, envelope)

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("I/O operation on closed file")


@final
class DecryptReader(io.BufferedReader):
    """Decrypts what it reads, with all that an `io.BufferedReader` has.

    Only authenticated bytes come out, and the end is reported only where the envelope ends: a truncated one raises. It can seek where its source can; a seek
    and `read_at` authenticate the end of the envelope before anything else. A file object that was passed in is not closed.
    """

    def __init__(
        self,
        vault: Vault,
        source: str | os.PathLike[str] | Readable,
        context: ContextLike,
        aad: Buffer | None,
        cancel: CancelToken | None = None,
    ) -> None:
        self._raw = _RawReader(vault, source, context, aad, cancel)
        super().__init__(self._raw, PIECE)

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads `length` bytes at `offset` of the plaintext, less only at its end; the position stays."""
        return self._raw.read_at(offset, length)

    def __repr__(self) -> str:
        return "<libvault.DecryptReader>"


class _RawReader(io.RawIOBase):
    _owned: BinaryIO | None = None

    def __init__(
        self,
        vault: Vault,
        source: str | os.PathLike[str] | Readable,
        context: ContextLike,
        aad: Buffer | None,
        cancel: CancelToken | None,
    ) -> None:
        self._source, self._owned = _source(source)
        self._position = 0
        try:
            self._reader = Reader(vault, self._source, context, aad, cancel)
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        self._check_open()
        return True

    def seekable(self) -> bool:
        self._check_open()
        seekable = getattr(self._source, "seekable", None)
        return bool(seekable is not None and seekable())

    def readinto(self, buffer: Buffer, /) -> int:
        self._check_open()
        count = self._reader.readinto(buffer)
        self._position += count
        return count

    def read_at(self, offset: int, length: int) -> bytes:
        self._check_open()
        if offset < 0 or length < 0:
            raise ValueError("offset and length are not negative")
        if not self.seekable():
            raise io.UnsupportedOperation("the source cannot seek")
        return self._reader.read_at(offset, length)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._check_open()
        # Where it stands is known without asking the source.
        if (offset, whence) != (0, os.SEEK_CUR):
            if not self.seekable():
                raise io.UnsupportedOperation("the source cannot seek")
            self._position = self._reader.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def close(self) -> None:
        if not self.closed and self._owned is not None:
            self._owned.close()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


def encrypt_file(
    vault: Vault, source: str | os.PathLike[str], target: str | os.PathLike[str], context: ContextLike, aad: Buffer | None, replace: bool
) -> None:
    """`Vault.encrypt_file`."""
    with open(source, "rb", buffering=0) as file, vault.open_encrypt(target, context, aad, replace=replace) as writer:
        copy(file.read, writer.write)


def decrypt_file(
    vault: Vault, source: str | os.PathLike[str], target: str | os.PathLike[str], context: ContextLike, aad: Buffer | None, replace: bool
) -> None:
    """`Vault.decrypt_file`."""
    with vault.open_decrypt(source, context, aad) as reader:
        decrypt_into(target, replace, reader.read1)


def decrypt_into(
    target: str | os.PathLike[str], replace: bool, read: Callable[[int], bytes]
) -> None:
    """Makes a file of everything that a reader gives, through `read`."""
    file = AtomicFile(target, True, replace)
    try:
        copy(read, file.write)
        file.publish()
    finally:
        file.discard()


def copy(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    """Moves everything, a piece at a time."""
    while piece := read(PIECE):
        write(piece)


def write_all(target: Writable, data: bytes) -> None:
    """Writes everything, also to a raw file, which may take a part."""
    rest = memoryview(data)
    while rest:
        written = target.write(rest)  # type: ignore[arg-type]
        if written is None:
            raise BlockingIOError("the target takes no data now")
        rest = rest[written:]


def _flush(target: Writable) -> None:
    flush = getattr(target, "flush", None)
    if flush is not None:
        flush()


def open_target(target: str | os.PathLike[str] | Writable, replace: bool) -> AtomicFile | Writable:
    """What an encrypted stream is written to."""
    if isinstance(target, (str, os.PathLike)):
        return AtomicFile(target, False, replace)
    if isinstance(target, io.TextIOBase) or not hasattr(target, "write"):
        raise TypeError(f"target: a path or a binary file is required, not '{type(target).__name__}'")
    return target


def _source(source: str | os.PathLike[str] | Readable) -> tuple[Readable, BinaryIO | None]:
    if isinstance(source, (str, os.PathLike)):
        opened: Any = open(source, "rb", buffering=0)
        return opened, opened
    if isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise TypeError(f"source: a path or a binary file is required, not '{type(source).__name__}'")
    return source, None
