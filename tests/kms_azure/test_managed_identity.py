"""The vendor as an identity of its machine: a virtual one, whose metadata service is at 169.254.169.254, or that of a program in App Service."""

import socket
from urllib.parse import parse_qs, urlsplit

import pytest

from servers.names import Names

RESOURCE = "https://vault.azure.net"
METADATA = "169.254.169.254"
# Nobody listens there: plain HTTP is never asked for through a proxy.
NO_PROXY_FOR_HTTP = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    return Names(tmp_path_factory.mktemp("names"))


@pytest.fixture(scope="module")
def others(server, tenant):
    return [server.admin("POST", "/apps", tenant=tenant)["client_id"] for _ in range(2)]


@pytest.fixture
def machine(server, application, others):
    """What App Service tells its programs. The machine's own identity is the application that has roles in the vaults of `make_key`."""
    return server.admin("PUT", "/machine", system_assigned=application, user_assigned=others)["header"]


@pytest.fixture
def virtual_machine(server, machine, names):
    names.mean({METADATA: f"{METADATA}:{server.metadata_port}"})
    return names.environment | NO_PROXY_FOR_HTTP


@pytest.fixture
def app_service(server, machine):
    return {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{server.metadata_port}/msi/token", "IDENTITY_HEADER": machine} | NO_PROXY_FOR_HTTP


@pytest.fixture(params=["virtual_machine", "app_service"])
def environment(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def deploy_there(make_key, deploy, tenant):
    """A deployment whose identity is the machine's own, or the one that is named."""

    def make(client_id=None, **parts):
        named = {"client_id": client_id} if client_id else {}
        return deploy(make_key(), **parts).configure({"tenant_id": tenant, "credentials": "managed_identity"} | named)

    return make


def asked(server, since):
    """Statuses of the requests for a token."""
    return [request["status"] for request in server.requests(since=since, operation="managed_identity")]


def test_the_machines_own_identity(server, application, deploy_there, environment):
    deployment, mark = deploy_there(), server.mark()
    encrypted = deployment.encrypt(b"plain", **environment)
    assert encrypted.error is None, encrypted.message
    [token] = server.requests(since=mark, operation="managed_identity")
    assert (token["status"], token["client_id"]) == (200, application)
    query = parse_qs(urlsplit(token["path"]).query)
    assert query == {"api-version": ["2019-08-01"], "resource": [RESOURCE]}
    assert server.requests(since=mark, operation="token") == [], "nobody else is asked for one"
    assert deployment.decrypt(encrypted.output, **environment).output == b"plain"


def test_an_identity_that_was_assigned_to_the_machine(server, vault_name, others, deploy_there, environment):
    deployment = deploy_there(others[1])
    assert deployment.encrypt(**environment).error == "AccessDenied", "it has no role in the vault"
    server.admin("POST", "/roles/allow", vault=vault_name, client_id=others[1])
    mark = server.mark()
    assert deployment.encrypt(**environment).error is None
    assert [request["client_id"] for request in server.requests(since=mark, operation="wrapKey", status=200)] == [others[1]]


def test_an_identity_that_the_machine_does_not_have_is_refused_at_the_first_word(server, deploy_there, environment):
    """`AccessDenied`, and not an outage: it is the vendor's own setting that is wrong, and asking again would not help."""
    deployment, mark = deploy_there(NOBODY), server.mark()
    refused = deployment.encrypt(**environment)
    assert refused.error == "AccessDenied", refused.message
    assert asked(server, mark) == [400]
    server.admin("PUT", "/machine")
    deployment, mark = deploy_there(), server.mark()
    assert deployment.encrypt(**environment).error == "AccessDenied", "a machine without any identity"
    assert asked(server, mark) == [400]


def test_a_program_that_app_service_did_not_start_is_refused(server, deploy_there, app_service):
    deployment, mark = deploy_there(), server.mark()
    assert deployment.encrypt(**app_service | {"IDENTITY_HEADER": "else"}).error == "AccessDenied"
    assert asked(server, mark) == [401]


@pytest.mark.parametrize(("status", "error"), [(404, "KmsUnavailable"), (410, "KmsUnavailable"), (429, "Throttled"), (500, "KmsUnavailable")])
def test_a_metadata_service_that_is_busy_is_asked_again_as_every_service(server, application, deploy_there, virtual_machine, status, error):
    """By our policy alone: the SDK's own would ask for a minute. 404 and 410 is what the service says while it is updated."""
    deployment = deploy_there()
    server.admin("PUT", "/machine", system_assigned=application, failures=[status])
    mark = server.mark()
    assert deployment.encrypt(**virtual_machine).error is None
    assert asked(server, mark) == [status, 200]
    server.admin("PUT", "/machine", system_assigned=application, failures=[status] * 20)
    mark = server.mark()
    assert deployment.encrypt(**virtual_machine).error == error
    assert asked(server, mark) == [status] * 3


def test_where_there_is_no_metadata_service_there_is_no_identity(names, deploy_there):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        names.mean({METADATA: f"{METADATA}:{unused.getsockname()[1]}"})
        assert deploy_there().encrypt(**names.environment).error == "KmsUnavailable"


def test_a_vault_of_another_tenant_gets_no_token_of_the_machine(server, vault_name, deploy_there, virtual_machine):
    deployment = deploy_there()
    server.admin("PATCH", f"/vaults/{vault_name}", tenant=server.admin("POST", "/tenants")["tenant"])
    mark = server.mark()
    assert deployment.encrypt(**virtual_machine).error == "AccessDenied"
    assert [request["with_token"] for request in server.requests(since=mark, vault=vault_name)] == [False]
