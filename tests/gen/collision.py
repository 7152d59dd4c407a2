"""One GCM ciphertext that opens under two keys (Dodis et al., CRYPTO 2018; Albertini et al., USENIX Security 2022).

GCM does not commit to its key: the tag is a polynomial in the hash key, so one free ciphertext block is enough to make
the tags under two keys equal. The key commitment exists because of this."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_REDUCTION = 0xE1 << 120
_ONE = 1 << 127


def colliding_ciphertext(first_key: bytes, second_key: bytes, nonce: bytes, text: bytes) -> bytes:
    """Ciphertext and tag valid under both keys (no AAD); under the first key it begins with the 16 bytes of `text`."""
    block = AESGCM(first_key).encrypt(nonce, text, None)[:16]
    lengths = (0).to_bytes(8, "big") + (256).to_bytes(8, "big")
    hash_keys = [_number(_ecb(key, bytes(16))) for key in (first_key, second_key)]
    masks = [_number(_ecb(key, nonce + (1).to_bytes(4, "big"))) for key in (first_key, second_key)]
    # tag = block·H³ + free·H² + lengths·H + mask, for both keys: equal tags are one linear equation in the free block.
    fixed = [
        _multiply(_number(block), _power(h, 3)) ^ _multiply(_number(lengths), h) ^ mask
        for h, mask in zip(hash_keys, masks, strict=True)
    ]
    slope = _power(hash_keys[0], 2) ^ _power(hash_keys[1], 2)
    free = _multiply(fixed[0] ^ fixed[1], _inverse(slope))
    tag = fixed[0] ^ _multiply(free, _power(hash_keys[0], 2))
    return block + free.to_bytes(16, "big") + tag.to_bytes(16, "big")


def _ecb(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def _number(block: bytes) -> int:
    return int.from_bytes(block, "big")


def _multiply(a: int, b: int) -> int:
    """In GCM's field GF(2^128), whose bit 0 is the most significant one."""
    product = 0
    for bit in range(127, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (_REDUCTION if b & 1 else 0)
    return product


def _power(a: int, exponent: int) -> int:
    result = _ONE
    for _ in range(exponent):
        result = _multiply(result, a)
    return result


def _inverse(a: int) -> int:
    result, square = _ONE, a
    for _ in range(127):  # a^(2^128 - 2)
        square = _multiply(square, square)
        result = _multiply(result, square)
    return result
