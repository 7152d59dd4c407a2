#!/usr/bin/env python3
"""Peak memory of streams in C and C++, as JSON lines: {"language", "operation", "bytes", "peak_rss"}.

    tests/streams/rss_c.py [BYTES ...]        50 MB and 2 GB without arguments

Runs the examples stream_file of both languages, which encrypt a file and decrypt it again, built against the install tree of
`make build`, and compares what comes out with what went in. Exits with 1 if the peaks differ by more than 8 MiB between the sizes.
"""

from __future__ import annotations

import filecmp
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from corpus import DIRECTORY, ROOT, corpus
from rss_cli import ALLOWED, PROGRAM, SIZES, peak_of

INSTALLED = ROOT / "build/install/usr/local"
COMPILERS = {"c": ["gcc", "-std=c99", "-D_POSIX_C_SOURCE=200809L"], "cpp": ["g++", "-std=c++17"]}


def build(language: str, directory: Path) -> Path:
    program = directory / f"stream_file_{language}"
    source = ROOT / f"examples/{language}/stream_file.{language}"
    library = INSTALLED / "lib"
    command = [*COMPILERS[language], "-O2", f"-I{INSTALLED / 'include'}", source, f"-L{library}", f"-Wl,-rpath,{library}", "-lvault"]
    subprocess.run([*command, "-o", program], check=True)
    return program


def main() -> int:
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    worst = 0
    with tempfile.TemporaryDirectory(dir=DIRECTORY) as name:
        directory = Path(name)
        subprocess.run([PROGRAM, "init", directory / "vault"], check=True, capture_output=True)
        encrypted, decrypted = directory / "encrypted", directory / "decrypted"
        for language in COMPILERS:
            program, peaks = build(language, directory), []
            for size in sizes:
                source = corpus(size)
                command = [program, directory / "vault/libvault.toml", source, encrypted, decrypted]
                peaks.append(peak_of(subprocess.Popen(command, stdout=subprocess.DEVNULL)))
                print(json.dumps({"language": language, "operation": "stream_file", "bytes": size, "peak_rss": peaks[-1]}), flush=True)
                if not filecmp.cmp(source, decrypted, shallow=False):
                    sys.exit(f"{language}, {size} bytes: other bytes came out")
            worst = max(worst, max(peaks) - min(peaks))
    print(f"c, c++: peaks differ by at most {worst} bytes", file=sys.stderr)
    return 1 if worst > ALLOWED else 0


if __name__ == "__main__":
    sys.exit(main())
