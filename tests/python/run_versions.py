#!/usr/bin/env python3
"""Runs the tests of the Python package under every other version of CPython that the wheel is for and that is found here.

    make test-python           runs it after the tests under the version of .venv

An interpreter is looked for as python3.N on PATH and among the versions of pyenv. What is not found is counted and named, and is no failure.
The type checkers run under one version only: they are asked about the package, not about the interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]
REQUIREMENTS = [line for line in (ROOT / "tests/requirements.txt").read_text("utf-8").split() if line.startswith(("pytest=", "uvloop="))]


def main() -> int:
    (wheel,) = (ROOT / "build/dist").glob("libvault-*.whl")
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    tested, missing, failed = [], [], []
    for version in VERSIONS:
        if version == own:
            continue
        interpreter = find(version)
        if interpreter is None:
            missing.append(version)
        elif run_tests(interpreter, version, wheel):
            tested.append(version)
        else:
            failed.append(version)
    print(f"other versions of Python: {len(tested)} passed ({', '.join(tested)}), {len(failed)} failed ({', '.join(failed)}), ", end="")
    print(f"{len(missing)} not found here and skipped ({', '.join(missing)})")
    return 1 if failed else 0


def find(version: str) -> Path | None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = [Path(directory) / f"python{version}" for directory in os.environ["PATH"].split(os.pathsep)]
    of_pyenv = sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)
    for candidate in [*on_path, *of_pyenv]:
        # A shim of pyenv is there for every version, and works for the chosen ones.
        if candidate.exists() and subprocess.run([candidate, "-c", "import venv, ssl"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def run_tests(interpreter: Path, version: str, wheel: Path) -> bool:
    place = ROOT / "build/venvs" / version
    python = str(place / "bin/python")
    if not place.exists():
        subprocess.run([interpreter, "-m", "venv", place], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *REQUIREMENTS], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(wheel)], check=True)
    print(f"under Python {version}:", flush=True)
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/python", "--ignore", "tests/python/test_typing.py"]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
