"""Through a company's proxy, which may look into TLS with an authority of its own.

Vaults here know the services by their real names only; the resolver of the test answers for none of them, so that whoever does not ask the proxy
reaches nobody.
"""

from contextlib import contextmanager

import pytest
from providers.contract import Way
from providers.scene import CONTEXT, DATA, OK, PATIENT
from servers.certificates import make_certificates
from servers.connect_proxy import ConnectProxy

from .conftest import SERVICES

PROVIDERS = ("azure", "gcp")
by_provider = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture
def office(make_scene, names):
    """A scene, and a way to start proxies that lead to its network."""

    class Office:
        def __init__(self, provider, tokens=False):
            self.scene = make_scene(provider, tokens=tokens)
            self._ends = dict.fromkeys(SERVICES[provider], self.scene.network.port)

        def proxy(self, **arguments):
            return ConnectProxy(self._ends, **arguments)

        @contextmanager
        def open(self, network="", ca=None, timeouts=PATIENT, **environment):
            way = Way(None, ca, network)
            key = self.scene.server.steady_key
            with self.scene.open(key, way=way, timeouts=timeouts, environment=names.environment | environment) as vault:
                yield vault

        def try_both(self, **arguments):
            """What becomes of a call, by a vault of its own."""
            with self.open(**arguments) as vault:
                made = []
                outcome = self.scene.outcome(lambda: made.append(vault.encrypt(DATA, CONTEXT)))
                return self.scene.outcome(vault.decrypt, made[0], CONTEXT) if made else outcome

    return Office


@by_provider
def test_the_proxy_of_the_configuration_that_looks_into_tls(office, provider):
    """`ca_bundle` holds the authority of the company's network; everything goes by the proxy, tokens too."""
    here = office(provider, tokens=True)
    with here.proxy() as proxy:
        assert here.try_both(network=f'proxy = "{proxy.url}"') == OK
    asked = {"azure": {"login.microsoftonline.com"}, "gcp": {"sts.googleapis.com", "cloudkms.googleapis.com"}}[provider]
    assert asked <= set(proxy.tunnels)
    assert {call.operation for call in here.scene.calls()} == {"encrypt", "decrypt"}


@by_provider
def test_an_authority_that_is_not_in_the_bundle_is_nobody(office, provider, tmp_path):
    here = office(provider)
    stranger, _ = make_certificates(tmp_path / "stranger", "a stranger", ["example.com"])
    with here.proxy() as proxy:
        assert here.try_both(network=f'proxy = "{proxy.url}"', ca=stranger) == "KmsUnavailable"
    assert "certificate" in here.scene.refusals[-1].message
    assert here.scene.network.exchanges == [], "nothing was said before the other side was known"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@by_provider
def test_the_proxy_of_the_environment(office, provider, name):
    here = office(provider)
    with here.proxy() as proxy:
        assert here.try_both(**{name: proxy.url}) == OK
        assert proxy.tunnels


@by_provider
def test_what_the_environment_does_not_decide(office, provider):
    """HTTP_PROXY is for plain http; NO_PROXY excepts names; the configuration wins."""
    here = office(provider)
    services = ",".join(SERVICES[provider])
    with here.proxy() as proxy, here.proxy() as other:
        assert here.try_both(HTTP_PROXY=proxy.url) == "KmsUnavailable"
        assert here.try_both(HTTPS_PROXY=proxy.url, NO_PROXY=services) == "KmsUnavailable"
        assert here.try_both(HTTPS_PROXY=proxy.url, NO_PROXY="*") == "KmsUnavailable"
        assert here.try_both(network='proxy = "none"', HTTPS_PROXY=proxy.url) == "KmsUnavailable"
        assert proxy.tunnels == []
        assert here.try_both(HTTPS_PROXY=proxy.url, NO_PROXY="example.com,azure.net.example.com") == OK
        proxy.tunnels.clear()
        assert here.try_both(network=f'proxy = "{other.url}"', HTTPS_PROXY=proxy.url) == OK
        assert proxy.tunnels == [] and other.tunnels


@by_provider
def test_a_proxy_that_wants_a_password(office, provider):
    """The password stands in the URL, percent-encoded, and in no error."""
    here = office(provider)
    with here.proxy(credentials="vendor:p@ss word") as proxy:
        host = proxy.url.removeprefix("http://")
        assert here.try_both(network=f'proxy = "http://vendor:p%40ss%20word@{host}"') == OK
        for wrong in (f"http://vendor:wrong-word@{host}", f"http://{host}"):
            assert here.try_both(network=f'proxy = "{wrong}"') == "KmsUnavailable"
            assert "wrong-word" not in here.scene.refusals[-1].message
    assert here.try_both(network=f'proxy = "http://vendor:secret-word@{host}"') == "KmsUnavailable", "the proxy is gone"
    assert "secret-word" not in here.scene.refusals[-1].message


@by_provider
def test_a_proxy_that_is_spoken_to_by_tls(office, provider, tmp_path):
    here = office(provider)
    authority, tls = make_certificates(tmp_path / "proxy", "a company's proxy", ["proxy.test"])
    both = tmp_path / "both.pem"
    both.write_bytes(authority.read_bytes() + here.scene.server.ca.read_bytes())
    with here.proxy(tls=tls) as proxy:
        assert proxy.url.startswith("https://")
        assert here.try_both(network=f'proxy = "{proxy.url}"', ca=both) == OK
        assert here.try_both(network=f'proxy = "{proxy.url}"') == "KmsUnavailable", "the proxy's own certificate counts too"


@by_provider
def test_a_proxy_by_ipv6(office, provider):
    here = office(provider)
    with here.proxy(address="::1") as proxy:
        assert here.try_both(network=f'proxy = "{proxy.url}"') == OK


@by_provider
def test_a_proxy_that_does_not_let_us(office, provider):
    here = office(provider)
    with ConnectProxy({"example.com": 9}) as proxy:
        assert here.try_both(network=f'proxy = "{proxy.url}"') == "KmsUnavailable"
    assert here.scene.network.exchanges == []


@by_provider
def test_a_name_that_moves_to_another_address(office, names, provider):
    """While a vault is open. The old address goes away, as it does some time after a name moved."""
    here = office(provider)
    with here.proxy() as first, here.proxy(address="127.0.0.2", port=first.port) as second:
        names.mean({"proxy.test": "127.0.0.1"})
        with here.open(network=f'proxy = "http://proxy.test:{first.port}"') as vault:
            envelope = vault.encrypt(DATA, CONTEXT)
            assert first.tunnels and not second.tunnels
            names.mean({"proxy.test": "127.0.0.2"})
            first.__exit__()
            assert vault.decrypt(envelope, CONTEXT) == DATA
            assert second.tunnels
            names.mean()
            here.scene.network.drop_connections()
            assert here.scene.outcome(vault.decrypt, envelope, CONTEXT) == "KmsUnavailable"
            names.mean({"proxy.test": "127.0.0.2"})
            assert vault.decrypt(envelope, CONTEXT) == DATA
