"""The official client of Python. The other languages are slower to set up: check_node_and_go.py."""

import sys
from pathlib import Path

import pytest

from .cases import Cases
from .world import start


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = Path(__file__).parent / "python"
    yield from start([sys.executable, "driver.py"], directory, tmp_path_factory.mktemp("google"))


class TestPython(Cases):
    pass
