"""The test server for Azure, an application in its tenant, and deployments whose key is there."""

import itertools

import pytest

from servers.azure.client import AzureServer

from .harness import Deployment

SECRET = "a secret"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with AzureServer.run(tmp_path_factory.mktemp("azure")) as running:
        yield running


@pytest.fixture(scope="module")
def tenant(server):
    return server.admin("POST", "/tenants")["tenant"]


@pytest.fixture(scope="module")
def application(server, tenant):
    return server.admin("POST", "/apps", tenant=tenant, secrets=[SECRET])["client_id"]


@pytest.fixture(scope="module")
def identity(tenant, application):
    return {"tenant_id": tenant, "client_id": application, "credentials": "client_secret", "client_secret": SECRET}


@pytest.fixture
def vault_name():
    return f"vault-{next(_numbers)}"


@pytest.fixture
def make_key(server, tenant, application, vault_name):
    """Makes a vault with a key in it, and gives the key's URL."""

    def make(region="westeurope", **settings):
        vault = server.admin("POST", "/vaults", name=vault_name, tenant=tenant, region=region, **settings)
        server.admin("POST", "/roles/allow", vault=vault_name, client_id=application)
        server.key(vault_name, "cmk", "create", **({"kty": "oct-HSM", "key_size": 256} if settings.get("managed_hsm") else {"kty": "RSA"}))
        return f"{vault['url'].rstrip('/')}/keys/cmk"

    return make


@pytest.fixture
def deploy(server, identity, tmp_path):
    """A deployment that reaches the server by the names of the real services."""

    def make(url, **parts):
        deployment = Deployment(tmp_path / f"deployment-{next(_numbers)}", url, f"https://127.0.0.1:{server.tls_port}", server.ca)
        return deployment.configure(identity, **parts)

    return make
