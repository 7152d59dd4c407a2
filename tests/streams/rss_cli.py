#!/usr/bin/env python3
"""Peak memory of the command line on streams, as JSON lines: {"language", "operation", "bytes", "peak_rss"}.

    tests/streams/rss_cli.py [BYTES ...]        50 MB and 2 GB without arguments

Encrypts, re-encrypts and decrypts from file to file and through pipes, and compares what comes out with what went in. Exits with 1 if
the peaks of an operation differ by more than 8 MiB between the sizes.
"""

from __future__ import annotations

import filecmp
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from corpus import DIRECTORY, ROOT, corpus

PROGRAM = ROOT / "target/release/libvault"
SIZES = [50_000_000, 2_000_000_000]
ALLOWED = 8 << 20
SECONDS = 900
CONTEXT = ["--context", "organization_id=org_123"]
NEXT = {"encrypt": "reencrypt", "reencrypt": "decrypt"}


def peak_of(process: subprocess.Popen) -> int:
    """The most resident memory of a process, asked of the kernel until it ends. What wait4 says would include that of its parent."""
    peak = 0
    ended = threading.Event()
    threading.Thread(target=lambda: (process.wait(SECONDS), ended.set()), daemon=True).start()
    while not ended.wait(0.01):
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        peak = max([peak, *(int(line.split()[1]) * 1024 for line in lines)])
    if process.returncode != 0:
        sys.exit(f"{process.args}: exit code {process.returncode}")
    return peak


def run(operation: str, shape: str, config: Path, source: Path, target: Path) -> int:
    command = [PROGRAM, operation, "--config", config, *CONTEXT]
    if shape == "file":
        return peak_of(subprocess.Popen([*command, "--input", source, "--output", target, "--force"]))
    with source.open("rb") as file, target.open("wb") as result:
        feeder = subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE)
        drain = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=result)
        process = subprocess.Popen(command, stdin=feeder.stdout, stdout=drain.stdin)
        feeder.stdout.close()
        drain.stdin.close()
        peak = peak_of(process)
        drain.wait(SECONDS)
    return peak


def measure(size: int, config: Path, directory: Path) -> dict[str, int]:
    peaks = {}
    for shape in ["file", "pipe"]:
        source, operation = corpus(size), "encrypt"
        while operation:
            target = directory / f"{operation}.out"
            name = f"{operation} ({shape})"
            peaks[name] = run(operation, shape, config, source, target)
            print(json.dumps({"language": "cli", "operation": name, "bytes": size, "peak_rss": peaks[name]}), flush=True)
            source, operation = target, NEXT.get(operation)
        if not filecmp.cmp(corpus(size), source, shallow=False):
            sys.exit(f"{size} bytes ({shape}): other bytes came out")
    return peaks


def main() -> int:
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rss-", dir=DIRECTORY) as scratch:
        directory = Path(scratch)
        subprocess.run([PROGRAM, "init", directory / "vault"], check=True, capture_output=True)
        measured = [measure(size, directory / "vault/libvault.toml", directory) for size in sizes]
    spread = {name: max(each[name] for each in measured) - min(each[name] for each in measured) for name in measured[0]}
    over = {name: difference for name, difference in spread.items() if difference > ALLOWED}
    for name, difference in over.items():
        print(f"{name}: the peaks differ by {difference} bytes", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
