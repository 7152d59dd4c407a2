"""The vault's rules, on the wire: what is challenged, refused, throttled, logged, and how keys live and die."""

import time
import uuid

import pytest

from .directory import encode
from .wire import send

HOUR = 3600


@pytest.fixture
def key(vault):
    name = f"k{uuid.uuid4().hex}"
    vault.server.key("acme", name, "create", kty="RSA")
    return name


def test_a_request_without_a_token_is_challenged(vault, tenant, key):
    for authorization in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
        answer = send(vault.server, vault.host, "GET", f"/keys/{key}?api-version=7.4", None, authorization)
        assert answer.error == (401, "Unauthorized", None)
        expected = f'Bearer authorization="https://login.microsoftonline.com/{tenant}", resource="https://vault.azure.net"'
        assert answer.headers["www-authenticate"] == expected


def test_a_managed_hsm_challenges_without_a_body(make_vault):
    hsm = make_vault("hsm", managed_hsm=True)
    answer = send(hsm.server, hsm.host, "GET", "/keys/k?api-version=7.4")
    assert (answer.status, answer.body) == (401, None)
    assert answer.headers["www-authenticate"].endswith('resource="https://managedhsm.azure.net"')


def test_a_token_for_a_vault_is_none_for_a_managed_hsm(vault, make_vault):
    hsm = make_vault("another-hsm", managed_hsm=True)
    hsm.token = vault.token
    assert hsm.wrap("k").status == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJhdWQiOiJodHRwczovL3ZhdWx0LmF6dXJlLm5ldCJ9."])
def test_what_is_no_token_is_refused(vault, key, token):
    answer = send(vault.server, vault.host, "GET", f"/keys/{key}?api-version=7.4", None, {"Authorization": f"Bearer {token}"})
    assert answer.error == (401, "Unauthorized", None)


@pytest.mark.parametrize(("version", "message"), [("", "api-version must be specified"), ("9.9", "(9.9) is not recognized")])
def test_the_api_version_is_checked(vault, key, version, message):
    vault.version, before = version, vault.version
    answer = vault.wrap(key)
    vault.version = before
    assert answer.error == (400, "BadParameter", None)
    assert message in answer.body["error"]["message"]


def test_requests_are_numbered_and_logged(vault, key):
    mark = vault.server.mark()
    answer = vault.send("GET", f"/keys/{key}", None, **{"x-ms-client-request-id": "the client's own"})
    vault.wrap(key, algorithm="A256KW")
    assert answer.headers["x-ms-client-request-id"] == "the client's own"
    assert answer.headers["x-ms-keyvault-region"] == "westeurope"
    got, wrapped = vault.server.requests(mark, key=key)
    assert (got["operation"], got["status"], got["request_id"]) == ("get", 200, answer.headers["x-ms-request-id"])
    assert (wrapped["operation"], wrapped["status"], wrapped["code"]) == ("wrapKey", 400, "BadParameter")
    assert vault.server.requests(mark, key=key, status=400) == [wrapped]


def test_a_name_without_a_vault_is_not_served(vault):
    assert send(vault.server, "nobody.vault.azure.net", "GET", "/keys?api-version=7.4").status == 421


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_rsa_wraps_up_to_its_limit(vault, size):
    name = f"rsa-{size}"
    vault.server.key("acme", name, "create", kty="RSA", key_size=size)
    longest = size // 8 - 66
    wrapped = vault.wrap(name, encode(b"k" * longest))
    assert wrapped.status == 200
    assert vault.unwrap(name, wrapped.body["value"]).body["value"] == encode(b"k" * longest)
    assert vault.wrap(name, encode(b"k" * (longest + 1))).error == (400, "BadParameter", None)


def test_every_bad_ciphertext_gets_one_answer(vault, key):
    wrapped = vault.wrap(key).body["value"]
    flipped = ("B" if wrapped[0] == "A" else "A") + wrapped[1:]
    messages = {vault.unwrap(key, value).body["error"]["message"] for value in (flipped, "A" * len(wrapped))}
    assert messages == {"Error occurred while decoding OAEP padding."}


@pytest.mark.parametrize(
    "body",
    [{}, {"alg": "RSA-OAEP-256"}, {"alg": "RSA-OAEP-257", "value": "AAAA"}, {"alg": "RSA-OAEP-256", "value": "+/=="}, {"alg": "RSA-OAEP-256", "value": 1}, []],
)
def test_bad_bodies_are_bad_parameters(vault, key, body):
    assert vault.send("POST", f"/keys/{key}/wrapkey", body).error == (400, "BadParameter", None)


def test_symmetric_keys_are_only_in_managed_hsms(vault, make_vault):
    assert vault.send("POST", "/keys/aes/create", {"kty": "oct", "key_size": 256}).error == (400, "BadParameter", None)
    hsm = make_vault("a-third-hsm", managed_hsm=True)
    made = hsm.send("POST", "/keys/aes/create", {"kty": "oct-HSM", "key_size": 256}).body["key"]
    assert (made["kty"], "k" in made) == ("oct-HSM", False)
    assert hsm.wrap("aes", "A" * 43, "A128KW").error == (400, "BadParameter", None)
    assert hsm.send("POST", "/keys/rsa/create", {"kty": "RSA"}).body["key"]["kty"] == "RSA-HSM"


def test_a_disabled_key_shows_itself_and_does_nothing(vault, key):
    wrapped = vault.wrap(key).body["value"]
    vault.server.key("acme", key, "disable")
    assert vault.send("GET", f"/keys/{key}").body["attributes"]["enabled"] is False
    assert vault.wrap(key).error == vault.unwrap(key, wrapped).error == (403, "Forbidden", "KeyDisabled")
    vault.server.key("acme", key, "enable")
    assert vault.unwrap(key, wrapped).status == 200


