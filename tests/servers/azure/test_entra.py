"""The token endpoint's rules, on the wire, and how the server starts and stops."""

import datetime
import json
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .conftest import SECRET
from .wire import send

HOST = "login.microsoftonline.com"
SCOPE = "https://vault.azure.net/.default"


@pytest.fixture(scope="module")
def certified(server, tenant):
    """An application with a certificate, and what signs for it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    client_id = server.admin("POST", "/apps", tenant=tenant, certificates=[pem])["client_id"]

    def sign(thumbprint=None, signer=key, algorithm="RS256", **changes):
        at = int(time.time())
        audience = f"https://{HOST}/{tenant}/oauth2/v2.0/token"
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": str(uuid.uuid4()), "nbf": at, "exp": at + 600} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"x5t#S256": _encode(certificate.fingerprint(hashes.SHA256()))} if thumbprint is None else thumbprint
        return {"client_id": client_id, "client_assertion": jwt.encode(claims, signer, algorithm=algorithm, headers=header)}

    sign.sha1 = {"x5t": _encode(certificate.fingerprint(hashes.SHA1()))}
    return sign


def _encode(data):
    return jwt.utils.base64url_encode(data).decode()


def ask(server, tenant, **form):
    form = {"grant_type": "client_credentials", "scope": SCOPE} | form
    if "client_assertion" in form:
        form = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"} | form
    return send(server, HOST, "POST", f"/{tenant}/oauth2/v2.0/token", form, form=True)


def refusal(answer):
    assert "access_token" not in answer.body
    [number] = answer.body["error_codes"]
    assert answer.body["error_description"].startswith(f"AADSTS{number}: ")
    return answer.status, answer.body["error"], number


def test_a_token_is_signed_with_a_published_key(server, tenant, application):
    answer = ask(server, tenant, client_id=application["client_id"], client_secret=SECRET)
    assert (answer.status, answer.body["token_type"], answer.body["expires_in"]) == (200, "Bearer", 3599)
    found = send(server, HOST, "GET", f"/{tenant}/v2.0/.well-known/openid-configuration").body
    assert found["token_endpoint"] == f"https://{HOST}/{tenant}/oauth2/v2.0/token"
    [key] = send(server, HOST, "GET", f"/{tenant}/discovery/v2.0/keys").body["keys"]
    claims = jwt.decode(answer.body["access_token"], jwt.PyJWK(key, "RS256").key, ["RS256"], audience="https://vault.azure.net")
    assert (claims["iss"], claims["tid"]) == (f"https://sts.windows.net/{tenant}/", tenant)
    assert (claims["appid"], claims["oid"]) == (application["client_id"], application["object_id"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "a wrong secret"}, (401, "invalid_client", 7000215)),
        ({"client_secret": ""}, (401, "invalid_client", 7000215)),
        ({"client_id": "nobody"}, (400, "unauthorized_client", 700016)),
        ({"client_id": ""}, (400, "invalid_request", 900144)),
        ({"scope": "https://vault.azure.net"}, (400, "invalid_scope", 1002012)),
        ({"scope": f"{SCOPE} https://managedhsm.azure.net/.default"}, (400, "invalid_scope", 1002012)),
        ({"scope": "https://attacker.example/.default"}, (400, "invalid_resource", 500011)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
    ],
)
def test_bad_requests_get_no_token(server, tenant, application, changes, error):
    form = {"client_id": application["client_id"], "client_secret": SECRET} | changes
    assert refusal(ask(server, tenant, **form)) == error


def test_no_credential_gets_no_token(server, tenant, application):
    assert refusal(ask(server, tenant, client_id=application["client_id"])) == (401, "invalid_client", 7000218)


def test_expired_secrets_and_disabled_applications_get_no_token(server, tenant):
    client_id = server.admin("POST", "/apps", tenant=tenant, expired_secrets=["old"], secrets=["new"])["client_id"]
    assert refusal(ask(server, tenant, client_id=client_id, client_secret="old")) == (401, "invalid_client", 7000222)
    server.admin("PATCH", f"/apps/{client_id}", enabled=False)
    assert refusal(ask(server, tenant, client_id=client_id, client_secret="new")) == (400, "unauthorized_client", 7000112)


def test_an_unknown_tenant_is_not_discovered(server):
    assert refusal(send(server, HOST, "GET", f"/{uuid.uuid4()}/v2.0/.well-known/openid-configuration")) == (400, "invalid_tenant", 90002)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_an_assertion_names_its_certificate_by_sha_256_or_sha_1(server, tenant, certified, algorithm):
    assert ask(server, tenant, **certified(algorithm=algorithm)).status == 200
    assert ask(server, tenant, **certified(algorithm=algorithm, thumbprint=certified.sha1)).status == 200


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"thumbprint": {}}, 700027),
        ({"thumbprint": {"x5t": "AAAA"}}, 700027),
        ({"signer": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, 700027),
        ({"aud": "https://login.microsoftonline.com/another/oauth2/v2.0/token"}, 700023),
        ({"aud": None}, 700023),
        ({"exp": 1}, 700024),
        ({"exp": None}, 700024),
        ({"nbf": 1 << 40}, 700024),
        ({"sub": "another"}, 700021),
        ({"jti": None}, 50027),
        ({"iss": "another"}, 700211),
    ],
    ids=str,
)
def test_bad_assertions_get_no_token(server, tenant, certified, changes, number):
    assert refusal(ask(server, tenant, **certified(**changes))) == (401, "invalid_client", number)


def test_an_assertion_that_is_none_gets_no_token(server, tenant, certified):
    form = certified() | {"client_assertion": "x.y.z"}
    assert refusal(ask(server, tenant, **form)) == (401, "invalid_client", 50027)


def test_the_administration_tells_what_it_does_not_know(server, vault):
    with pytest.raises(RuntimeError, match="404"):
        server.key("nobody", "k", "disable")
    with pytest.raises(RuntimeError, match="400"):
        server.admin("POST", "/throttle", vault="acme", requests="many")


def test_it_runs_by_hand_and_stops_on_sigterm(tmp_path):
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tests.servers.azure", "--state-dir", str(tmp_path)]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["names"][:1] == [HOST]
        assert {"tls_port", "proxy_port", "admin_port"} <= ready.keys()
        assert "BEGIN CERTIFICATE" in Path(ready["ca"]).read_text()
        assert not any("PRIVATE KEY" in path.read_text() for path in tmp_path.iterdir())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
