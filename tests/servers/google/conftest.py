import pytest

from .http_client import Client
from .launcher import GoogleServer


@pytest.fixture(scope="package")
def client(tmp_path_factory):
    state = tmp_path_factory.mktemp("google")
    with GoogleServer(state) as server:
        yield Client(server)
    assert (state / "server.log").read_text() == "", "a fault of the server"
