"""The cases of credentials: service accounts, impersonation, workload identity federation."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .world import MEMBER, World, refusal

CUSTOMER = "customer@test-project.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/test-pool"
PROVIDER = f"{POOL}/providers/test-provider"


class CredentialCases:
    @pytest.mark.parametrize("exchange", [True, False], ids=["exchanged", "self-signed"])
    def test_a_service_account_with_a_wrong_key_is_refused(self, world: World, exchange: bool):
        key, mark = world.key(f"account-{exchange}"), world.server.mark()
        world.encrypt(key, exchange=exchange)
        genuine = json.loads(world.credentials.read_text())
        other = world.server.admin("create-service-account", email=CUSTOMER)
        forged = world.file(f"forged-{exchange}.json", genuine | {"private_key": other["private_key"]})
        refused = refusal(world.encrypt, key, exchange=exchange, credentials=forged)
        tokens = [request["status"] for request in world.server.log(operation="Token", since=mark)]
        if exchange:
            assert refused.code == "TOKEN_REFUSED" and "Invalid JWT Signature" in refused.message
            assert tokens[0] == 200 and set(tokens[1:]) == {400}
            assert world.served(key) == [("Encrypt", 200)]
        else:
            assert refused.code == "UNAUTHENTICATED"
            assert tokens == []
            statuses = [status for _operation, status in world.served(key)]
            assert statuses[0] == 200 and set(statuses[1:]) == {401}

    def test_a_persons_login_is_refreshed_until_it_is_withdrawn(self, world: World):
        person, mark = "person@example.com", world.server.mark()
        key = world.key("person", member=f"user:{person}")
        world.server.admin("grant", resource="projects/test-project", role="roles/serviceusage.serviceUsageConsumer", member=f"user:{person}")
        login = world.server.admin("create-login", email=person, quota_project="test-project")
        signed_in, later = (world.file(f"login-{when}.json", login) for when in ("now", "later"))
        world.encrypt(key, credentials=signed_in)
        world.server.admin("revoke-login", email=person)
        refused = refusal(world.encrypt, key, credentials=later)
        assert refused.code == "TOKEN_REFUSED" and "invalid_grant" in refused.message
        tokens = [request["status"] for request in world.server.log(operation="Token", since=mark)]
        assert tokens[0] == 200 and set(tokens[1:]) == {400}
        (request,) = world.server.log(key=key)
        assert (request["member"], request["status"]) == (f"user:{person}", 200)

    def test_a_persons_requests_need_a_project_to_count_against(self, world: World):
        person = "payer@example.com"
        key = world.key("payer", member=f"user:{person}")
        for project, reason in ((None, "SERVICE_DISABLED"), ("test-project", "USER_PROJECT_DENIED")):
            file = world.file(f"payer-{project}.json", world.server.admin("create-login", email=person, quota_project=project))
            refused = refusal(world.encrypt, key, credentials=file)
            assert refused.code == "PERMISSION_DENIED"
            assert reason in [detail.get("reason") for detail in refused.details]

    def test_impersonation_needs_the_customers_consent(self, world: World):
        world.server.admin("create-service-account", email=CUSTOMER)
        key = world.key("impersonated", member=f"serviceAccount:{CUSTOMER}")
        target = f"projects/-/serviceAccounts/{CUSTOMER}"
        content = {
            "type": "impersonated_service_account",
            "service_account_impersonation_url": f"{world.server.endpoint}/v1/{target}:generateAccessToken",
            "source_credentials": json.loads(world.credentials.read_text()),
            "delegates": [],
        }
        before, after = (world.file(f"impersonated-{when}.json", content) for when in ("before", "after"))
        refused = refusal(world.encrypt, key, credentials=before)
        assert refused.code == "TOKEN_REFUSED" and "iam.serviceAccounts.getAccessToken" in refused.message
        assert world.served(key) == []
        world.server.admin("grant", resource=target, role="roles/iam.serviceAccountTokenCreator", member=MEMBER)
        world.encrypt(key, credentials=after)
        (request,) = world.server.log(key=key)
        assert (request["member"], request["status"]) == (f"serviceAccount:{CUSTOMER}", 200)

    def test_workload_identity_federation(self, world: World):
        genuine, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        public = genuine.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        world.server.admin("create-identity-provider", name=PROVIDER, issuer="https://issuer.test", keys={"k1": public})
        key = world.key("federated", member=f"principal:{POOL}/subject/workload-1")
        for name, signer in (("genuine", genuine), ("forged", other)):
            subject_token = world.file(f"{name}.jwt", _signed(signer, aud=f"https:{PROVIDER}", sub="workload-1"))
            content = {
                "type": "external_account",
                "audience": PROVIDER,
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": f"{world.server.endpoint}/v1/token",
                "credential_source": {"file": str(subject_token)},
            }
            world.file(f"federated-{name}.json", content)
        directory = world.server.directory
        assert world.encrypt(key, credentials=directory / "federated-genuine.json")["name"].startswith(key)
        assert refusal(world.encrypt, key, credentials=directory / "federated-forged.json").code == "TOKEN_REFUSED"
        assert world.served(key) == [("Encrypt", 200)]


def _signed(key: rsa.RSAPrivateKey, **claims) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    now = int(time.time())
    claims |= {"iss": "https://issuer.test", "iat": now, "exp": now + 600}
    signed = part(json.dumps({"alg": "RS256", "kid": "k1"}).encode()) + "." + part(json.dumps(claims).encode())
    return signed + "." + part(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))
