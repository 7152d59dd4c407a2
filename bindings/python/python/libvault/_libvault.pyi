from collections.abc import Mapping
from os import PathLike
from types import TracebackType
from typing import Any, NoReturn, Self, final

from typing_extensions import Buffer

from libvault._results import Decision, Initialized, Stats

__all__ = [
    "Context",
    "DataKey",
    "LoopCalls",
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
    def reload(self, config: str | PathLike[str] | Mapping[str, Any] | None = None) -> None: ...
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
