"""Forks of a Python program whose customer's key is in Azure or Google: children have tokens and connections of their own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libvault
import pytest
from test_python import CHILD_SECONDS, check, serve_with_gunicorn, use

from providers.clouds import Cloud, azure, google, make_vault
from servers.faulty_proxy import FaultyProxy


@dataclass(frozen=True)
class Place:
    cloud: Cloud
    network: FaultyProxy
    config: Path

    @property
    def connections(self) -> int:
        """How many there were so far."""
        return len({exchange.connection for exchange in self.network.exchanges})


@pytest.fixture(scope="module", params=[azure, google], ids=["azure", "gcp"])
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with request.param(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def place(cloud: Cloud, tmp_path: Path) -> Iterator[Place]:
    """A vault with a key in the cloud for org_kms, which is reached through a network that is watched; the others have managed keys."""
    with cloud.server.network() as network:
        cloud.lead_through(network)
        yield Place(cloud, network, make_vault(tmp_path / "vault", [cloud], {"org_kms": cloud.new_key()}))


inherited: libvault.Vault


def use_inherited(_turn: int) -> tuple[int, list[tuple[bytes, bytes]]]:
    return os.getpid(), use(inherited)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_multiprocessing_with_fork(place: Place) -> None:
    global inherited
    with libvault.open(place.config) as inherited:
        made, stop = use(inherited), threading.Event()
        of_parent, mark = place.connections, place.cloud.mark()
        busy = threading.Thread(target=lambda: [use(inherited) for _ in iter(stop.is_set, True)])
        busy.start()
        try:
            with multiprocessing.get_context("fork").Pool(3) as pool:
                results = pool.map_async(use_inherited, range(12), chunksize=1).get(CHILD_SECONDS)
        finally:
            stop.set()
            busy.join()
        children = {process for process, _ in results}
        assert os.getpid() not in children
        made += [one for _, of_child in results for one in of_child] + use(inherited)
        check(made)
        assert of_parent > 0
        assert place.connections >= of_parent + len(children), "a child went on with a connection of its parent"
        check_answers(place.cloud, mark)
        seen = place.cloud.since(mark)
        for sign_in in place.cloud.sign_in:
            asked = sum((one.operation, one.answer) == sign_in for one in seen)
            assert asked == len(children), f"each child asks for its own {sign_in[0]}, once"


def test_gunicorn_with_preload(place: Place, tmp_path: Path) -> None:
    mark = place.cloud.mark()
    check(serve_with_gunicorn(place.config, tmp_path))
    check_answers(place.cloud, mark)


def check_answers(cloud: Cloud, mark: int) -> None:
    answers = {one.answer for one in cloud.since(mark) if (one.operation, one.answer) not in cloud.sign_in}
    assert answers == {"OK"}
