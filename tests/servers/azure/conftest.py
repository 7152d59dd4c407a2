"""One server for the tests of a module, with a vault in which an application may do everything."""

import pytest

from .client import AzureServer
from .wire import Vault

SECRET = "a secret"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with AzureServer.run(tmp_path_factory.mktemp("azure")) as running:
        yield running


@pytest.fixture(scope="module")
def tenant(server):
    return server.admin("POST", "/tenants")["tenant"]


@pytest.fixture(scope="module")
def application(server, tenant):
    return server.admin("POST", "/apps", tenant=tenant, secrets=[SECRET])


@pytest.fixture(scope="module")
def make_vault(server, tenant, application):
    """Makes a vault with the given settings."""

    def make(name, operations=None, **settings):
        server.admin("POST", "/vaults", name=name, tenant=tenant, **settings)
        rule = {} if operations is None else {"operations": operations}
        server.admin("POST", "/roles/allow", vault=name, client_id=application["client_id"], **rule)
        kind = "managedhsm" if settings.get("managed_hsm") else "vault"
        token = server.admin("POST", f"/apps/{application['client_id']}/token", audience=f"https://{kind}.azure.net")["access_token"]
        return Vault(server, f"{name}.{kind}.azure.net", token)

    return make


@pytest.fixture(scope="module")
def vault(make_vault):
    return make_vault("acme")
