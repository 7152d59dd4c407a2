#!/usr/bin/env python3
"""Peak memory of Python on streams, as JSON lines: {"language", "operation", "bytes", "peak_rss"}.

    tests/streams/rss_python.py [BYTES ...]        50 MB and 2 GB without arguments

Every operation runs in a process of its own, which asks the kernel for its peak at the end. What comes out is compared with what went in. Exits with
1 if the peaks of an operation differ by more than 8 MiB between the sizes.
"""

from __future__ import annotations

import asyncio
import filecmp
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import libvault
from corpus import DIRECTORY, corpus

SIZES = [50_000_000, 2_000_000_000]
ALLOWED = 8 << 20
SECONDS = 900
CONTEXT = {"organization_id": "org_123"}
# In pairs: what encrypts, and what decrypts that.
OPERATIONS = ["open_encrypt", "open_decrypt", "encrypt_file", "decrypt_file", "encrypt_stream", "decrypt_stream"]


async def pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(200_000):
            yield piece


async def stream(operation: str, config: str, source: Path, target: Path) -> None:
    async with libvault.AsyncVault.open(config) as vault:
        with target.open("wb") as file:
            async for piece in getattr(vault, operation)(pieces(source), CONTEXT):
                file.write(piece)


def one(operation: str, config: str, source: Path, target: Path) -> None:
    """Does one operation and prints the peak of this process."""
    if operation.endswith("_stream"):
        asyncio.run(stream(operation, config, source, target))
    else:
        with libvault.open(config) as vault:
            match operation:
                case "open_encrypt":
                    with source.open("rb") as file, vault.open_encrypt(target, CONTEXT) as writer:
                        shutil.copyfileobj(file, writer, 1 << 20)
                case "open_decrypt":
                    with vault.open_decrypt(source, CONTEXT) as reader, target.open("wb") as file:
                        shutil.copyfileobj(reader, file, 1 << 20)
                case _:
                    getattr(vault, operation)(source, target, CONTEXT)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    print(int(peak) * 1024)


def measure(size: int, config: Path, directory: Path) -> dict[str, int]:
    peaks, envelope, copy = {}, directory / "envelope", directory / "copy"
    for operation in OPERATIONS:
        paths = [corpus(size), envelope] if "encrypt" in operation else [envelope, copy]
        command = [sys.executable, __file__, "--one", operation, config, *paths]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=SECONDS)
        peaks[operation] = int(done.stdout)
        print(json.dumps({"language": "python", "operation": operation, "bytes": size, "peak_rss": peaks[operation]}), flush=True)
        if paths[1] == copy:
            if not filecmp.cmp(corpus(size), copy, shallow=False):
                sys.exit(f"{operation} of {size} bytes: other bytes came out")
            envelope.unlink()
            copy.unlink()
    return peaks


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))
        return 0
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rss-", dir=DIRECTORY) as scratch:
        directory = Path(scratch)
        config = libvault.init(directory / "vault").config
        measured = [measure(size, config, directory) for size in sizes]
    over = {}
    for operation in OPERATIONS:
        peaks = [each[operation] for each in measured]
        if max(peaks) - min(peaks) > ALLOWED:
            over[operation] = max(peaks) - min(peaks)
            print(f"{operation}: the peaks differ by {over[operation]} bytes", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
