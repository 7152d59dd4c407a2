"""What every official client has to meet: written once, run for each language. The server's own log is the count that is believed."""

import pytest

from .credential_cases import CredentialCases
from .world import AAD, MEMBER, RING, USE, World, refusal, violation

USE_TO_DECRYPT = "cloudkms.cryptoKeyVersions.useToDecrypt"


class Cases(CredentialCases):
    """Modules that use them provide the fixture `world`."""

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
        assert refusal(world.encrypt, key, bytes(64 * 1024 + 1)).code == "INVALID_ARGUMENT"
        assert refusal(world.encrypt, key, b"", bytes(64 * 1024 + 1)).code == "INVALID_ARGUMENT"

    @pytest.mark.parametrize("aad", [b"bundle 2", b""])
    def test_a_wrong_aad_is_refused(self, world: World, aad: bytes):
        key = world.key(f"aad-{len(aad)}")
        ciphertext = world.encrypt(key)["ciphertext"]
        refused = refusal(world.decrypt, key, ciphertext, aad)
        assert (refused.code, refused.message) == ("INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.")
        assert world.served(key) == [("Encrypt", 200), ("Decrypt", 400)]

    def test_no_altered_ciphertext_opens(self, world: World):
        key = world.key("tampered")
        ciphertext = world.encrypt(key)["ciphertext"]
        for place in (0, 5, 20, 30, 38, 45, 60, len(ciphertext) - 1):
            altered = bytearray(ciphertext)
            altered[place] ^= 1
            assert refusal(world.decrypt, key, bytes(altered)).code == "INVALID_ARGUMENT"
        assert refusal(world.decrypt, key, ciphertext[:-1]).code == "INVALID_ARGUMENT"
        assert world.served(key) == [("Encrypt", 200)] + [("Decrypt", 400)] * 9

    def test_another_keys_ciphertext_is_refused(self, world: World):
        ciphertext = world.encrypt(world.key("one"))["ciphertext"]
        refused = refusal(world.decrypt, world.key("another"), ciphertext)
        assert refused.code == "INVALID_ARGUMENT"
        assert refused.message == "Decryption failed: verify that 'name' refers to the correct CryptoKey."

    @pytest.mark.parametrize("field", ["plaintext", "ciphertext", "aad"])
    def test_a_wrong_checksum_is_refused(self, world: World, field: str):
        key = world.key(f"checksum-{field}")
        ciphertext = world.encrypt(key)["ciphertext"]
        wrong = {f"{field}_crc32c": 4294967295}
        if field == "plaintext":
            refused = refusal(world.encrypt, key, **wrong)
        else:
            refused = refusal(world.decrypt, key, ciphertext, **wrong)
        name = {"aad": "additional_authenticated_data"}.get(field, field)
        assert refused.code == "INVALID_ARGUMENT"
        assert refused.message == f"The checksum in field {name}_crc32c did not match the data in field {name}."

    def test_a_disabled_version_neither_encrypts_nor_decrypts(self, world: World):
        key = world.key("disabled")
        ciphertext = world.encrypt(key)["ciphertext"]
        version = world.server.admin("disable", name=key)["name"]
        for refused in (refusal(world.encrypt, key), refusal(world.decrypt, key, ciphertext)):
            assert violation(refused) == {"type": "KEY_DISABLED", "subject": version}
            assert refused.message == f"{version} is not enabled, current state is: DISABLED."
        world.server.admin("enable", name=version)
        assert world.decrypt(key, ciphertext)["plaintext"] == b"key"
        assert world.served(key) == [("Encrypt", 200), ("Encrypt", 400), ("Decrypt", 400), ("Decrypt", 200)]

    def test_a_version_scheduled_for_destruction_comes_back_disabled(self, world: World):
        key = world.key("scheduled")
        ciphertext = world.encrypt(key)["ciphertext"]
        version = world.server.admin("destroy", name=key)["name"]
        refused = refusal(world.decrypt, key, ciphertext)
        assert violation(refused) == {"type": "KEY_DESTROY_SCHEDULED", "subject": version}
        assert world.server.admin("restore", name=version)["state"] == "DISABLED"
        assert violation(refusal(world.decrypt, key, ciphertext))["type"] == "KEY_DISABLED"
        world.server.admin("enable", name=version)
        assert world.decrypt(key, ciphertext)["plaintext"] == b"key"

    def test_a_destroyed_version_is_gone(self, world: World):
        key = world.key("destroyed")
        ciphertext = world.encrypt(key)["ciphertext"]
        version = world.server.admin("destroy", name=key)["name"]
        world.server.admin("finish-destruction", name=version)
        refused = refusal(world.decrypt, key, ciphertext)
        assert violation(refused) == {"type": "KEY_DESTROYED", "subject": version}
        assert refused.message == f"{version} is not enabled, current state is: DESTROYED."

    def test_permission_is_by_key_and_by_operation(self, world: World):
        key = world.key("denied")
        ciphertext = world.encrypt(key)["ciphertext"]
        world.server.admin("deny", resource=key, permission=USE_TO_DECRYPT, member=MEMBER)
        refused = refusal(world.decrypt, key, ciphertext)
        assert refused.code == "PERMISSION_DENIED"
        assert refused.message == f"Permission '{USE_TO_DECRYPT}' denied on resource '{key}' (or it may not exist)."
        (info,) = refused.details
        assert info["reason"] == "IAM_PERMISSION_DENIED" and info["metadata"] == {"permission": USE_TO_DECRYPT, "resource": key}
        world.encrypt(key)
        world.server.admin("allow", resource=key, permission=USE_TO_DECRYPT, member=MEMBER)
        world.decrypt(key, ciphertext)
        world.server.admin("revoke", resource=key, role=USE, member=MEMBER)
        assert refusal(world.encrypt, key).code == "PERMISSION_DENIED"
        assert world.served(key) == [
            ("Encrypt", 200), ("Decrypt", 403), ("Encrypt", 200), ("Decrypt", 200), ("Encrypt", 403)
        ]  # fmt: skip

    def test_an_unknown_key_is_found_out_by_those_alone_who_may_know(self, world: World):
        known = world.key("unknown", resource=f"{RING}-unknown")
        unknown = known + "x"
        refused = refusal(world.encrypt, unknown)
        assert (refused.code, refused.message) == ("NOT_FOUND", f"CryptoKey {unknown} not found.")
        assert refusal(world.encrypt, f"{RING}-none/cryptoKeys/k").code == "PERMISSION_DENIED"
        assert refusal(world.encrypt, f"{known}/cryptoKeyVersions/9").code == "NOT_FOUND"

    def test_after_a_rotation_old_ciphertexts_open_and_new_ones_use_the_new_version(self, world: World):
        key = world.key("rotated")
        world.server.admin("grant", resource=key, role="roles/cloudkms.viewer", member=MEMBER)
        old = world.encrypt(key, b"old")
        second = world.server.admin("rotate", name=key)["primary"]
        new = world.encrypt(key, b"new")
        assert second == f"{key}/cryptoKeyVersions/2"
        assert (old["name"], new["name"]) == (f"{key}/cryptoKeyVersions/1", second)
        opened_old, opened_new = world.decrypt(key, old["ciphertext"]), world.decrypt(key, new["ciphertext"])
        assert (opened_old["plaintext"], opened_old["used_primary"]) == (b"old", False)
        assert (opened_new["plaintext"], opened_new["used_primary"]) == (b"new", True)
        world.server.admin("disable", name=old["name"])
        assert refusal(world.decrypt, key, old["ciphertext"]).code == "FAILED_PRECONDITION"
        assert world.decrypt(key, new["ciphertext"])["plaintext"] == b"new"
        about = world.driver.ask("get_crypto_key", key, credentials=world.credentials)
        assert about == {"name": key, "primary": second, "primary_state": "ENABLED"}
        versions = world.driver.ask("list_versions", key, credentials=world.credentials)["versions"]
        assert versions == [[old["name"], "DISABLED"], [second, "ENABLED"]]

    def test_throttled_and_then_not(self, world: World):
        key = world.key("throttled")
        ciphertext = world.encrypt(key)["ciphertext"]
        world.server.admin("throttle", requests=1, key=key)
        refused = refusal(world.decrypt, key, ciphertext)
        assert refused.code == "RESOURCE_EXHAUSTED"
        assert refused.details[0]["reason"] == "RATE_LIMIT_EXCEEDED"
        assert world.decrypt(key, ciphertext)["plaintext"] == b"key"
        world.server.admin("throttle", requests=2, key=key)
        assert world.decrypt(key, ciphertext, retry_throttled=True)["plaintext"] == b"key"
        statuses = [status for _operation, status in world.served(key)]
        assert statuses == [200, 429, 200, 429, 429, 200]
