"""What every official client has to meet: written once, run for each language. The server's own log is the count that is believed."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .. import GoogleServer
from .driver import Driver, Refused

ACCOUNT = "vendor@test-project.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{ACCOUNT}"
CUSTOMER = "customer@test-project.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/test-pool"
PROVIDER = f"{POOL}/providers/test-provider"
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
USE_TO_DECRYPT = "cloudkms.cryptoKeyVersions.useToDecrypt"
RING = "projects/test-project/locations/europe-west3/keyRings/proof"
AAD = b"bundle 1"


class World:
    """A server with the vendor's service account, and the customer's keys."""

    def __init__(self, server: GoogleServer, driver: Driver):
        self.server, self.driver = server, driver
        self.credentials = self.file("vendor.json", server.admin("create-service-account", email=ACCOUNT))

    def key(self, name: str, *, member: str | None = MEMBER, resource: str | None = None) -> str:
        """A new key that the member may use, by a role on the key or on the resource above it."""
        key = f"{RING}-{name}/cryptoKeys/k"
        self.server.admin("create-key", name=key)
        if member:
            self.server.admin("grant", resource=resource or key, role=USE, member=member)
        return key

    def encrypt(self, key: str, plaintext: bytes = b"key", aad: bytes = AAD, **more) -> dict:
        return self.driver.encrypt(key, plaintext, aad, **{"credentials": self.credentials} | more)

    def decrypt(self, key: str, ciphertext: bytes, aad: bytes = AAD, **more) -> dict:
        return self.driver.decrypt(key, ciphertext, aad, **{"credentials": self.credentials} | more)

    def served(self, key: str) -> list[tuple[str, int]]:
        return [(request["operation"], request["status"]) for request in self.server.log(key=key)]

    def file(self, name: str, content: dict | str) -> Path:
        path = self.server.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path


def start(command: list[str], directory: Path, state: Path) -> Iterator[World]:
    """For a fixture of the scope of a module."""
    with GoogleServer(state) as server, Driver(command, directory, server.endpoint, server.ca) as driver:
        yield World(server, driver)
    # A fault of the server would be an INTERNAL that a client may hide by trying again.
    assert (state / "server.log").read_text() == ""


def violation(error: Refused) -> dict:
    assert error.code == "FAILED_PRECONDITION"
    (failure,) = error.details
    assert failure["@type"] == "type.googleapis.com/google.rpc.PreconditionFailure"
    (only,) = failure["violations"]
    return {name: value for name, value in only.items() if value}


class Cases:
    """Subclasses provide the fixture `world`."""

    def test_encrypt_names_the_version_and_confirms_the_checksums(self, world: World):
        key = world.key("encrypt")
        answer = world.encrypt(key, b"plaintext")
        assert answer["name"] == f"{key}/cryptoKeyVersions/1"
        assert answer["protection_level"] == "SOFTWARE"
        assert answer["checksum_matches"] and answer["verified_plaintext"] and answer["verified_aad"]
        assert b"plaintext" not in answer["ciphertext"]
        assert world.served(key) == [("Encrypt", 200)]

    def test_without_checksums_none_is_confirmed(self, world: World):
        answer = world.encrypt(world.key("no-checksum"), plaintext_crc32c=None, aad_crc32c=None)
        assert not answer["verified_plaintext"] and not answer["verified_aad"]

    @pytest.mark.parametrize("size", [0, 1, 64 * 1024])
    def test_decrypt_gives_the_plaintext_back(self, world: World, size: int):
        key, plaintext = world.key(f"decrypt-{size}"), bytes(index % 251 for index in range(size))
        answer = world.decrypt(key, world.encrypt(key, plaintext)["ciphertext"])
        assert answer["plaintext"] == plaintext
        assert answer["checksum_matches"] and answer["used_primary"] and answer["protection_level"] == "SOFTWARE"
        assert world.served(key) == [("Encrypt", 200), ("Decrypt", 200)]

    def test_too_much_plaintext_is_refused(self, world: World):
        key = world.key("large")
        assert self.refusal(world.encrypt, key, bytes(64 * 1024 + 1)).code == "INVALID_ARGUMENT"
        assert self.refusal(world.encrypt, key, b"", bytes(64 * 1024 + 1)).code == "INVALID_ARGUMENT"

    @pytest.mark.parametrize("aad", [b"bundle 2", b""])
    def test_a_wrong_aad_is_refused(self, world: World, aad: bytes):
        key = world.key(f"aad-{len(aad)}")
        ciphertext = world.encrypt(key)["ciphertext"]
        refusal = self.refusal(world.decrypt, key, ciphertext, aad)
        assert (refusal.code, refusal.message) == ("INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.")
        assert world.served(key) == [("Encrypt", 200), ("Decrypt", 400)]

    def test_no_altered_ciphertext_opens(self, world: World):
        key = world.key("tampered")
        ciphertext = world.encrypt(key)["ciphertext"]
        for place in (0, 5, 20, 30, 38, 45, 60, len(ciphertext) - 1):
            altered = bytearray(ciphertext)
            altered[place] ^= 1
            assert self.refusal(world.decrypt, key, bytes(altered)).code == "INVALID_ARGUMENT"
        assert self.refusal(world.decrypt, key, ciphertext[:-1]).code == "INVALID_ARGUMENT"
        assert world.served(key) == [("Encrypt", 200)] + [("Decrypt", 400)] * 9

    def test_another_keys_ciphertext_is_refused(self, world: World):
        ciphertext = world.encrypt(world.key("one"))["ciphertext"]
        refusal = self.refusal(world.decrypt, world.key("another"), ciphertext)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.message == "Decryption failed: verify that 'name' refers to the correct CryptoKey."

    @pytest.mark.parametrize("field", ["plaintext", "ciphertext", "aad"])
    def test_a_wrong_checksum_is_refused(self, world: World, field: str):
        key = world.key(f"checksum-{field}")
        ciphertext = world.encrypt(key)["ciphertext"]
        wrong = {f"{field}_crc32c": 4294967295}
        if field == "plaintext":
            refusal = self.refusal(world.encrypt, key, **wrong)
        else:
            refusal = self.refusal(world.decrypt, key, ciphertext, **wrong)
        name = {"aad": "additional_authenticated_data"}.get(field, field)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.message == f"The checksum in field {name}_crc32c did not match the data in field {name}."

    def test_a_disabled_version_neither_encrypts_nor_decrypts(self, world: World):
        key = world.key("disabled")
        ciphertext = world.encrypt(key)["ciphertext"]
        version = world.server.admin("disable", name=key)["name"]
        for refusal in (self.refusal(world.encrypt, key), self.refusal(world.decrypt, key, ciphertext)):
            assert violation(refusal) == {"type": "KEY_DISABLED", "subject": version}
            assert refusal.message == f"{version} is not enabled, current state is: DISABLED."
        world.server.admin("enable", name=version)
        assert world.decrypt(key, ciphertext)["plaintext"] == b"key"
        assert world.served(key) == [("Encrypt", 200), ("Encrypt", 400), ("Decrypt", 400), ("Decrypt", 200)]

    def test_a_version_scheduled_for_destruction_comes_back_disabled(self, world: World):
        key = world.key("scheduled")
        ciphertext = world.encrypt(key)["ciphertext"]
        version = world.server.admin("destroy", name=key)["name"]
        refusal = self.refusal(world.decrypt, key, ciphertext)
        assert violation(refusal) == {"type": "KEY_DESTROY_SCHEDULED", "subject": version}
        assert world.server.admin("restore", name=version)["state"] == "DISABLED"
        assert violation(self.refusal(world.decrypt, key, ciphertext))["type"] == "KEY_DISABLED"
        world.server.admin("enable", name=version)
        assert world.decrypt(key, ciphertext)["plaintext"] == b"key"

    def test_a_destroyed_version_is_gone(self, world: World):
        key = world.key("destroyed")
        ciphertext = world.encrypt(key)["ciphertext"]
        version = world.server.admin("destroy", name=key)["name"]
        world.server.admin("finish-destruction", name=version)
        refusal = self.refusal(world.decrypt, key, ciphertext)
        assert violation(refusal) == {"type": "KEY_DESTROYED", "subject": version}
        assert refusal.message == f"{version} is not enabled, current state is: DESTROYED."

    def test_permission_is_by_key_and_by_operation(self, world: World):
        key = world.key("denied")
        ciphertext = world.encrypt(key)["ciphertext"]
        world.server.admin("deny", resource=key, permission=USE_TO_DECRYPT, member=MEMBER)
        refusal = self.refusal(world.decrypt, key, ciphertext)
        assert refusal.code == "PERMISSION_DENIED"
        assert refusal.message == f"Permission '{USE_TO_DECRYPT}' denied on resource '{key}' (or it may not exist)."
        (info,) = refusal.details
        assert info["reason"] == "IAM_PERMISSION_DENIED" and info["metadata"] == {"permission": USE_TO_DECRYPT, "resource": key}
        world.encrypt(key)
        world.server.admin("allow", resource=key, permission=USE_TO_DECRYPT, member=MEMBER)
        world.decrypt(key, ciphertext)
        world.server.admin("revoke", resource=key, role=USE, member=MEMBER)
        assert self.refusal(world.encrypt, key).code == "PERMISSION_DENIED"
        assert world.served(key) == [
            ("Encrypt", 200), ("Decrypt", 403), ("Encrypt", 200), ("Decrypt", 200), ("Encrypt", 403)
        ]  # fmt: skip

    def test_an_unknown_key_is_found_out_by_those_alone_who_may_know(self, world: World):
        known = world.key("unknown", resource=f"{RING}-unknown")
        unknown = known + "x"
        refusal = self.refusal(world.encrypt, unknown)
        assert (refusal.code, refusal.message) == ("NOT_FOUND", f"CryptoKey {unknown} not found.")
        assert self.refusal(world.encrypt, f"{RING}-none/cryptoKeys/k").code == "PERMISSION_DENIED"
        assert self.refusal(world.encrypt, f"{known}/cryptoKeyVersions/9").code == "NOT_FOUND"

    def test_after_a_rotation_old_ciphertexts_open_and_new_ones_use_the_new_version(self, world: World):
        key = world.key("rotated")
        world.server.admin("grant", resource=key, role="roles/cloudkms.viewer", member=MEMBER)
        old = world.encrypt(key, b"old")
        second = world.server.admin("rotate", name=key)["primary"]
        new = world.encrypt(key, b"new")
        assert (old["name"], new["name"]) == (f"{key}/cryptoKeyVersions/1", second) == (f"{key}/cryptoKeyVersions/1", f"{key}/cryptoKeyVersions/2")
        opened_old, opened_new = world.decrypt(key, old["ciphertext"]), world.decrypt(key, new["ciphertext"])
        assert (opened_old["plaintext"], opened_old["used_primary"]) == (b"old", False)
        assert (opened_new["plaintext"], opened_new["used_primary"]) == (b"new", True)
        world.server.admin("disable", name=old["name"])
        assert self.refusal(world.decrypt, key, old["ciphertext"]).code == "FAILED_PRECONDITION"
        assert world.decrypt(key, new["ciphertext"])["plaintext"] == b"new"
        about = world.driver.ask("get_crypto_key", key, credentials=world.credentials)
        assert about == {"name": key, "primary": second, "primary_state": "ENABLED"}
        versions = world.driver.ask("list_versions", key, credentials=world.credentials)["versions"]
        assert versions == [[old["name"], "DISABLED"], [second, "ENABLED"]]

    def test_throttled_and_then_not(self, world: World):
        key = world.key("throttled")
        ciphertext = world.encrypt(key)["ciphertext"]
        world.server.admin("throttle", requests=1, key=key)
        refusal = self.refusal(world.decrypt, key, ciphertext)
        assert refusal.code == "RESOURCE_EXHAUSTED"
        assert refusal.details[0]["reason"] == "RATE_LIMIT_EXCEEDED"
        assert world.decrypt(key, ciphertext)["plaintext"] == b"key"
        world.server.admin("throttle", requests=2, key=key)
        assert world.decrypt(key, ciphertext, retry_throttled=True)["plaintext"] == b"key"
        statuses = [status for _operation, status in world.served(key)]
        assert statuses == [200, 429, 200, 429, 429, 200]

    @pytest.mark.parametrize("exchange", [True, False], ids=["exchanged", "self-signed"])
    def test_a_service_account_with_a_wrong_key_is_refused(self, world: World, exchange: bool):
        key, mark = world.key(f"account-{exchange}"), world.server.mark()
        world.encrypt(key, exchange=exchange)
        genuine = json.loads(world.credentials.read_text())
        other = world.server.admin("create-service-account", email=CUSTOMER)
        forged = world.file(f"forged-{exchange}.json", genuine | {"private_key": other["private_key"]})
        refusal = self.refusal(world.encrypt, key, exchange=exchange, credentials=forged)
        tokens = [request["status"] for request in world.server.log(operation="Token", since=mark)]
        if exchange:
            assert refusal.code == "TOKEN_REFUSED" and "Invalid JWT Signature" in refusal.message
            assert tokens[0] == 200 and set(tokens[1:]) == {400}
            assert world.served(key) == [("Encrypt", 200)]
        else:
            assert refusal.code == "UNAUTHENTICATED"
            assert tokens == []
            statuses = [status for _operation, status in world.served(key)]
            assert statuses[0] == 200 and set(statuses[1:]) == {401}

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
        refused, allowed = world.file("impersonated-1.json", content), world.file("impersonated-2.json", content)
        refusal = self.refusal(world.encrypt, key, credentials=refused)
        assert refusal.code == "TOKEN_REFUSED" and "iam.serviceAccounts.getAccessToken" in refusal.message
        assert world.served(key) == []
        world.server.admin("grant", resource=target, role="roles/iam.serviceAccountTokenCreator", member=MEMBER)
        world.encrypt(key, credentials=allowed)
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
        assert self.refusal(world.encrypt, key, credentials=directory / "federated-forged.json").code == "TOKEN_REFUSED"
        assert world.served(key) == [("Encrypt", 200)]

    @staticmethod
    def refusal(call, *arguments, **more) -> Refused:
        with pytest.raises(Refused) as caught:
            call(*arguments, **more)
        return caught.value


def _signed(key: rsa.RSAPrivateKey, **claims) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    now = int(time.time())
    claims |= {"iss": "https://issuer.test", "iat": now, "exp": now + 600}
    signed = part(json.dumps({"alg": "RS256", "kid": "k1"}).encode()) + "." + part(json.dumps(claims).encode())
    return signed + "." + part(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))
