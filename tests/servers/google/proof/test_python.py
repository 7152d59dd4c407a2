"""The official client of Python. The other languages are slower to set up: check_node_and_go.py."""

import sys
from pathlib import Path

import pytest

from . import cases


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = Path(__file__).parent / "python"
    yield from cases.start([sys.executable, "driver.py"], directory, tmp_path_factory.mktemp("google"))


class TestPython(cases.Cases):
    pass
