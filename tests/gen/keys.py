"""Key schedule, bind digest and wraps: docs/envelope.md sections 4 and 5."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

WRAP_NONCE = bytes(12)
SALT_LENGTH = 16
TAG_LENGTH = 16


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac_sha256(salt, ikm)


def expand(prk: bytes, info: bytes) -> bytes:
    """HKDF-Expand for 32 bytes, which is exactly its first block."""
    return hmac_sha256(prk, info + b"\x01")


def xor(*parts: bytes) -> bytes:
    total = bytes(32)
    for part in parts:
        total = bytes(a ^ b for a, b in zip(total, part, strict=True))
    return total


class Schedule:
    """Everything that is derived from one data key and one context."""

    def __init__(self, data_key: bytes, suite: int, purpose: int, canon: bytes):
        salt = sha256(b"libvault/v1/ctx" + bytes([suite, purpose]) + canon)
        self._prk = extract(salt, data_key)
        self.commitment = expand(self._prk, b"libvault/v1/commit")
        self._bundle_key = expand(self._prk, b"libvault/v1/bundle")

    def message_key(self, prefix: bytes, message_id: bytes) -> bytes:
        return expand(self._prk, b"libvault/v1/msg" + prefix + message_id)

    def bundle_mac(self, version: int, suite: int, body_without_mac: bytes) -> bytes:
        return hmac_sha256(self._bundle_key, bytes([version, suite]) + body_without_mac)[:16]


def context_tag(commitment: bytes, canon: bytes) -> bytes:
    return sha256(b"libvault/v1/ctxtag" + commitment + canon)[:8]


def bind_digest(
    *,
    version: int,
    suite: int,
    purpose: int,
    policy: int,
    share_count: int,
    index: int,
    binding_id: bytes,
    key_ids: list[bytes],
    commitment: bytes,
    canon: bytes,
) -> bytes:
    head = bytes([version, suite, purpose, policy, share_count, index])
    named = binding_id + bytes([len(key_ids)]) + b"".join(key_ids)
    return sha256(b"libvault/v1/bind" + head + named + commitment + sha256(canon))


def seal_managed(keks: list[bytes], bind: bytes, salt: bytes, plaintext: bytes) -> bytes:
    chain = extract(b"libvault/v1/managed", b"".join(keks))
    return salt + _gcm(chain, bind, salt).encrypt(WRAP_NONCE, plaintext, bind)


def open_managed(keks: list[bytes], bind: bytes, blob: bytes) -> bytes | None:
    """The plaintext, or None if the tag does not verify."""
    chain = extract(b"libvault/v1/managed", b"".join(keks))
    return _open(chain, bind, blob[:SALT_LENGTH], blob[SALT_LENGTH:])


def seal_local(version: int, key: bytes, bind: bytes, salt: bytes, plaintext: bytes) -> bytes:
    chain = extract(b"libvault/v1/local", key)
    return version.to_bytes(4, "big") + salt + _gcm(chain, bind, salt).encrypt(WRAP_NONCE, plaintext, bind)


def open_local(versions: dict[int, bytes], bind: bytes, blob: bytes) -> bytes | None:
    """The plaintext, or None if the version is not in the file or the tag does not verify."""
    key = versions.get(int.from_bytes(blob[:4], "big"))
    if key is None:
        return None
    return _open(extract(b"libvault/v1/local", key), bind, blob[4:20], blob[20:])


def _gcm(chain: bytes, bind: bytes, salt: bytes) -> AESGCM:
    return AESGCM(expand(chain, b"libvault/v1/wrap" + bind + salt))


def _open(chain: bytes, bind: bytes, salt: bytes, sealed: bytes) -> bytes | None:
    if len(salt) < SALT_LENGTH or len(sealed) < TAG_LENGTH:
        return None
    try:
        return _gcm(chain, bind, salt).decrypt(WRAP_NONCE, sealed, bind)
    except InvalidTag:
        return None
