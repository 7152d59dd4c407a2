"""The three servers, and what all rows share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from providers.conftest import SERVERS
from servers.names import SILENCE, Names

from .faults import CLOUDS
from .spoilers import Trap
from .stage import Prepared, prepare

_SERVERS = {"aws": "MiniStack", "azure": "our key vault", "gcp": "our Cloud KMS"}


@pytest.fixture(scope="package")
def prepared(tmp_path_factory) -> Iterator[dict[str, Prepared]]:
    with ExitStack() as stack:
        found = {}
        for provider in CLOUDS:
            directory = tmp_path_factory.mktemp(provider)
            server = stack.enter_context(SERVERS[_SERVERS[provider]](directory))
            found[provider] = prepare(server, directory / "prepared")
        yield found


@pytest.fixture(scope="package")
def names(tmp_path_factory) -> dict[str, Names]:
    """By the fault of the resolver."""
    found = {fault: Names(tmp_path_factory.mktemp(fault)) for fault in ("unknown", "silent")}
    found["silent"].mean({"*": SILENCE})
    return found


@pytest.fixture(scope="package")
def trap() -> Iterator[Trap]:
    with Trap() as trap:
        yield trap
        assert not trap.was_called(), "a host that an answer named was called"
