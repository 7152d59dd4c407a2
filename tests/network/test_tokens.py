"""The place where tokens come from is one for many customers: what becomes of them while it is slow, silent or refuses."""

import json

import pytest
from providers.scene import CONTEXT, DATA, OK
from servers.exchange import Exchange, Reply
from servers.faulty_proxy import FaultyProxy, honest, stall

CLOUDS = ("azure", "gcp")
# Short, so that those who wait for one another do not all get their turn.
TIMEOUTS = "[timeouts]\nconnect = 2000\nattempt = 3000\ntotal = 4000\n"
CALLERS = 40


def _refuse_slowly(proxy: FaultyProxy, _connection, _exchange: Exchange) -> Reply:
    proxy.closing.wait(0.5)
    return Reply(401, (("Content-Type", "application/json"),), b'{"error": "unauthorized_client", "error_codes": [700016]}')


def _short_lived(reply: Reply) -> Reply:
    """A token whose successor is due at once."""
    return reply.but(body=json.dumps(json.loads(reply.body) | {"expires_in": 120}).encode())


@pytest.mark.parametrize("provider", CLOUDS)
def test_a_refusal_reaches_all_who_wait_for_the_token(make_scene, provider):
    """One after another they would ask until their time is over: a refusal would be a `Timeout`, which lets another key be used."""
    scene = make_scene(provider, tokens=True)
    with scene.open(scene.server.steady_key, timeouts=TIMEOUTS) as vault:
        scene.network.spoil(_refuse_slowly, scene.server.is_for_token)
        vault.begin(CALLERS, "encrypt", DATA, CONTEXT)
        assert vault.outcomes(CALLERS) == ["AccessDenied"] * CALLERS
        asked = sum(map(scene.server.is_for_token, scene.network.exchanges))
        assert asked <= 4, "one asked for all, but for those who came late"


@pytest.mark.parametrize("provider", CLOUDS)
def test_a_token_that_is_good_serves_while_its_successor_does_not_come(make_scene, provider):
    scene = make_scene(provider, tokens=True)
    with scene.open(scene.server.steady_key, timeouts=TIMEOUTS) as vault:
        scene.network.spoil(honest(_short_lived), scene.server.is_for_token)
        envelope = vault.encrypt(DATA, CONTEXT)
        scene.network.spoil(stall, scene.server.is_for_token)
        for _ in range(5):
            assert scene.outcome(vault.decrypt, envelope, CONTEXT) == OK
        vault.begin(CALLERS, "encrypt", DATA, CONTEXT)
        assert vault.outcomes(CALLERS) == [OK] * CALLERS
