"""Looks into the memory of another process: what is where, and what the kernel was told about it (Linux)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

STEP = 1 << 24


@dataclass(frozen=True)
class Region:
    start: int
    end: int
    writable: bool
    accessible: bool
    name: str


@dataclass(frozen=True)
class Hit:
    """Where a piece of a secret stands."""

    secret: str
    address: int
    region: Region


def regions(pid: int) -> list[Region]:
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        match = re.fullmatch(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)", line)
        start, end = int(match[1], 16), int(match[2], 16)
        found.append(Region(start, end, match[3][1] == "w", match[3][:3] != "---", match[4]))
    return found


def search(pid: int, secrets: Mapping[str, bytes]) -> list[Hit]:
    """Every place in writable memory that holds 16 bytes in a row of a secret: its first, its second, … 16 bytes."""
    pieces = {}
    for name, secret in secrets.items():
        for at in range(0, len(secret) - 15, 16):
            pieces.setdefault(bytes(secret[at : at + 16]), name)
    hits = []
    for region, address, content in _content(pid):
        for piece, name in pieces.items():
            at = content.find(piece)
            while at >= 0:
                hits.append(Hit(name, address + at, region))
                at = content.find(piece, at + 1)
    return hits


def flags_at(pid: int, address: int) -> set[str]:
    """The kernel's flags of the mapping: `dd` not dumped, `lo` locked, …"""
    start = end = 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            start, end = int(match[1], 16), int(match[2], 16)
        elif line.startswith("VmFlags:") and start <= address < end:
            return set(line.split()[1:])
    raise ValueError(f"nothing is mapped at {address:#x}")


def has_guards(pid: int, address: int) -> bool:
    """Whether the pages right before and right after the mapping can be neither read nor written."""
    all_regions = regions(pid)
    region = next(region for region in all_regions if region.start <= address < region.end)
    return all(
        any(other.start <= page < other.end and not other.accessible for other in all_regions)
        for page in (region.start - 1, region.end)
    )


def summary(hits: Iterable[Hit]) -> str:
    return "\n".join(sorted({f"{hit.secret} at {hit.address:#x} in {hit.region.name or 'anonymous memory'}" for hit in hits}))


def _content(pid: int) -> Iterator[tuple[Region, int, bytes]]:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for region in regions(pid):
            if not region.writable or region.name in ("[vvar]", "[vsyscall]"):
                continue
            for address in range(region.start, region.end, STEP):
                # What starts in a step and ends in the next one is found, too.
                length = min(STEP + 15, region.end - address)
                try:
                    memory.seek(address)
                    content = memory.read(length)
                except OSError:
                    continue  # a device's memory
                yield region, address, content
