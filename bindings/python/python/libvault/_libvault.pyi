from collections.abc import Mapping
from os import PathLike
from types import TracebackType
from typing import Any, NoReturn, Self, final

from typing_extensions import Buffer

from libvault._results import Decision, Initialized, Stats
from libvault._streams import DecryptReader, EncryptWriter, Readable, Writable

__all__ = [
    "AtomicFile",
    "CancelToken",
    "Context",
    "DataKey",
    "Decryptor",
    "Encryptor",
    "LoopCalls",
    "Reader",
    "Vault",
    "__version__",
    "decrypted_length",
    "has_feature",
    "init",
    "inspect",
    "open",
]

__version__: str

def open(config: str | PathLike[str] | Mapping[str, Any] | None = None) -> Vault: ...
def init(directory: str | PathLike[str]) -> Initialized: ...
def inspect(data: Buffer) -> dict[str, Any]: ...
def decrypted_length(envelope: Buffer) -> int: ...
def has_feature(name: str) -> bool: ...
@final
class Context:
    def __new__(cls, items: Context | Mapping[str, str]) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Context], tuple[dict[str, str]]]: ...

@final
class DataKey:
    @property
    def key(self) -> bytes: ...
    @property
    def bundle(self) -> bytes: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Vault:
    @staticmethod
    def context(items: Context | Mapping[str, str]) -> Context: ...
    def with_options(self, *, timeout: float | None = None, actor: str | None = None) -> Vault: ...
    def match_context(self, context: Context | Mapping[str, str]) -> Decision: ...
    def encrypt(
        self, data: Buffer, context: Context | Mapping[str, str], aad: Buffer | None = None, *, timeout: float | None = None
    ) -> bytes: ...
    def decrypt(
        self, envelope: Buffer, context: Context | Mapping[str, str], aad: Buffer | None = None, *, timeout: float | None = None
    ) -> bytes: ...
    def encrypt_into(
        self,
        data: Buffer,
        context: Context | Mapping[str, str],
        output: Buffer,
        aad: Buffer | None = None,
        *,
        timeout: float | None = None,
    ) -> int: ...
    def decrypt_into(
        self,
        envelope: Buffer,
        context: Context | Mapping[str, str],
        output: Buffer,
        aad: Buffer | None = None,
        *,
        timeout: float | None = None,
    ) -> int: ...
    def encrypted_length_limit(self, length: int, context: Context | Mapping[str, str]) -> int: ...
    def create_data_key(self, context: Context | Mapping[str, str], *, timeout: float | None = None) -> DataKey: ...
    def decrypt_data_key(
        self, bundle: Buffer, context: Context | Mapping[str, str], *, timeout: float | None = None
    ) -> DataKey: ...
    def rewrap(
        self,
        envelope_or_bundle: Buffer,
        context: Context | Mapping[str, str],
        *,
        keep_data_key: bool = False,
        allow_downgrade: bool = False,
        timeout: float | None = None,
    ) -> bytes: ...
    def reencrypt(
        self,
        envelope: Buffer,
        context: Context | Mapping[str, str],
        aad: Buffer | None = None,
        *,
        allow_downgrade: bool = False,
        timeout: float | None = None,
    ) -> bytes: ...
    def rekey(
        self,
        bundle: Buffer,
        old_context: Context | Mapping[str, str],
        new_context: Context | Mapping[str, str],
        *,
        allow_downgrade: bool = False,
        timeout: float | None = None,
    ) -> bytes: ...
    def open_encrypt(
        self,
        target: str | PathLike[str] | Writable,
        context: Context | Mapping[str, str],
        aad: Buffer | None = None,
        *,
        frame_size: int = 65536,
        replace: bool = False,
    ) -> EncryptWriter: ...
    def open_decrypt(
        self,
        source: str | PathLike[str] | Readable,
        context: Context | Mapping[str, str],
        aad: Buffer | None = None,
    ) -> DecryptReader: ...
    def encrypt_file(
        self,
        source: str | PathLike[str],
        target: str | PathLike[str],
        context: Context | Mapping[str, str],
        aad: Buffer | None = None,
        *,
        replace: bool = False,
    ) -> None: ...
    def decrypt_file(
        self,
        source: str | PathLike[str],
        target: str | PathLike[str],
        context: Context | Mapping[str, str],
        aad: Buffer | None = None,
        *,
        replace: bool = False,
    ) -> None: ...
    def reload(self, config: str | PathLike[str] | Mapping[str, Any] | None = None) -> None: ...
    def after_restore(self) -> None: ...
    def stats(self) -> Stats: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def __reduce__(self) -> NoReturn: ...

@final
class LoopCalls:
    def __new__(cls) -> Self: ...
    def fileno(self) -> int: ...
    def ended(self) -> list[tuple[int, Any, Exception | None]]: ...
    def cancel(self, number: int) -> None: ...
    def encrypt(
        self,
        mode: int,
        vault: Vault,
        data: Buffer,
        context: Context | Mapping[str, str],
        aad: Buffer | None,
        timeout: float | None,
    ) -> bytes | int | None: ...
    def decrypt(
        self,
        mode: int,
        vault: Vault,
        envelope: Buffer,
        context: Context | Mapping[str, str],
        aad: Buffer | None,
        timeout: float | None,
    ) -> bytes | int | None: ...
    def create_data_key(
        self, mode: int, vault: Vault, context: Context | Mapping[str, str], timeout: float | None
    ) -> DataKey | int | None: ...
    def decrypt_data_key(
        self, mode: int, vault: Vault, bundle: Buffer, context: Context | Mapping[str, str], timeout: float | None
    ) -> DataKey | int | None: ...
    def rewrap(
        self,
        mode: int,
        vault: Vault,
        envelope_or_bundle: Buffer,
        context: Context | Mapping[str, str],
        keep_data_key: bool,
        allow_downgrade: bool,
        timeout: float | None,
    ) -> bytes | int | None: ...
    def reencrypt(
        self,
        mode: int,
        vault: Vault,
        envelope: Buffer,
        context: Context | Mapping[str, str],
        aad: Buffer | None,
        allow_downgrade: bool,
        timeout: float | None,
    ) -> bytes | int | None: ...
    def rekey(
        self,
        mode: int,
        vault: Vault,
        bundle: Buffer,
        old_context: Context | Mapping[str, str],
        new_context: Context | Mapping[str, str],
        allow_downgrade: bool,
        timeout: float | None,
    ) -> bytes | int | None: ...
    def encryptor(
        self, mode: int, vault: Vault, context: Context | Mapping[str, str], aad: Buffer | None, frame_size: int
    ) -> Encryptor | int | None: ...
    def fetch_key(self, vault: Vault, decryptor: Decryptor) -> int: ...

@final
class Encryptor:
    def __new__(cls, vault: Vault, context: Context | Mapping[str, str], aad: Buffer | None, frame_size: int) -> Self: ...
    def update(self, data: Buffer) -> bytes: ...
    def update_now(self, data: Buffer) -> bytes | None: ...
    def finish(self) -> bytes: ...

@final
class Decryptor:
    def __new__(cls, vault: Vault, context: Context | Mapping[str, str], aad: Buffer | None) -> Self: ...
    def update(self, envelope: Buffer) -> bytes | None: ...
    def finish(self) -> bytes | None: ...

@final
class Reader:
    def __new__(
        cls,
        vault: Vault,
        source: Readable,
        context: Context | Mapping[str, str],
        aad: Buffer | None,
        cancel: CancelToken | None,
    ) -> Self: ...
    def readinto(self, output: Buffer) -> int: ...
    def read_at(self, offset: int, length: int) -> bytes: ...
    def seek(self, offset: int, whence: int) -> int: ...

@final
class AtomicFile:
    def __new__(cls, path: str | PathLike[str], plaintext: bool, replace: bool) -> Self: ...
    def write(self, data: bytes) -> int: ...
    def publish(self) -> None: ...
    def discard(self) -> None: ...

@final
class CancelToken:
    def __new__(cls) -> Self: ...
    def cancel(self) -> None: ...
