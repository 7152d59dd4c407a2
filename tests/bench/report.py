"""Markdown for the benchmarks, the machine they ran on, and the programs they build."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "bench"

FRAME = """# Benchmarks

Written by the programs in `tests/bench/` and `tests/streams/`; do not edit the sections between the markers by hand.
"""


def table(header: list[str], rows: list[list[str]]) -> str:
    """The first column is text, the others are numbers."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_section(path: Path, name: str, text: str):
    """Replaces one program's section of a Markdown file; the rest of the file stays."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    document = path.read_text(encoding="utf-8") if path.exists() else FRAME
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(document):
        document = pattern.sub(lambda _: section, document)
    else:
        document = f"{document.rstrip()}\n\n{section}\n"
    path.write_text(document, encoding="utf-8")


def machine() -> str:
    """One sentence: processor, what of it matters to AES-GCM, kernel."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", cpuinfo, re.MULTILINE)
    known = flags[1].split() if flags else []
    interesting = [flag for flag in ("aes", "vaes", "vpclmulqdq", "avx512f", "sha_ni") if flag in known]
    name = model[1] if model else platform.machine()
    return f"{name} ({', '.join(interesting) or 'no flags known'}), {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def version(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def build_example(name: str) -> Path:
    """A copy of the core's example: building with other features, as tests do, would replace the original."""
    cargo("-p", "libvault-core", "--example", name)
    WORK.mkdir(parents=True, exist_ok=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return Path(shutil.copy(target / "release" / "examples" / name, WORK / name))


def cargo(*arguments: str):
    subprocess.run(["cargo", "build", "--release", "--quiet", *arguments], cwd=ROOT, check=True)
