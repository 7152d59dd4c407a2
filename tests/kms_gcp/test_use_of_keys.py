"""What a customer does to its key at Google, and what the vendor's program then sees: what goes beyond the suite in `providers/`."""

import time

import pytest
from providers.drivers import Refused

from .conftest import CONTEXT, USE, VENDOR

DATA = b"attack at dawn"
MEMBER = f"serviceAccount:{VENDOR}"


def refused(act, *arguments) -> str:
    with pytest.raises(Refused) as refusal:
        act(*arguments)
    assert "test-project" not in refusal.value.message, "the service's text stays out"
    return refusal.value.name


def test_a_key_that_was_destroyed_is_not_found(work):
    key = work.key("destroyed")
    with work.open(key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        work.server.admin("destroy", name=key)
        work.server.admin("finish-destruction", name=key)
        assert refused(vault.encrypt, DATA, CONTEXT) == refused(vault.decrypt, envelope, CONTEXT) == "KeyNotFound"


def test_permissions_are_the_customers(work):
    key = work.key("denied")
    with work.open(key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        work.server.admin("deny", resource=key, permission="cloudkms.cryptoKeyVersions.useToDecrypt", member=MEMBER)
        vault.encrypt(DATA, CONTEXT)
        assert refused(vault.decrypt, envelope, CONTEXT) == "AccessDenied"
        work.server.admin("revoke", resource=key, role=USE, member=MEMBER)
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"


def test_rotation_changes_nothing_for_what_is_encrypted(work):
    key = work.key("rotated")
    with work.open(key) as vault:
        before = vault.encrypt(DATA, CONTEXT)
        work.server.admin("rotate", name=key)
        after = vault.encrypt(DATA, CONTEXT)
        assert [vault.decrypt(envelope, CONTEXT) for envelope in (before, after)] == [DATA, DATA]
        versions = [request["version"].rpartition("/")[2] for request in work.server.log(key=key)]
        assert versions == ["1", "2", "1", "2"]
        work.server.admin("disable", name=f"{key}/cryptoKeyVersions/1")
        assert refused(vault.decrypt, before, CONTEXT) == "KeyDisabled"
        assert vault.decrypt(after, CONTEXT) == DATA


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL"])
def test_a_busy_or_broken_service_is_asked_again(work, code):
    key = work.key(f"again-{code}")
    with work.open(key) as vault:
        work.server.admin("throttle", requests=2, code=code, key=key)
        statuses = [status for _, status in work.calls(key, lambda: vault.encrypt(DATA, CONTEXT))]
        assert len(statuses) == 3 and statuses[2] == 200


def test_a_pause_that_is_asked_for_is_made(work):
    key = work.key("asked-pause")
    with work.open(key) as vault:
        work.server.admin("throttle", requests=1, key=key, retry_after=1)
        begun = time.monotonic()
        assert work.calls(key, lambda: vault.encrypt(DATA, CONTEXT)) == [("Encrypt", 429), ("Encrypt", 200)]
        assert time.monotonic() - begun >= 1
