"""What the names of the services mean, and how long it takes to find that out. Vaults here have no endpoint: they go by the real names, to port 443."""

import pytest
from providers.aws import OTHER_REGION
from providers.contract import Way
from providers.scene import CONTEXT, DATA, OK, OTHER
from servers.azure.hosts import LOGIN_HOSTS
from servers.certificates import make_certificates
from servers.faulty_proxy import FaultyProxy, Upstream
from servers.names import SILENCE

CLOUDS = ("aws", "azure", "gcp")
GOOGLE = "cloudkms.googleapis.com"
# Far more than this takes: whoever waits for a name that hangs waits to the end of the test.
TIMEOUTS = "[timeouts]\nconnect = 60000\nattempt = 60000\ntotal = 60000\n"


class Regional:
    """A key by the name of its region's endpoint."""

    def __init__(self, key):
        self.toml = f"{key.toml}regional_endpoint = true\n"
        self.host = f"cloudkms.{key.region}.rep.googleapis.com"


def _served(scene, address="127.0.0.1") -> dict[str, str]:
    """Every name of the provider leads to the scene's network."""
    server = scene.server
    hosts = (GOOGLE,) if server.provider == "gcp" else (server.steady_key.host, *(LOGIN_HOSTS if server.provider == "azure" else ()))
    return dict.fromkeys(hosts, f"{address}:{scene.network.port}")


def _two_customers(scene):
    """A customer's key, the name that only it needs, and another customer's key."""
    server = scene.server
    if server.provider == "gcp":
        regional = Regional(server.key())
        return regional, regional.host, server.steady_key
    key = server.key(OTHER_REGION) if server.provider == "aws" else server.key()
    return key, key.host, server.steady_key


@pytest.mark.parametrize("provider", CLOUDS)
def test_a_name_that_hangs_holds_up_only_those_who_need_it(make_scene, names, provider):
    """P4. The other customer needs a new connection, and so a lookup, for every call."""
    scene = make_scene(provider, named=True)
    key, name, others = _two_customers(scene)
    served = _served(scene)
    names.mean(served | {name: SILENCE})
    with scene.open(key, others=(others,), timeouts=TIMEOUTS, way=Way(None), environment=names.environment) as vault:
        vault.begin(40, "encrypt", DATA, CONTEXT)
        for _ in range(10):
            scene.network.drop_connections()
            assert vault.decrypt(vault.encrypt(DATA, OTHER), OTHER) == DATA
        assert vault.begun() == (40, [])
        names.mean(served | {name: next(iter(served.values()))})
        assert vault.outcomes(40) == [OK] * 40, "all who waited for the name heard of its answer"


@pytest.mark.parametrize("provider", CLOUDS)
def test_the_name_of_a_kms_that_moves_to_another_address(make_scene, names, provider):
    """While a vault is open. The old address goes away, as it does some time after a name moved."""
    scene = make_scene(provider, "127.0.0.2", named=True)
    there = _served(scene, "127.0.0.2")
    names.mean(there)
    with (
        scene.server.network("127.0.0.3") as new,
        scene.open(scene.server.steady_key, way=Way(None), environment=names.environment) as vault,
    ):
        envelope = vault.encrypt(DATA, CONTEXT)
        assert scene.network.exchanges and not new.exchanges
        names.mean(dict.fromkeys(there, f"127.0.0.3:{new.port}"))
        assert vault.decrypt(envelope, CONTEXT) == DATA
        assert not new.exchanges, "the connection that is there is used"
        scene.network.go_away()
        assert vault.decrypt(envelope, CONTEXT) == DATA
        assert new.exchanges
        names.mean()
        new.drop_connections()
        assert scene.outcome(vault.decrypt, envelope, CONTEXT) == "KmsUnavailable"
        names.mean(dict.fromkeys(there, f"127.0.0.3:{new.port}"))
        assert vault.decrypt(envelope, CONTEXT) == DATA


@pytest.mark.parametrize("provider", CLOUDS)
def test_a_stranger_at_the_address_of_a_name(make_scene, names, tmp_path, provider):
    """Whatever a resolver says: who has no certificate for the name is told nothing, though its authority be trusted."""
    scene = make_scene(provider, named=True)
    authority, tls = make_certificates(tmp_path / "stranger", "a stranger", ["stranger.example"])
    with FaultyProxy(Upstream(scene.network.port), tls) as stranger:
        names.mean({"*": f"127.0.0.1:{stranger.port}"})
        with scene.open(scene.server.steady_key, way=Way(None, ca=authority), environment=names.environment) as vault:
            assert scene.outcome(vault.encrypt, DATA, CONTEXT) == "KmsUnavailable"
            assert "certificate is for other names" in scene.refusals[-1].message
        assert stranger.exchanges == []
