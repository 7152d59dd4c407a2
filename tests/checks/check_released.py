#!/usr/bin/env python3
"""The vectors of releases are append-only: see tests/vectors/released/README.md.

    tests/checks/check_released.py                 checks sums and history
    tests/checks/check_released.py --add VERSION   copies today's vectors
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
RELEASED = VECTORS / "released"
SUMS = RELEASED / "SHA256SUMS"
COPIED = ("envelope.json", "context.json", "write.json", "flip.json", "README.md")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--add"] and len(arguments) == 2:
        add(arguments[1])
    elif arguments:
        sys.exit(__doc__)
    wrong = check_sums() + check_history()
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(f"check_released: {len(kept())} files of {len({name.split('/')[0] for name in kept()})} releases, none changed")
    return 1 if wrong else 0


def add(version: str) -> None:
    target = RELEASED / version
    if target.exists():
        sys.exit(f"{target} exists already and is left as it is")
    target.mkdir()
    for name in COPIED:
        shutil.copyfile(VECTORS / name, target / name)
    shutil.copytree(VECTORS / "fixture", target / "fixture")
    lines = [f"{digest(path)}  {path.relative_to(RELEASED)}" for path in sorted(target.rglob("*")) if path.is_file()]
    with SUMS.open("a") as sums:
        sums.write("\n".join(lines) + "\n")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kept() -> dict[str, str]:
    lines = SUMS.read_text().splitlines() if SUMS.exists() else []
    return {name: value for value, name in (line.split("  ", 1) for line in lines)}


def check_sums() -> list[str]:
    present = {str(path.relative_to(RELEASED)): path for path in RELEASED.glob("*/**/*") if path.is_file()}
    listed = kept()
    return [f"released/{name} is gone" for name in listed.keys() - present.keys()] + [
        f"released/{name} {'is not in SHA256SUMS' if name not in listed else 'was changed'}"
        for name, path in present.items()
        if listed.get(name) != digest(path)
    ]


def check_history() -> list[str]:
    """Sums could be changed together with the files; commits that touched what was there tell. A copy without its history is not judged."""
    paths = ["--", "tests/vectors/released", ":!tests/vectors/released/README.md", ":!tests/vectors/released/SHA256SUMS"]
    command = ["git", "log", "--format=commit %h", "--name-status", "--diff-filter=MDRT", *paths]
    done = subprocess.run(command, cwd=VECTORS.parent.parent, capture_output=True, text=True)
    return [f"the history changes what was released: {done.stdout}"] if done.returncode == 0 and done.stdout.strip() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
