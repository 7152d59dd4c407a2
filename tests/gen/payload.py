"""Payload frames: docs/envelope.md section 6."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys import sha256

TAG_LENGTH = 16
FRAMED_FLAG = 0x80
EXPONENT_MASK = 0x1F


def nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def frame_aad(aad: bytes | None) -> bytes:
    return sha256(aad) if aad else b""


def frame_size(flags: int) -> int | None:
    """Payload bytes of a full frame, or None for the one-shot form."""
    return 1 << (flags & EXPONENT_MASK) if flags & FRAMED_FLAG else None


def cut(data: bytes, size: int | None) -> list[bytes]:
    """Pieces of `size` bytes, the last one shorter; always at least one piece."""
    if size is None or not data:
        return [data]
    return [data[at : at + size] for at in range(0, len(data), size)]


def cut_frames(frames: bytes, flags: int) -> list[bytes]:
    size = frame_size(flags)
    return cut(frames, None if size is None else size + TAG_LENGTH)


def seal(key: bytes, flags: int, data: bytes, aad: bytes | None) -> bytes:
    return seal_pieces(key, cut(data, frame_size(flags)), aad)


def seal_pieces(key: bytes, pieces: list[bytes], aad: bytes | None) -> bytes:
    cipher, last = AESGCM(key), len(pieces) - 1
    return b"".join(cipher.encrypt(nonce(i, i == last), piece, frame_aad(aad)) for i, piece in enumerate(pieces))


def unseal(key: bytes, flags: int, frames: bytes, aad: bytes | None) -> bytes | None:
    """The payload, or None if any frame's tag does not verify."""
    cipher, pieces = AESGCM(key), cut_frames(frames, flags)
    try:
        return b"".join(
            cipher.decrypt(nonce(i, i == len(pieces) - 1), piece, frame_aad(aad)) for i, piece in enumerate(pieces)
        )
    except InvalidTag:
        return None
