"""The input of the measurements of streams: a tar of the standard libraries that are installed here, cut at a length."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "build/streams"


def standard_libraries() -> list[Path]:
    """Of Python, Rust and C, as far as they are here."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=False).stdout.strip()
    found = [Path(sysconfig.get_paths()["stdlib"]), Path(sysroot, "lib") if sysroot else None, Path("/usr/include"), Path("/usr/lib/gcc")]
    return [path for path in found if path and path.is_dir()]


def corpus(length: int) -> Path:
    """A file of exactly `length` bytes, made once; the tar begins anew when it ends before."""
    path = DIRECTORY / f"standard-libraries-{length}.tar"
    if path.exists() and path.stat().st_size == length:
        return path
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        target = Cut(file, length)
        while target.left:
            with tarfile.open(fileobj=target, mode="w|", bufsize=1 << 20) as archive:
                for directory in standard_libraries():
                    if target.left:
                        archive.add(directory, arcname=directory.name, filter=lambda member: member if target.left else None)
    return path


class Cut:
    """Passes so many bytes on and swallows the rest."""

    def __init__(self, file, left: int):
        self.file, self.left = file, left

    def write(self, data: bytes) -> int:
        kept = data[: self.left]
        self.file.write(kept)
        self.left -= len(kept)
        return len(data)


if __name__ == "__main__":
    print(*(corpus(int(length)) for length in sys.argv[1:]))
