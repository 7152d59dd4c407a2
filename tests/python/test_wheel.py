"""What the wheel carries besides the library."""

from __future__ import annotations

import importlib.metadata
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADVICE = "a build older than tools/rustc_without_paths.sh is reused: cargo clean"


def test_nothing_in_it_names_a_directory_of_the_machine_that_built_it() -> None:
    """Panic messages name the files of dependencies, and the list of components says where the workspace lay."""
    files = importlib.metadata.files("libvault") or []
    assert any(str(file).endswith(".cyclonedx.json") for file in files)
    for file in files:
        # pip writes this one on the machine that installs.
        if file.name in ("direct_url.json", "RECORD") or file.suffix == ".pyc":
            continue
        content = Path(str(file.locate())).read_bytes()
        for place in (ROOT, Path.home() / ".cargo", Path.home() / ".rustup"):
            found = re.search(re.escape(str(place)).encode() + rb"[^\0]{0,60}", content)
            # Cargo sees no reason to compile again what was compiled before the paths were left out. Where everything is compiled, nothing excuses them.
            if found and os.environ.get("CI") != "true":
                pytest.skip(f"{file.name} holds {found[0]!r}: {ADVICE}")
            assert not found, f"{file} holds {found[0]!r}"