def test_a_vault_may_let_disabled_keys_wrap(vault, key):
    vault.server.admin("PATCH", "/vaults/acme", disabled_wraps=True)
    vault.server.key("acme", key, "disable")
    try:
        wrapped = vault.wrap(key)
        assert wrapped.status == 200
        assert vault.unwrap(key, wrapped.body["value"]).error == (403, "Forbidden", "KeyDisabled")
    finally:
        vault.server.admin("PATCH", "/vaults/acme", disabled_wraps=False)


@pytest.mark.parametrize(("attribute", "offset", "inner"), [("nbf", HOUR, "KeyNotYetValid"), ("exp", -HOUR, "KeyExpired")])
def test_outside_its_time_a_key_unwraps_and_does_not_wrap(vault, key, attribute, offset, inner):
    wrapped = vault.wrap(key).body["value"]
    vault.server.key("acme", key, "update", attributes={attribute: int(time.time()) + offset})
    assert vault.wrap(key).error == (403, "Forbidden", inner)
    assert vault.unwrap(key, wrapped).status == 200


def test_versions_are_used_by_name_or_the_newest(vault, key):
    first = vault.send("GET", f"/keys/{key}").body["key"]["kid"].rpartition("/")[2]
    second = vault.server.key("acme", key, "rotate")["key"]["kid"].rpartition("/")[2]
    for path, version in [(key, second), (f"{key}/", second), (f"{key}/{first}", first)]:
        assert vault.wrap(path).body["kid"] == f"https://acme.vault.azure.net/keys/{key}/{version}"
    vault.server.key("acme", key, "disable", version=first)
    assert vault.wrap(f"{key}/{first}").error == (403, "Forbidden", "KeyDisabled")
    assert vault.wrap(key).status == 200
    assert vault.wrap(f"{key}/{'0' * 32}").error == (404, "KeyNotFound", None)
    listed = vault.send("GET", f"/keys/{key}/versions").body["value"]
    assert [item["kid"].rpartition("/")[2] for item in listed] == [first, second]


def test_a_deleted_key_can_be_recovered_until_it_is_purged(vault, key):
    wrapped = vault.wrap(key).body["value"]
    deleted = vault.send("DELETE", f"/keys/{key}").body
    assert deleted["recoveryId"] == f"https://acme.vault.azure.net/deletedkeys/{key}"
    assert vault.unwrap(key, wrapped).error == (404, "KeyNotFound", None)
    assert vault.send("POST", f"/keys/{key}/create", {"kty": "RSA"}).error == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert vault.send("POST", f"/deletedkeys/{key}/recover").status == 200
    assert vault.unwrap(key, wrapped).status == 200
    vault.send("DELETE", f"/keys/{key}")
    assert vault.send("DELETE", f"/deletedkeys/{key}").status == 204
    assert vault.send("POST", f"/deletedkeys/{key}/recover").error == (404, "KeyNotFound", None)
    assert vault.send("POST", f"/keys/{key}/create", {"kty": "RSA"}).status == 200
    assert vault.unwrap(key, wrapped).error == (400, "BadParameter", None)


def test_a_vault_with_purge_protection_purges_nothing(make_vault):
    protected = make_vault("protected", purge_protection=True)
    protected.send("POST", "/keys/k/create", {"kty": "RSA"})
    assert protected.send("DELETE", "/keys/k").body["attributes"]["recoveryLevel"] == "CustomizedRecoverable"
    assert protected.send("DELETE", "/deletedkeys/k").status == 403


def test_rights_are_per_operation_and_key(make_vault, application):
    vault = make_vault("strict", operations=["wrapKey"])
    for name in ("one", "two"):
        vault.server.key("strict", name, "create", kty="RSA")
    wrapped = vault.wrap("one").body["value"]
    refused = (403, "Forbidden", "ForbiddenByRbac")
    assert vault.unwrap("one", wrapped).error == vault.send("GET", "/keys/one").error == refused
    # Whoever has no right does not learn whether the key is there.
    assert vault.unwrap("three", wrapped).error == refused
    rule = {"vault": "strict", "client_id": application["client_id"]}
    vault.server.admin("POST", "/roles/allow", key="one", operations=["unwrapKey"], **rule)
    assert vault.unwrap("one", wrapped).status == 200
    assert vault.unwrap("two", wrapped).error == refused
    vault.server.admin("POST", "/roles/deny", key="one", **rule)
    assert vault.unwrap("one", wrapped).error == vault.wrap("one").error == refused
    vault.server.admin("DELETE", "/roles/deny", **rule)
    assert vault.unwrap("one", wrapped).status == 200


def test_access_policies_refuse_in_their_own_words(make_vault):
    vault = make_vault("policies", operations=["wrapKey"], access_policies=True)
    answer = vault.unwrap("k", "AAAA")
    assert answer.error == (403, "Forbidden", "AccessDenied")
    assert "does not have keys unwrapKey permission on key vault 'policies;location=westeurope'" in answer.body["error"]["message"]


def test_the_next_requests_are_throttled(vault, key):
    vault.server.admin("POST", "/throttle", vault="acme", key=key, operation="unwrapKey", requests=1, retry_after=7)
    wrapped = vault.wrap(key).body["value"]
    answer = vault.unwrap(key, wrapped)
    assert (answer.error, answer.headers["retry-after"]) == ((429, "Throttled", None), "7")
    assert vault.unwrap(key, wrapped).status == 200


@pytest.mark.parametrize("path", ["/keys/k/sign", "/keys/k/rotationpolicy", "/secrets/s", "/"])
def test_what_is_not_served_says_so(vault, path):
    assert vault.send("POST", path, {}).error == (404, "NotFound", None)
