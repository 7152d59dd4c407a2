"""The provider `azure` against the test server: what goes beyond the suite in `providers/`."""

import tomllib

import pytest
from providers.envelopes import blob_of, with_blob

from .conftest import SECRET


@pytest.mark.parametrize(("managed_hsm", "blob_length"), [(False, 16 + 256 + 16), (True, 16 + 72 + 16)])
def test_a_wrap_holds_the_version_and_opens(server, make_key, deploy, vault_name, managed_hsm, blob_length):
    deployment = deploy(make_key(managed_hsm=managed_hsm))
    envelope = deployment.encrypt(b"plain").output
    assert len(blob_of(envelope)) == blob_length
    wrapped = server.requests(vault=vault_name, operation="wrapKey", status=200)
    assert blob_of(envelope)[:16].hex() == wrapped[-1]["version"]
    assert deployment.decrypt(envelope).output == b"plain"


def test_a_pinned_version_wraps_though_there_is_a_newer_one(server, make_key, deploy, vault_name):
    url = make_key()
    first = blob_of(deploy(url).encrypt().output)[:16].hex()
    server.key(vault_name, "cmk", "rotate")
    pinned = deploy(f"{url}/{first}")
    envelope = pinned.encrypt(b"plain").output
    assert blob_of(envelope)[:16].hex() == first
    assert pinned.decrypt(envelope).output == b"plain"


def test_wrapping_is_a_permission_of_its_own(server, make_key, deploy, vault_name, application):
    deployment = deploy(make_key())
    envelope = deployment.encrypt().output
    server.admin("POST", "/roles/deny", vault=vault_name, client_id=application, operations=["unwrapKey"])
    assert deployment.encrypt().error is None
    assert deployment.decrypt(envelope).error == "AccessDenied"


@pytest.mark.parametrize("changes", [
    {"client_secret": "wrong"},
    {"client_id": "00000000-0000-0000-0000-000000000000"},
    {"tenant_id": "00000000-0000-0000-0000-000000000000"},
], ids=lambda changes: next(iter(changes)))
def test_who_is_not_the_application_is_refused(make_key, deploy, identity, changes):
    deployment = deploy(make_key())
    deployment.configure(identity | changes)
    refused = deployment.encrypt()
    assert refused.error == "AccessDenied"
    assert "wrong" not in refused.message


def test_a_vault_of_another_tenant_gets_no_token(server, make_key, deploy, vault_name):
    deployment = deploy(make_key())
    deployment.encrypt()
    server.admin("PATCH", f"/vaults/{vault_name}", tenant=server.admin("POST", "/tenants")["tenant"])
    mark = server.mark()
    assert deployment.encrypt().error == "AccessDenied"
    assert [request["with_token"] for request in server.requests(since=mark, vault=vault_name)] == [False]


def test_a_customers_own_tenant_is_configured_with_the_key(server, deploy, application, vault_name):
    tenant = server.admin("POST", "/tenants")["tenant"]
    vault = server.admin("POST", "/vaults", name=vault_name, tenant=tenant)
    server.admin("POST", "/apps", tenant=tenant, client_id=application, secrets=[SECRET])
    server.admin("POST", "/roles/allow", vault=vault_name, client_id=application)
    server.key(vault_name, "cmk", "create", kty="RSA")
    url = f"{vault['url'].rstrip('/')}/keys/cmk"
    assert deploy(url).encrypt().error == "AccessDenied"
    deployment = deploy(url, key=f'tenant_id = "{tenant}"')
    encrypted = deployment.encrypt(b"plain")
    assert encrypted.error is None, encrypted.message
    assert deployment.decrypt(encrypted.output).output == b"plain"


def test_throttling_is_waited_for_as_asked_or_told(server, make_key, deploy, vault_name):
    deployment = deploy(make_key())
    envelope = deployment.encrypt().output
    server.admin("POST", "/throttle", vault=vault_name, requests=1, retry_after=1, operation="unwrapKey")
    mark = server.mark()
    assert deployment.decrypt(envelope).output == b"hello"
    assert [request["status"] for request in server.requests(since=mark, operation="unwrapKey") if request["status"] != 401] == [429, 200]
    server.admin("POST", "/throttle", vault=vault_name, requests=1, retry_after=60, operation="unwrapKey")
    mark = server.mark()
    assert deployment.decrypt(envelope).error == "Throttled"
    assert len(server.requests(since=mark, operation="unwrapKey", status=429)) == 1, "a pause that does not fit is not waited for"


@pytest.mark.parametrize("position", [0, 15, 16, 100, -17, -16, -1])
def test_a_forged_wrap_reaches_no_kms(server, make_key, deploy, vault_name, position):
    deployment = deploy(make_key())
    envelope = deployment.encrypt().output
    blob = bytearray(blob_of(envelope))
    blob[position] ^= 1
    mark = server.mark()
    assert deployment.decrypt(with_blob(envelope, bytes(blob))).error == "AuthenticationFailed"
    assert server.requests(since=mark) == []


def test_regions_are_judged_before_a_call_or_by_the_answer(server, make_key, deploy, vault_name):
    url = make_key(region="westeurope")
    allowed = deploy(url, top='allowed_regions = ["westeurope", "eu-central-1"]', key='region = "westeurope"')
    envelope = allowed.encrypt().output
    assert allowed.decrypt(envelope).output == b"hello"
    mark = server.mark()
    for parts in (
        {"top": 'allowed_regions = ["eu-central-1"]'},
        {"top": 'allowed_regions = ["westeurope"]', "binding": 'allowed_regions = ["northeurope"]'},
    ):
        assert deploy(url, key='region = "westeurope"', **parts).encrypt().error == "RegionNotAllowed"
    assert deploy(url, top='allowed_regions = ["westeurope"]').encrypt().error == "InvalidConfig"
    assert server.requests(since=mark) == []
    lied = deploy(url, top='allowed_regions = ["northeurope"]', key='region = "northeurope"').encrypt()
    assert lied.error == "RegionNotAllowed"
    assert "westeurope" in lied.message
    assert server.requests(since=mark, operation="wrapKey", status=200), "the answer came, and was discarded"


def test_through_a_proxy_of_the_configuration_or_the_environment(server, make_key, deploy, tmp_path):
    deployment = deploy(make_key())
    envelope = deployment.encrypt(b"plain").output
    deployment.endpoint = None
    identity = deployment_identity(deployment)
    deployment.configure(identity, network=f'proxy = "{server.proxy}"')
    assert deployment.decrypt(envelope).output == b"plain"
    deployment.configure(identity)
    assert deployment.decrypt(envelope, HTTPS_PROXY=server.proxy).output == b"plain"
    deployment.configure(identity, network='proxy = "none"')
    assert deployment.decrypt(envelope, HTTPS_PROXY=server.proxy).error in ("KmsUnavailable", "Timeout")


def test_a_certificate_of_nobody_known_is_an_outage(make_key, deploy, server):
    deployment = deploy(make_key())
    text = (deployment.directory / "vault/libvault.toml").read_text(encoding="utf-8")
    (deployment.directory / "vault/libvault.toml").write_text(text.replace(f'ca_bundle = "{server.ca}"', ""), encoding="utf-8")
    refused = deployment.encrypt()
    assert refused.error == "KmsUnavailable"
    assert "certificate" in refused.message


def deployment_identity(deployment):
    azure = tomllib.loads((deployment.directory / "vault/libvault.toml").read_text(encoding="utf-8"))["azure"]
    return {name: value for name, value in azure.items() if name != "endpoint"}
