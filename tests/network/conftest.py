"""A server of each provider, and a vault that reaches it through a network that the test makes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from providers.conftest import SERVERS
from providers.contract import KeyServer
from providers.drivers import RustVault
from providers.scene import Scene
from servers.azure.hosts import LOGIN_HOSTS, VAULT_SUFFIXES
from servers.faulty_proxy import FaultyProxy
from servers.names import Names

_SERVERS = {"aws": "MiniStack", "azure": "our key vault", "gcp": "our Cloud KMS"}
# Ends of the names of the real services.
SERVICES = {"azure": (*VAULT_SUFFIXES, *LOGIN_HOSTS), "gcp": (".googleapis.com",)}


@pytest.fixture(scope="package")
def servers(tmp_path_factory) -> Iterator[Callable[[str], KeyServer]]:
    with ExitStack() as stack:
        running: dict[str, KeyServer] = {}

        def get(provider: str) -> KeyServer:
            if provider not in running:
                directory = tmp_path_factory.mktemp(provider)
                running[provider] = stack.enter_context(SERVERS[_SERVERS[provider]](directory))
            return running[provider]

        yield get


@pytest.fixture(scope="package")
def resolver(tmp_path_factory) -> Names:
    return Names(tmp_path_factory.mktemp("names"))


@pytest.fixture
def names(resolver) -> Names:
    """No name means anything until the test says so."""
    resolver.mean()
    return resolver


@pytest.fixture
def make_scene(servers, tmp_path) -> Iterator[Callable[..., Scene]]:
    """A scene whose network is a proxy in front of the server, with an authority of its own; if `named`, for the names of the real service."""
    with ExitStack() as stack:
        count = 0

        def make(provider: str, address: str = "127.0.0.1", tokens: bool = False, named: bool = False, driver: type = RustVault) -> Scene:
            nonlocal count
            count += 1
            server = servers(provider)
            directory: Path = tmp_path / f"vault-{count}"
            server = server.by_name(tmp_path / f"certificates-{count}") if named else server
            network: FaultyProxy = stack.enter_context(server.network(address))
            return Scene(server.asking_for_tokens() if tokens else server, directory, network, driver)

        yield make
