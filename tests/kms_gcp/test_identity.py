"""Who the vendor is to Google, and under which names Google is spoken to."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from providers.drivers import Refused
from servers.google.federation import PRINCIPAL, Federation

from .conftest import CONTEXT, VENDOR
from .test_use_of_keys import DATA, refused

CUSTOMER = "customer@test-project.iam.gserviceaccount.com"
METADATA = 'credentials = "metadata"'


def test_a_service_account_needs_nobody_to_give_it_tokens(work):
    key = work.key("self-signed")
    mark = work.server.mark()
    with work.open(key) as vault:
        vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT)
    assert [request["operation"] for request in work.server.log(since=mark)] == ["Encrypt", "Decrypt"]


def test_the_key_of_somebody_else_is_refused(work, tmp_path):
    stranger = rsa.generate_private_key(65537, 2048)
    file = json.loads(work.credentials.read_text())
    file["private_key"] = stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    path = tmp_path / "stranger.json"
    path.write_text(json.dumps(file))
    key = work.key("stranger")
    with work.open(key, gcp=f'credentials = "service_account_key"\npath = "{path}"') as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"


def test_a_disabled_account_is_refused(work):
    key = work.key("disabled-account")
    with work.open(key) as vault:
        vault.encrypt(DATA, CONTEXT)
        work.server.admin("disable-service-account", email=VENDOR)
        try:
            assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"
        finally:
            work.server.admin("disable-service-account", email=VENDOR, disabled=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "not a service account"), ("{}", "not a service account"), ('{"type": "external_account"}', "not a service account")],
)
def test_a_bad_file_is_refused_when_the_vault_is_opened(work, tmp_path, text, why):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(Refused, match=why) as refusal, work.open(work.key("bad"), gcp=f'credentials = "service_account_key"\npath = "{path}"'):
        pass
    assert refusal.value.name == "InvalidConfig" and "gcp.path" in refusal.value.message


def test_a_token_is_asked_for_once_and_again_when_it_was_revoked(work):
    key = work.key("metadata")
    work.server.admin("metadata-account", email=VENDOR)
    mark = work.server.mark()
    with work.open(key, gcp=METADATA) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        vault.decrypt(envelope, CONTEXT)
        work.server.admin("revoke-tokens", member=f"serviceAccount:{VENDOR}")
        assert vault.decrypt(envelope, CONTEXT) == DATA
    asked = [(request["operation"], request["status"]) for request in work.server.log(since=mark)]
    assert asked == [
        ("Metadata", 200), ("Encrypt", 200), ("Decrypt", 200),
        ("Decrypt", 401), ("Metadata", 200), ("Decrypt", 200),
    ]  # fmt: skip


@pytest.mark.parametrize("acts_as", [None, CUSTOMER])
def test_a_workload_of_another_provider_exchanges_its_token(work, tmp_path, acts_as):
    federation = Federation(work.server, tmp_path, acts_as)
    member = PRINCIPAL
    asked = [("ExchangeToken", 200), ("Encrypt", 200)]
    if acts_as:
        work.server.admin("create-service-account", email=acts_as)
        account = f"projects/-/serviceAccounts/{acts_as}"
        work.server.admin("grant", resource=account, role="roles/iam.workloadIdentityUser", member=PRINCIPAL)
        member = f"serviceAccount:{acts_as}"
        asked.insert(1, ("GenerateAccessToken", 200))
    key = work.key(f"federated-{bool(acts_as)}", granted_to=member)
    with work.open(key, gcp=f'credentials = "external_account"\npath = "{federation.file}"') as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied", "there is no token yet"
        federation.renew()
        mark = work.server.mark()
        vault.encrypt(DATA, CONTEXT)
        assert [(request["operation"], request["status"]) for request in work.server.log(since=mark)] == asked


def test_a_machine_without_an_account_is_refused(work):
    work.server.admin("metadata-account", email=None)
    with work.open(work.key("nobody"), gcp=METADATA) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"


def test_a_customers_account_is_impersonated_and_can_stop_that(work):
    work.server.admin("create-service-account", email=CUSTOMER)
    account, role = f"projects/-/serviceAccounts/{CUSTOMER}", "roles/iam.serviceAccountTokenCreator"
    work.server.admin("grant", resource=account, role=role, member=f"serviceAccount:{VENDOR}")
    key = work.key("customers", granted_to=f"serviceAccount:{CUSTOMER}")
    mark = work.server.mark()
    with work.open(key, of_key=f'impersonate = "{CUSTOMER}"') as vault:
        vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT)
    asked = [(request["operation"], request["member"].rpartition(":")[2]) for request in work.server.log(since=mark)]
    assert asked == [("GenerateAccessToken", VENDOR), ("Encrypt", CUSTOMER), ("Decrypt", CUSTOMER)]
    with work.open(key) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied", "the vendor itself has no right to this key"
    work.server.admin("revoke", resource=account, role=role, member=f"serviceAccount:{VENDOR}")
    with work.open(key, of_key=f'impersonate = "{CUSTOMER}"') as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"


def test_google_is_spoken_to_under_its_own_names(work):
    """Over TLS, with a certificate for those names and no others."""
    network = f'[network]\nca_bundle = "{work.server.ca}"'
    key = work.key("names")
    endpoint = f"https://127.0.0.1:{work.server.ready['port']}"
    mark = work.server.mark()
    for of_key in ("", "regional_endpoint = true"):
        with work.open(key, endpoint=endpoint, of_key=of_key, more=network) as vault:
            assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    hosts = [request["host"] for request in work.server.log(since=mark)]
    assert hosts == ["cloudkms.googleapis.com"] * 2 + ["cloudkms.europe-west3.rep.googleapis.com"] * 2
    with work.open(key, endpoint=endpoint) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "KmsUnavailable", "an unknown authority is nobody"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("projects/test-project/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "name the key alone"),
        ("projects/test-project/locations/evil.example#/keyRings/r/cryptoKeys/k", "location"),
        ("https://evil.example/", "is not of the form"),
    ],
)
def test_an_address_that_could_lead_elsewhere_is_refused(work, name, why):
    with pytest.raises(Refused, match=why) as refusal, work.open(name):
        pass
    assert refusal.value.name == "InvalidConfig" and "bindings[0].keys[0].name" in refusal.value.message
