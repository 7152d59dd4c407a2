"""The official clients take the server for the real services. Python's by default; AZURE_PROOF_LANGUAGES=python,node,go for more."""

import os
import re

import pytest

from .drivers import driver
from .world import make_world

LANGUAGES = os.environ.get("AZURE_PROOF_LANGUAGES", "python").split(",")
DATA_KEY = bytes(range(32))


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    return make_world(server, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module", params=LANGUAGES)
def client(request, server, tmp_path_factory):
    with driver(request.param, server, tmp_path_factory.mktemp(request.param) / "stderr.txt") as running:
        print(request.param, running.clients)
        running.language = request.param
        yield running


@pytest.fixture
def key(world, request):
    return world.key(re.sub("[^0-9a-zA-Z]", "-", request.node.name).strip("-"))


def refusal(answer):
    assert "value" not in answer, answer
    return answer["status"], answer["code"], answer["inner"]


def test_wraps_with_the_newest_version_and_unwraps_with_the_named(client, world, key):
    wrapped = client.operate("wrap", world.vault, key, world.secret(), DATA_KEY)
    assert re.fullmatch(rf"{world.vault}/keys/{key}/[0-9a-f]{{32}}", wrapped["kid"])
    assert len(wrapped["value"]) == 256

    world.server.key("contoso", key, "rotate")
    assert client.operate("wrap", world.vault, key, world.secret(), DATA_KEY)["kid"] != wrapped["kid"]
    version = wrapped["kid"].rpartition("/")[2]
    mark = world.server.mark()
    unwrapped = client.operate("unwrap", world.vault, key, world.secret(), wrapped["value"], version=version)
    assert (unwrapped["kid"], unwrapped["value"]) == (wrapped["kid"], DATA_KEY)
    [seen] = [r for r in world.server.requests(mark, operation="unwrapKey", status=200)]
    assert (seen["key"], seen["version"], seen["client_id"]) == (key, version, world.client_id)


def test_a_ciphertext_of_another_key_is_a_bad_parameter(client, world, key):
    wrapped = client.operate("wrap", world.vault, key, world.secret(), DATA_KEY)
    world.server.key("contoso", key, "rotate")
    answer = client.operate("unwrap", world.vault, key, world.secret(), wrapped["value"])
    assert refusal(answer) == (400, "BadParameter", None)
    assert "OAEP" in answer["message"]


def test_wraps_with_aes_in_a_managed_hsm(client, world):
    name = f"aes-{client.language}"
    world.server.key("contoso-hsm", name, "create", kty="oct-HSM", key_size=256)
    wrapped = client.operate("wrap", world.hsm, name, world.secret(), DATA_KEY, algorithm="A256KW")
    assert len(wrapped["value"]) == len(DATA_KEY) + 8
    version = wrapped["kid"].rpartition("/")[2]
    unwrapped = client.operate("unwrap", world.hsm, name, world.secret(), wrapped["value"], algorithm="A256KW", version=version)
    assert unwrapped["value"] == DATA_KEY
    tampered = bytes([wrapped["value"][0] ^ 1]) + wrapped["value"][1:]
    answer = client.operate("unwrap", world.hsm, name, world.secret(), tampered, algorithm="A256KW", version=version)
    assert refusal(answer) == (400, "BadParameter", None)


@pytest.mark.parametrize("kind", ["certificate", "assertion"])
def test_other_credentials_than_a_secret(client, world, key, kind):
    credential = world.by_certificate(world.certificate) if kind == "certificate" else world.by_assertion()
    assert "value" in client.operate("wrap", world.vault, key, credential, DATA_KEY)


@pytest.mark.parametrize(
    ("credential", "number"),
    [
        (lambda world: world.secret("a wrong secret"), 7000215),
        (lambda world: world.secret(tenant=world.other_tenant), 700016),
        (lambda world: world.by_certificate(world.other_certificate), 700027),
        (lambda world: world.by_assertion(subject="another workload"), 700213),
        (lambda world: world.by_assertion(issuer="https://another.test"), 700211),
        (lambda world: world.by_assertion(audience="https://vault.azure.net"), 700212),
        (lambda world: world.by_assertion(lifetime=-3600), 700024),
        (lambda world: world.by_assertion(signature="forged"), 50013),
    ],
    ids=["secret", "tenant", "certificate", "subject", "issuer", "audience", "expired", "forged"],
)
def test_no_token_for_a_wrong_credential(client, world, credential, number):
    answer = client.ask(do="token", scope="https://vault.azure.net/.default", credential=credential(world))
    assert "token" not in answer
    assert f"AADSTS{number}" in answer["message"]


def test_no_token_from_a_tenant_that_is_not_there(client, world):
    mark = world.server.mark()
    nowhere = world.secret(tenant="00000000-0000-4000-8000-000000000000")
    assert "token" not in client.ask(do="token", scope="https://vault.azure.net/.default", credential=nowhere)
    # The clients end with the discovery of the tenant, and do not all tell what it answered.
    assert world.server.requests(mark, tenant=nowhere["tenant"], status=400)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lifetime": -3600}, "TokenExpired"),
        ({"audience": "https://management.azure.com/"}, "AKV10022"),
        ({"tenant": "another"}, "AKV10032"),
        ({"signature": "foreign"}, "AKV10046"),
        ({"signature": "forged"}, "BearerReadAccessTokenFailed"),
        ({"not_before": 3600}, "TokenNotYetValid"),
    ],
    ids=["expired", "audience", "tenant", "foreign", "forged", "early"],
)
def test_the_vault_refuses_a_wrong_token(client, world, key, changes, message):
    mark = world.server.mark()
    answer = client.operate("wrap", world.vault, key, world.by_token(**changes), DATA_KEY)
    assert refusal(answer) == (401, "Unauthorized", None)
    assert message in answer["message"]
    assert not world.server.requests(mark, operation="wrapKey", status=200)


