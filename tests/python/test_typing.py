"""What type checkers see is what there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYRIGHT = HERE / "pyright/node_modules/.bin/pyright"
CONFIG = HERE.parents[1] / "bindings/python/pyproject.toml"


@pytest.mark.parametrize(
    "arguments",
    [
        ["mypy", "--strict", "--config-file", str(CONFIG), str(HERE / "typed_sample.py")],
        ["mypy", "--strict", "--config-file", str(CONFIG), *map(str, sorted(HERE.glob("*.py")))],
        ["mypy", "--strict", "--config-file", str(CONFIG), "-p", "libvault"],
        ["mypy.stubtest", "libvault", "--mypy-config-file", str(CONFIG)],
    ],
    ids=["a sample", "the tests", "the package", "the stubs against the module"],
)
def test_mypy_is_content(arguments: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "MYPY_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["-p", str(HERE / "pyright/pyrightconfig.json")], ["--verifytypes", "libvault", "--ignoreexternal"]],
    ids=["a sample", "every public name has a type"],
)
def test_pyright_is_content(arguments: list[str], tmp_path: Path) -> None:
    assert PYRIGHT.exists(), "make setup installs it"
    # It finds the package through the first python on PATH.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [str(PYRIGHT), "--warnings", "--pythonpath", sys.executable, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
