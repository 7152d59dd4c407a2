"""Key contexts: the canonical form of docs/envelope.md section 2."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from refusal import Refused

MAX_ITEMS = 10
MAX_NAME_CHARACTERS = 120
MAX_VALUE_CHARACTERS = 500
MAX_BYTES = 8192
RESERVED_PREFIXES = ("libvault:", "aws:")

Items = list[tuple[str, str]]


def canonical(items: Items) -> bytes:
    """The canonical bytes of a context, or Refused("InvalidContext") naming the offending item."""
    if not 1 <= len(items) <= MAX_ITEMS:
        raise Refused("InvalidContext", names=(None,))
    encoded = sorted(_encode_item(name, value) for name, value in items)
    for before, after in pairwise(encoded):
        if before[0] == after[0]:
            raise Refused("InvalidContext", names=(before[0].decode(),))
    canon = bytes([len(encoded)]) + b"".join(length_prefixed(name) + length_prefixed(value) for name, value in encoded)
    if len(canon) > MAX_BYTES:
        raise Refused("InvalidContext", names=(None,))
    return canon


def items_of(canon: bytes) -> Items:
    """The items of canonical bytes; ValueError unless `canon` is exactly what `canonical` writes."""
    if not canon:
        raise ValueError("empty")
    at, items = 1, []
    for _ in range(canon[0]):
        name, at = _read_prefixed(canon, at)
        value, at = _read_prefixed(canon, at)
        items.append((name.decode("utf-8"), value.decode("utf-8")))
    try:
        again = canonical(items)
    except Refused as refused:
        raise ValueError("breaks a rule of section 2") from refused
    if again != canon:
        raise ValueError("not sorted, or bytes are left over")
    return items


def length_prefixed(data: bytes) -> bytes:
    """Two bytes of length, then the data: also the form in which the store hashes an item."""
    return len(data).to_bytes(2, "big") + data


def _read_prefixed(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(data):
        raise ValueError("ends inside a length")
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    if end > len(data):
        raise ValueError("ends inside a name or value")
    return data[at + 2 : end], end


def _encode_item(name: str, value: str) -> tuple[bytes, bytes]:
    # A lone surrogate in the name leaves nothing that could be named: the error then names no item.
    name_bytes = _encode(name, MAX_NAME_CHARACTERS, None if _has_surrogate(name) else name)
    if name.startswith(RESERVED_PREFIXES):
        raise Refused("InvalidContext", names=(name,))
    return name_bytes, _encode(value, MAX_VALUE_CHARACTERS, name)


def _encode(text: str, most: int, named: str | None) -> bytes:
    bad = not 1 <= len(text) <= most or _has_surrogate(text) or any(unicodedata.category(c) == "Cc" for c in text)
    if bad:
        raise Refused("InvalidContext", names=(named,))
    return text.encode("utf-8")


def _has_surrogate(text: str) -> bool:
    return any(0xD800 <= ord(c) <= 0xDFFF for c in text)
