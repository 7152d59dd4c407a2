"""Connections that were there and are no more: the next call works, and its caller does not notice."""

import pytest
from providers.scene import CONTEXT, DATA, OK
from servers.faulty_proxy import stall

CLOUDS = ("aws", "azure", "gcp")
# The one attempt that a silent firewall costs.
TIMEOUTS = "[timeouts]\nconnect = 5000\nattempt = 2000\ntotal = 30000\n"


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("provider", CLOUDS)
def test_an_idle_connection_that_was_ended(make_scene, provider, reset):
    scene = make_scene(provider)
    with scene.open(scene.server.steady_key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        for _ in range(3):
            scene.network.drop_connections(reset=reset)
            mark = scene.mark()
            assert vault.decrypt(envelope, CONTEXT) == DATA
            assert [call.status for call in scene.calls(mark)] == [200]


@pytest.mark.parametrize("provider", CLOUDS)
def test_an_idle_connection_that_a_firewall_forgot_in_silence(make_scene, provider):
    """What is sent on it goes nowhere, and nobody says so: it costs the deadline of one attempt."""
    scene = make_scene(provider)
    with scene.open(scene.server.steady_key, timeouts=TIMEOUTS) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        forgotten = max(exchange.connection for exchange in scene.network.exchanges)
        scene.network.spoil(stall, lambda exchange: exchange.connection <= forgotten)
        mark = scene.mark()
        assert vault.decrypt(envelope, CONTEXT) == DATA
        assert [call.status for call in scene.calls(mark)] == [None, 200]


@pytest.mark.parametrize("provider", CLOUDS)
def test_a_server_that_restarted(make_scene, provider):
    scene = make_scene(provider)
    with scene.open(scene.server.steady_key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        scene.network.go_away()
        assert scene.outcome(vault.decrypt, envelope, CONTEXT) == "KmsUnavailable"
        scene.network.listen()
        assert scene.outcome(vault.decrypt, envelope, CONTEXT) == OK


@pytest.mark.parametrize("provider", CLOUDS)
def test_a_connection_serves_many_calls(make_scene, provider):
    scene = make_scene(provider)
    with scene.open(scene.server.steady_key) as vault:
        for _ in range(10):
            assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    calls = [exchange for exchange in scene.network.exchanges if scene.server.call(exchange)]
    assert len(calls) == 20
    assert len({exchange.connection for exchange in calls}) == 1


@pytest.mark.parametrize("provider", CLOUDS)
def test_ipv6(make_scene, provider):
    scene = make_scene(provider, address="::1")
    with scene.open(scene.server.steady_key) as vault:
        assert "[::1]" in scene.network.endpoint
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
        scene.network.go_away()
        assert scene.outcome(vault.encrypt, DATA, CONTEXT) == "KmsUnavailable"
