"""The tokens of a machine: the official client of Python in both forms, and what no client would ask."""

import http.client
import json
from urllib.parse import urlencode

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from .managed_identity import APP_SERVICE, VIRTUAL_MACHINE

RESOURCE = "https://vault.azure.net"
VERSIONS = {VIRTUAL_MACHINE: "2018-02-01", APP_SERVICE: "2019-08-01"}


@pytest.fixture(scope="module")
def others(server, tenant):
    return [server.admin("POST", "/apps", tenant=tenant)["client_id"] for _ in range(2)]


@pytest.fixture
def machine(server, application, others):
    """The header of App Service. The machine has an identity of its own and two others."""
    return server.admin("PUT", "/machine", system_assigned=application["client_id"], user_assigned=others)["header"]


@pytest.fixture(params=[VIRTUAL_MACHINE, APP_SERVICE])
def form(request, server, machine, monkeypatch):
    origin = f"http://127.0.0.1:{server.metadata_port}"
    if request.param == VIRTUAL_MACHINE:
        # The only way to lead Python's client there.
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin)
    else:
        monkeypatch.setenv("IDENTITY_ENDPOINT", origin + APP_SERVICE)
        monkeypatch.setenv("IDENTITY_HEADER", machine)
    return request.param


def test_the_official_client_gets_tokens_that_the_vault_takes(server, vault, application, others, form):
    for client_id, expected in ((None, application["client_id"]), (others[1], others[1])):
        mark = server.mark()
        with ManagedIdentityCredential(client_id=client_id) as credential:
            vault.token = credential.get_token(f"{RESOURCE}/.default").token
        assert [request["client_id"] for request in server.requests(since=mark, operation="managed_identity", status=200)] == [expected]
        status = vault.send("GET", "/keys").status
        assert status == (200 if client_id is None else 403), "the others have no role"


def test_the_official_client_is_refused_an_identity_that_is_not_the_machines(form):
    with ManagedIdentityCredential(client_id="00000000-0000-4000-8000-000000000000") as credential:
        with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)) as refusal:
            credential.get_token(f"{RESOURCE}/.default")
    assert "dentity not found" in str(refusal.value) or "No User Assigned" in str(refusal.value)


def ask(server, path, headers, **changes):
    query = {"api-version": VERSIONS[path], "resource": RESOURCE} | changes
    connection = http.client.HTTPConnection("127.0.0.1", server.metadata_port, timeout=10)
    connection.request("GET", f"{path}?{urlencode({name: value for name, value in query.items() if value})}", headers=headers)
    with connection.getresponse() as answer:
        return answer.status, json.loads(answer.read())


def test_who_does_not_ask_as_documented_gets_nothing(server, machine, others):
    right = {VIRTUAL_MACHINE: {"Metadata": "true"}, APP_SERVICE: {"X-IDENTITY-HEADER": machine}}
    for path, headers in right.items():
        status, answer = ask(server, path, headers)
        assert status == 200 and answer["token_type"] == "Bearer" and answer["resource"] == RESOURCE
        assert ask(server, path, {})[0] in (400, 401)
        for wrong in ({"resource": None}, {"resource": "https://else.example"}, {"api-version": None}, {"client_id": "else"}):
            assert ask(server, path, headers, **wrong)[0] == 400, wrong
    assert ask(server, VIRTUAL_MACHINE, {"Metadata": "true", "X-Forwarded-For": "192.0.2.1"})[0] == 400
    assert ask(server, APP_SERVICE, {"X-IDENTITY-HEADER": "else"})[0] == 401
    server.admin("PUT", "/machine", user_assigned=others)
    assert ask(server, VIRTUAL_MACHINE, {"Metadata": "true"})[1]["error_description"].startswith("Multiple user assigned")
    server.admin("PUT", "/machine", user_assigned=others[:1])
    assert ask(server, VIRTUAL_MACHINE, {"Metadata": "true"})[1]["client_id"] == others[0], "the only one need not be named"
    assert ask(server, APP_SERVICE, {"X-IDENTITY-HEADER": machine})[0] == 400, "in App Service it has to be"
    server.admin("PUT", "/machine", failures=[410, 500])
    assert [ask(server, VIRTUAL_MACHINE, {"Metadata": "true"})[0] for _ in range(3)] == [410, 500, 400]
