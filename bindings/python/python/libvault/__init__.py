"""Bring-your-own-key envelope encryption.

    import libvault

    with libvault.open("libvault.toml") as vault:
        envelope = vault.encrypt(b"hello", {"organization_id": "org_123"})
        vault.decrypt(envelope, {"organization_id": "org_123"})

A key context, a mapping of str to str, decides which keys protect the data. `AsyncVault` has the same verbs as coroutines.
Errors are subclasses of `VaultError`. Log records go to the logger "libvault"; nothing is printed.
"""

import logging
import sysconfig

if sysconfig.get_config_var("Py_GIL_DISABLED"):
    # It copies callers' memory under the global lock, which other threads would not wait for there.
    raise ImportError("libvault does not support free-threaded Python yet: use a build with the global interpreter lock")

from libvault._async import AsyncVault
from libvault._async_streams import AsyncDecryptReader, AsyncEncryptWriter
from libvault._errors import (
    AccessDenied,
    AuditUnavailable,
    AuthenticationFailed,
    BufferTooSmall,
    Cancelled,
    CircuitOpen,
    Closed,
    Conflict,
    ContextMismatch,
    DowngradeRefused,
    InputError,
    IntegrityError,
    Internal,
    InternalError,
    InvalidArgument,
    InvalidConfig,
    InvalidContext,
    KeyDisabled,
    KeyNotFound,
    KeyNotReady,
    KeyPendingDeletion,
    KeyRefusedError,
    KeySuspended,
    KmsUnavailable,
    LimitExceeded,
    Malformed,
    NoMatchingKey,
    NotFound,
    PolicyError,
    PolicyMismatch,
    RegionNotAllowed,
    StoreUnavailable,
    Throttled,
    Timeout,
    UnavailableError,
    UnknownContextName,
    UnsupportedFormat,
    UsageError,
    VaultError,
    WouldBlock,
)
from libvault._libvault import (
    Context,
    DataKey,
    Vault,
    __version__,
    decrypted_length,
    has_feature,
    init,
    inspect,
    open,
)
from libvault._results import Decision, Initialized, MatchedBinding, Stats
from libvault._streams import DecryptReader, EncryptWriter

__all__ = [
    "AccessDenied",
    "AsyncDecryptReader",
    "AsyncEncryptWriter",
    "AsyncVault",
    "AuditUnavailable",
    "AuthenticationFailed",
    "BufferTooSmall",
    "Cancelled",
    "CircuitOpen",
    "Closed",
    "Conflict",
    "Context",
    "ContextMismatch",
    "DataKey",
    "Decision",
    "DecryptReader",
    "DowngradeRefused",
    "EncryptWriter",
    "Initialized",
    "InputError",
    "IntegrityError",
    "Internal",
    "InternalError",
    "InvalidArgument",
    "InvalidConfig",
    "InvalidContext",
    "KeyDisabled",
    "KeyNotFound",
    "KeyNotReady",
    "KeyPendingDeletion",
    "KeyRefusedError",
    "KeySuspended",
    "KmsUnavailable",
    "LimitExceeded",
    "Malformed",
    "MatchedBinding",
    "NoMatchingKey",
    "NotFound",
    "PolicyError",
    "PolicyMismatch",
    "RegionNotAllowed",
    "Stats",
    "StoreUnavailable",
    "Throttled",
    "Timeout",
    "UnavailableError",
    "UnknownContextName",
    "UnsupportedFormat",
    "UsageError",
    "Vault",
    "VaultError",
    "WouldBlock",
    "__version__",
    "decrypted_length",
    "has_feature",
    "init",
    "inspect",
    "open",
]

# A library leaves it to the program whether and where its log is seen.
logging.getLogger("libvault").addHandler(logging.NullHandler())
