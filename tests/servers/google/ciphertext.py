"""AES-256-GCM with the version named in the ciphertext. The frame is like Google's; the contents are ours and open nowhere else.

    0a 24 | 00 | 15 bytes key id | 4 bytes version, big-endian | 16 bytes salt      two fields of a protocol buffer,
    12 n  | 12 bytes nonce | encrypted | 16 bytes tag                               n is a varint

The salt makes a key of its own for each message, so that random nonces have no limit that a test could reach.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .state import CryptoKey, Version

_NAMED = b"\x0a\x24\x00"
_NAMED_BYTES = 35
_SEALED = b"\x12"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Malformed(ValueError):
    """The bytes are no ciphertext of this server."""


@dataclass(frozen=True)
class Ciphertext:
    key_id: str
    version: int
    named: bytes
    sealed: bytes


def encrypt(key: CryptoKey, version: Version, plaintext: bytes, aad: bytes) -> bytes:
    named = bytes.fromhex(key.key_id) + version.number.to_bytes(4, "big") + secrets.token_bytes(16)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + _cipher(version, named).encrypt(nonce, plaintext, named + aad)
    return _NAMED + named + _SEALED + _varint(len(sealed)) + sealed


def parse(data: bytes) -> Ciphertext:
    """Raises `Malformed`."""
    named, rest = data[3 : 3 + _NAMED_BYTES], data[3 + _NAMED_BYTES :]
    if not data.startswith(_NAMED) or not rest.startswith(_SEALED):
        raise Malformed
    for length_bytes in range(1, 5):
        sealed = rest[1 + length_bytes :]
        if rest[1 : 1 + length_bytes] == _varint(len(sealed)) and len(sealed) >= _NONCE_BYTES + _TAG_BYTES:
            return Ciphertext(named[:15].hex(), int.from_bytes(named[15:19], "big"), named, sealed)
    raise Malformed


def decrypt(version: Version, ciphertext: Ciphertext, aad: bytes) -> bytes | None:
    """None when the ciphertext or the AAD is not the one of the encryption."""
    nonce, encrypted = ciphertext.sealed[:_NONCE_BYTES], ciphertext.sealed[_NONCE_BYTES:]
    try:
        return _cipher(version, ciphertext.named).decrypt(nonce, encrypted, ciphertext.named + aad)
    except InvalidTag:
        return None


def _cipher(version: Version, named: bytes) -> AESGCM:
    return AESGCM(hmac.digest(bytes.fromhex(version.material), named, hashlib.sha256))


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
