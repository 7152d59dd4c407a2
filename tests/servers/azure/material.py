"""Key material and what is done with it: RSA-OAEP and AES key wrap (RFC 3394)."""

import os
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from .directory import encode
from .errors import bad_parameter

RSA_SIZES = (2048, 3072, 4096)
AES_SIZES = (128, 192, 256)
_HASHES = {"RSA-OAEP": hashes.SHA1, "RSA-OAEP-256": hashes.SHA256}


class Material(Protocol):
    """One version's key, its size in bits. `public` is what a JSON Web Key shows of it."""

    kty: str
    size: int
    public: dict[str, str]

    def wrap(self, algorithm: str, key: bytes) -> bytes: ...

    def unwrap(self, algorithm: str, wrapped: bytes) -> bytes: ...


class RsaKey:
    """An RSA key. It wraps at most its length less twice the hash's length less two bytes."""

    def __init__(self, kty: str, size: int = 2048, public_exponent: int = 65537) -> None:
        if size not in RSA_SIZES:
            raise bad_parameter(f"Key size must be one of {', '.join(map(str, RSA_SIZES))} bits.")
        if public_exponent not in (3, 65537):
            raise bad_parameter("The public exponent is not supported.")
        self.kty, self.size = kty, size
        self._bytes = size // 8
        self._key = rsa.generate_private_key(public_exponent=public_exponent, key_size=size)
        numbers = self._key.public_key().public_numbers()
        self.public = {
            "n": encode(numbers.n.to_bytes(self._bytes, "big")),
            "e": encode(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
        }

    def wrap(self, algorithm: str, key: bytes) -> bytes:
        scheme, digest_size = self._padding(algorithm)
        if not key or len(key) > self._bytes - 2 * digest_size - 2:
            raise bad_parameter("The length of the value is not valid for the key and the algorithm.")
        return self._key.public_key().encrypt(key, scheme)

    def unwrap(self, algorithm: str, wrapped: bytes) -> bytes:
        scheme, _ = self._padding(algorithm)
        if len(wrapped) != self._bytes:
            raise bad_parameter("The length of the value is not valid for the key and the algorithm.")
        try:
            return self._key.decrypt(wrapped, scheme)
        except (ValueError, UnsupportedAlgorithm) as error:
            # One answer to every bad ciphertext, as the real service gives it: it tells nobody what was wrong.
            raise bad_parameter("Error occurred while decoding OAEP padding.") from error

    def _padding(self, algorithm: str) -> tuple[padding.OAEP, int]:
        if algorithm not in _HASHES:
            raise bad_parameter(f"Algorithm {algorithm} is not supported for a key of type {self.kty}.")
        digest = _HASHES[algorithm]
        return padding.OAEP(mgf=padding.MGF1(digest()), algorithm=digest(), label=None), digest.digest_size


class AesKey:
    """A symmetric key, which only managed HSMs hold. It wraps 16 bytes and more, in multiples of 8, with integrity."""

    def __init__(self, size: int = 256) -> None:
        if size not in AES_SIZES:
            raise bad_parameter(f"Key size must be one of {', '.join(map(str, AES_SIZES))} bits.")
        self.kty, self.size = "oct-HSM", size
        self.public: dict[str, str] = {}
        self._algorithm = f"A{size}KW"
        self._key = os.urandom(size // 8)

    def wrap(self, algorithm: str, key: bytes) -> bytes:
        self._check(algorithm)
        if len(key) < 16 or len(key) % 8:
            raise bad_parameter("The length of the value is not valid for the algorithm.")
        return aes_key_wrap(self._key, key)

    def unwrap(self, algorithm: str, wrapped: bytes) -> bytes:
        self._check(algorithm)
        try:
            return aes_key_unwrap(self._key, wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise bad_parameter("The value could not be unwrapped.") from error

    def _check(self, algorithm: str) -> None:
        if algorithm != self._algorithm:
            raise bad_parameter(f"Algorithm {algorithm} is not supported for this key.")


def make(kty: str, size: int | None, public_exponent: int | None, *, managed_hsm: bool) -> Material:
    """New material of a type that the vault can hold. A managed HSM keeps every key in hardware, whatever was asked for."""
    if kty in ("RSA", "RSA-HSM"):
        return RsaKey("RSA-HSM" if managed_hsm else kty, size or 2048, public_exponent or 65537)
    if kty in ("oct", "oct-HSM") and managed_hsm:
        return AesKey(size or 256)
    raise bad_parameter(f"Keys of type {kty} cannot be made in this vault.")
