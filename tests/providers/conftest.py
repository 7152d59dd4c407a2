"""The servers, each started once when the first case asks for it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from servers import ministack, moto
from servers.azure.client import AzureServer as AzureProcess
from servers.google import GoogleServer as GoogleProcess

from .aws import AwsServer
from .azure import AzureServer
from .contract import KeyServer
from .google import GoogleServer
from .local import KeyFiles
from .scene import Scene


@contextmanager
def _azure(directory: Path, managed_hsm: bool) -> Iterator[KeyServer]:
    with AzureProcess.run(directory / "process") as process:
        yield AzureServer(process, directory, managed_hsm)


@contextmanager
def _google(directory: Path) -> Iterator[KeyServer]:
    with GoogleProcess(directory / "process") as process:
        yield GoogleServer(process, directory)
    assert (directory / "process/server.log").read_text() == "", "a fault of the server"


@contextmanager
def _aws(start: Callable, directory: Path) -> Iterator[KeyServer]:
    with start(directory / "emulator.log") as emulator:
        yield AwsServer(emulator)


@contextmanager
def _local(directory: Path) -> Iterator[KeyServer]:
    yield KeyFiles(directory)


SERVERS: dict[str, Callable[[Path], AbstractContextManager[KeyServer]]] = {
    "key file": _local,
    "MiniStack": lambda directory: _aws(ministack, directory),
    "moto": lambda directory: _aws(moto, directory),
    "our key vault": lambda directory: _azure(directory, managed_hsm=False),
    "our managed HSM": lambda directory: _azure(directory, managed_hsm=True),
    "our Cloud KMS": _google,
}


@pytest.fixture(scope="package")
def servers(tmp_path_factory) -> Iterator[Callable[[str], KeyServer]]:
    with ExitStack() as stack:
        running: dict[str, KeyServer] = {}

        def get(name: str) -> KeyServer:
            if name not in running:
                running[name] = stack.enter_context(SERVERS[name](tmp_path_factory.mktemp("server")))
                assert running[name].name == name
            return running[name]

        yield get


@pytest.fixture
def make_scene(servers, tmp_path) -> Iterator[Callable[..., Scene]]:
    """A scene at a server, with a network of its own in between."""
    with ExitStack() as stack:
        scenes = []

        def make(name: str, **arguments: object) -> Scene:
            server = servers(name)
            network = None if server.provider == "local" else stack.enter_context(server.network())
            scenes.append(Scene(server, tmp_path / f"vault-{len(scenes)}", network, **arguments))
            return scenes[-1]

        yield make
        assert [scene.managed_keys() for scene in scenes] == [0] * len(scenes), "a managed key took the place of a customer's"