def test_a_denied_role(client, world, key):
    world.server.admin("POST", "/roles/deny", vault="contoso", client_id=world.client_id, key=key, operations=["unwrapKey"])
    wrapped = client.operate("wrap", world.vault, key, world.secret(), DATA_KEY)
    answer = client.operate("unwrap", world.vault, key, world.secret(), wrapped["value"])
    assert refusal(answer) == (403, "Forbidden", "ForbiddenByRbac")


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (lambda world, key: world.server.key("contoso", key, "disable"), (403, "Forbidden", "KeyDisabled")),
        (lambda world, key: world.server.key("contoso", key, "delete"), (404, "KeyNotFound", None)),
        (lambda world, key: world.server.key("contoso", key, "update", key_ops=["sign"]), (403, "Forbidden", "KeyOperationForbidden")),
    ],
    ids=["disabled", "deleted", "operation"],
)
def test_a_key_that_cannot_be_used(client, world, key, action, error):
    wrapped = client.operate("wrap", world.vault, key, world.secret(), DATA_KEY)
    action(world, key)
    for do, value in [("wrap", DATA_KEY), ("unwrap", wrapped["value"])]:
        assert refusal(client.operate(do, world.vault, key, world.secret(), value)) == error


def test_an_unknown_key(client, world):
    assert refusal(client.operate("wrap", world.vault, "nobody-made-it", world.secret(), DATA_KEY)) == (404, "KeyNotFound", None)


def test_throttled_and_then_served(client, world, key):
    world.server.admin("POST", "/throttle", vault="contoso", key=key, operation="wrapKey", requests=2, retry_after=1)
    mark = world.server.mark()
    assert "value" in client.operate("wrap", world.vault, key, world.secret(), DATA_KEY)
    answered = [r["status"] for r in world.server.requests(mark, operation="wrapKey", key=key)]
    assert [status for status in answered if status != 401] == [429, 429, 200]
