"""Reproducible bytes in place of random ones: SHA-256 in counter mode over a label."""

from __future__ import annotations

import hashlib


class SeededBytes:
    """A stream of bytes that only the label decides. `drawn` keeps everything handed out, in order."""

    def __init__(self, label: str):
        self._label = b"libvault test vectors, not random: " + label.encode()
        self._counter = 0
        self._buffer = b""
        self.drawn = b""

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += hashlib.sha256(self._label + self._counter.to_bytes(8, "big")).digest()
            self._counter += 1
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        self.drawn += taken
        return taken

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1 (for choices, not for keys: the slight bias does not matter here)."""
        return int.from_bytes(self.take(4), "big") % limit

    def pick(self, options):
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent
