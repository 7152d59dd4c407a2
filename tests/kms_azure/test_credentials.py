"""How the application proves itself: by certificate, and by the assertion of an issuer that it trusts."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
PLAIN = serialization.NoEncryption()


def certificate_of(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vendor")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    return builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()).public_bytes(PEM)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def certificate(key):
    return certificate_of(key)


@pytest.fixture
def registered(server, application, certificate):
    server.admin("PATCH", f"/apps/{application}", certificates=[certificate.decode()])


def private(key, form=serialization.PrivateFormat.PKCS8, protection=PLAIN):
    return key.private_bytes(PEM, form, protection)


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_a_certificate_and_its_key_in_either_form(make_key, deploy, identity, registered, key, certificate, form):
    deployment = deploy(make_key())
    (deployment.directory / "vault/azure.pem").write_bytes(private(key, form) + certificate)
    deployment.configure(by_certificate(identity))
    assert deployment.decrypt(deployment.encrypt(b"plain").output).output == b"plain"


def test_a_certificate_that_is_not_registered_is_refused(make_key, deploy, identity, registered):
    other = rsa.generate_private_key(65537, 2048)
    deployment = deploy(make_key())
    (deployment.directory / "vault/azure.pem").write_bytes(certificate_of(other) + private(other))
    deployment.configure(by_certificate(identity))
    assert deployment.encrypt().error == "AccessDenied"


def test_a_certificate_file_that_cannot_be_used_is_refused_when_the_vault_is_opened(make_key, deploy, identity, key, certificate):
    deployment = deploy(make_key())
    deployment.configure(by_certificate(identity))
    elliptic = ec.generate_private_key(ec.SECP256R1())
    protected = private(key, protection=serialization.BestAvailableEncryption(b"word"))
    for contents in (None, b"", certificate, private(key), certificate + private(elliptic), certificate + protected):
        if contents is not None:
            (deployment.directory / "vault/azure.pem").write_bytes(contents)
        refused = deployment.encrypt()
        assert refused.error == "InvalidConfig"
        assert refused.message.startswith("azure.certificate: "), refused.message


def test_the_assertion_of_a_trusted_issuer_is_read_anew(server, application, make_key, deploy, identity):
    trusted = {"issuer": "https://issuer.example", "subject": "system:serviceaccount:vault"}
    server.admin("PATCH", f"/apps/{application}", federated=[trusted])
    deployment = deploy(make_key())
    deployment.configure(without_secret(identity) | {"credentials": "workload_identity", "token_file": "token"})
    file = deployment.directory / "vault/token"
    assert deployment.encrypt().error == "KmsUnavailable", "no file yet"
    file.write_text(server.admin("POST", "/issuers/assertion", **(trusted | {"subject": "other"}))["assertion"], encoding="utf-8")
    assert deployment.encrypt().error == "AccessDenied"
    file.write_text(server.admin("POST", "/issuers/assertion", **trusted)["assertion"] + "\n", encoding="utf-8")
    envelope = deployment.encrypt(b"plain").output
    deployment.configure(without_secret(identity) | {"credentials": "workload_identity"})
    assert deployment.decrypt(envelope, AZURE_FEDERATED_TOKEN_FILE=str(file)).output == b"plain"


def without_secret(identity):
    return {name: value for name, value in identity.items() if name != "client_secret"}


def by_certificate(identity):
    return without_secret(identity) | {"credentials": "client_certificate", "certificate": "azure.pem"}
