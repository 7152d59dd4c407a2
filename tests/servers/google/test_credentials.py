"""Tokens, right and wrong, that no official client would make."""

import json
import time
import urllib.parse

from .http_client import EMAIL, MEMBER, SCOPE, TOKEN_URI, reason


def test_credentials_that_are_missing_wrong_expired_or_too_narrow(client):
    path = f"/v1/{client.key('credentials')}:encrypt"
    assert reason(client(path, {}, token=None)) == (401, "UNAUTHENTICATED", "CREDENTIALS_MISSING")
    assert reason(client(path, {}, token="ya29.none")) == (401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED")
    assert reason(client(path, {}, token=client.issue(seconds=-1))) == (401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED")
    narrow = client.issue(scope="https://www.googleapis.com/auth/devstorage.read_only")
    assert reason(client(path, {}, token=narrow)) == (403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
    revoked = client.issue(member="serviceAccount:other@test-project.iam.gserviceaccount.com")
    client.server.admin("revoke-tokens", member="serviceAccount:other@test-project.iam.gserviceaccount.com")
    assert client(path, {}, token=revoked)[0] == 401


def test_the_jwt_bearer_grant_checks_everything(client):
    status, answer = client.exchange(client.assertion())
    assert status == 200 and answer["token_type"] == "Bearer"
    assert client(f"/v1/{client.key('grant')}:encrypt", {}, token=answer["access_token"])[0] == 200
    now = int(time.time())
    # As the official client of Rust does, for fear of skewed clocks.
    assert client.exchange(client.assertion(iat=now - 10, exp=now + 3610))[0] == 200
    for wrong, error, description in (
        ({"aud": [TOKEN_URI]}, "invalid_grant", "audience"),
        ({"header": {"kid": []}}, "invalid_grant", "Signature"),
        ({"aud": "https://example.com/token"}, "invalid_grant", "audience"),
        ({"iss": "nobody@test-project.iam.gserviceaccount.com"}, "invalid_grant", "account not found"),
        ({"iat": now - 7200, "exp": now - 3600}, "invalid_grant", "short-lived"),
        ({"exp": now + 7200}, "invalid_grant", "short-lived"),
        ({"iat": now + 3600, "exp": now + 7000}, "invalid_grant", "short-lived"),
        ({"exp": None}, "invalid_grant", "short-lived"),
        ({"scope": None}, "invalid_scope", "scope"),
        ({"sub": "someone@example.com"}, "unauthorized_client", "unauthorized"),
        ({"header": {"kid": "0" * 40}}, "invalid_grant", "Signature"),
        ({"header": {"alg": "none"}}, "invalid_grant", "Signature"),
        ({"header": {"alg": "HS256"}}, "invalid_grant", "Signature"),
    ):
        status, answer = client.exchange(client.assertion(**wrong))
        assert status in (400, 401) and answer["error"] == error and description in answer["error_description"], wrong
    assert client("/token", b"grant_type=password", token=None)[1]["error"] == "unsupported_grant_type"
    assert client.exchange("a.b.c")[1]["error"] == "invalid_grant"


def test_the_refresh_grant_checks_everything(client):
    login = client.server.admin("create-login", email="person@example.com", quota_project="test-project")
    right = {"grant_type": "refresh_token"} | {name: login[name] for name in ("client_id", "client_secret", "refresh_token")}

    def refresh(**other):
        return client("/token", urllib.parse.urlencode(right | other).encode(), token=None)

    status, answer = refresh()
    assert status == 200 and answer["token_type"] == "Bearer" and "refresh_token" not in answer
    assert "https://www.googleapis.com/auth/cloud-platform" in answer["scope"].split()
    assert refresh(scope="openid")[1]["scope"] == "openid"
    for wrong, refusal in (
        ({"client_id": "other.apps.googleusercontent.com"}, (401, "invalid_client")),
        ({"client_secret": "other"}, (401, "invalid_client")),
        ({"refresh_token": "1//other"}, (400, "invalid_grant")),
        ({"refresh_token": ""}, (400, "invalid_request")),
        ({"scope": SCOPE}, (400, "invalid_scope")),
    ):
        status, refused = refresh(**wrong)
        assert (status, refused["error"]) == refusal, wrong
    client.server.admin("revoke-login", email="person@example.com")
    assert refresh() == (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
    assert client(f"/v1/{client.key('refresh')}:encrypt", {}, token=answer["access_token"])[0] == 401


def test_a_persons_requests_need_a_project_to_count_against(client):
    key, member = client.key("person"), "user:payer@example.com"
    client.server.admin("grant", resource=key, role="roles/owner", member=member)
    token = client.issue(member)

    def encrypt(**headers):
        return client(f"/v1/{key}:encrypt", {}, token=token, **headers)

    assert reason(encrypt())[1:] == ("PERMISSION_DENIED", "SERVICE_DISABLED")
    project = {"X-Goog-User-Project": "test-project"}
    assert reason(encrypt(**project))[1:] == ("PERMISSION_DENIED", "USER_PROJECT_DENIED")
    client.server.admin("grant", resource="projects/test-project", role="roles/serviceusage.serviceUsageConsumer", member=member)
    assert encrypt(**project)[0] == 200


def test_self_signed_tokens_are_for_this_service_and_an_hour(client):
    path, now = f"/v1/{client.key('self-signed')}:encrypt", int(time.time())
    own = {"sub": EMAIL, "scope": None, "aud": "https://cloudkms.googleapis.com/"}
    assert client(path, {}, token=client.assertion(**own))[0] == 200
    assert client(path, {}, token=client.assertion(sub=EMAIL, aud=None))[0] == 200
    for wrong in (
        {"aud": "https://storage.googleapis.com/"},
        {"sub": "someone@example.com"},
        {"exp": now + 7200},
        {"iat": now - 7200, "exp": now - 3600},
        {"header": {"alg": "none"}},
    ):
        assert client(path, {}, token=client.assertion(**own | wrong))[0] == 401, wrong
    client.server.admin("disable-service-account", email=EMAIL)
    assert reason(client(path, {}, token=client.assertion(**own)))[2] == "ACCOUNT_STATE_INVALID"
    assert reason(client(path, {}))[2] == "ACCOUNT_STATE_INVALID"
    assert client.exchange(client.assertion())[1]["error"] == "invalid_grant"
    client.server.admin("disable-service-account", email=EMAIL, disabled=False)


def test_every_delegate_of_a_chain_must_be_allowed(client):
    middle, last = (f"{name}@test-project.iam.gserviceaccount.com" for name in ("middle", "last"))
    for email in (middle, last):
        client.server.admin("create-service-account", email=email)
    name = "projects/-/serviceAccounts/{}"
    path = f"/v1/{name.format(last)}:generateAccessToken"
    body = {"scope": [SCOPE], "delegates": [name.format(middle)], "lifetime": "300s"}
    token = client.issue(scope="https://www.googleapis.com/auth/cloud-platform")
    creator = "roles/iam.serviceAccountTokenCreator"
    client.server.admin("grant", resource=name.format(last), role=creator, member=f"serviceAccount:{middle}")
    assert reason(client(path, body, token=token)) == (403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED")
    client.server.admin("grant", resource=name.format(middle), role=creator, member=MEMBER)
    status, answer = client(path, body, token=token)
    assert status == 200 and set(answer) == {"accessToken", "expireTime"}
    assert client(path, body | {"delegates": []}, token=token)[0] == 403
    assert client(path, body | {"lifetime": "300.5s"}, token=token)[0] == 200
    assert client(path, body | {"lifetime": "3601s"}, token=token)[0] == 400
    assert client(f"/v1/{name.format(last)}/allowedLocations", token=token) == (200, {"encodedLocations": "0x0"})


def test_a_pool_that_is_not_there_or_another_audience(client):
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "scope": SCOPE,
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
    }

    def ask(**more) -> str:
        return client("/v1/token", urllib.parse.urlencode(exchange | more).encode(), token=None)[1].get("error")

    keys = client.account["private_key_id"], client.server.directory
    state = json.loads((keys[1] / "state.json").read_text())
    public = state["service_accounts"][EMAIL]["keys"][keys[0]]
    assert ask() == "invalid_target"
    assert ask(audience="p/q") == "invalid_request"
    in_json = {"Content-Type": "application/json"}
    body = {"grantType": exchange["grant_type"], "requestedTokenType": exchange["requested_token_type"]}
    body |= {"subjectTokenType": exchange["subject_token_type"], "audience": exchange["audience"]}
    assert client("/v1/token", body, token=None, **in_json)[1]["error"] == "invalid_target"
    assert client("/v1/token", b"[", token=None, **in_json)[1]["error"] == "invalid_request"
    client.server.admin("create-identity-provider", name=exchange["audience"], issuer="https://i.test", keys={keys[0]: public})
    right = {"iss": "https://i.test", "sub": "workload", "aud": "https:" + exchange["audience"]}
    assert ask(subject_token=client.assertion(**right)) is None
    for wrong in ({"iss": "https://j.test"}, {"aud": "else"}, {"aud": [{}]}, {"sub": None}, {"exp": 1}, {"iat": 1}):
        assert ask(subject_token=client.assertion(**right | wrong)) == "invalid_grant", wrong


def test_the_metadata_server_speaks_to_those_who_name_it(client):
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    client.server.admin("metadata-account", email=EMAIL)
    assert client(path, token=None)[0] == 403
    status, answer = client(path, token=None, **{"Metadata-Flavor": "Google"})
    assert status == 200
    assert client(f"/v1/{client.key('metadata')}:encrypt", {}, token=answer["access_token"])[0] == 200
    client.server.admin("metadata-account", email=None)
    assert client(path, token=None, **{"Metadata-Flavor": "Google"})[0] == 404
