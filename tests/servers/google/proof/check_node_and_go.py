"""The official clients of Node and Go, which `make test-servers-google` sets up. Not called test_*.py: `make test` leaves it out."""

from pathlib import Path

import pytest

from .cases import Cases
from .world import start

HERE = Path(__file__).parent
COMMANDS = {"node": ["node", "driver.js"], "go": [str(HERE / "go" / "driver")]}


@pytest.fixture(scope="module", params=COMMANDS)
def world(request, tmp_path_factory):
    yield from start(COMMANDS[request.param], HERE / request.param, tmp_path_factory.mktemp(request.param))


class TestOtherClients(Cases):
    pass
