"""What a customer does to its key, and what the vendor's program then sees."""

import time

import pytest

from .conftest import CONTEXT, PROJECT, USE, VENDOR
from .drivers import Refused

DATA = b"attack at dawn"
MEMBER = f"serviceAccount:{VENDOR}"


def refused(act, *arguments) -> str:
    with pytest.raises(Refused) as refusal:
        act(*arguments)
    assert "test-project" not in refusal.value.message, "the service's text stays out"
    return refusal.value.name


def test_one_call_encrypts_and_one_decrypts(work):
    key = work.key("plain")
    with work.open(key) as vault:
        envelopes = []
        assert work.calls(key, lambda: envelopes.append(vault.encrypt(DATA, CONTEXT))) == [("Encrypt", 200)]
        assert work.calls(key, lambda: vault.decrypt(envelopes[0], CONTEXT)) == [("Decrypt", 200)]
        assert vault.decrypt(envelopes[0], CONTEXT) == DATA


def test_a_wrap_is_bound_to_its_bundle(work):
    """The ciphertext of one bundle in another: Google refuses it, since the authenticated data differs."""
    key = work.key("bound")
    with work.open(key) as vault:
        one, other = (vault.encrypt(DATA, CONTEXT) for _ in range(2))
        (one_at, length), (other_at, _) = wrap_of(one), wrap_of(other)
        exchanged = one[:one_at] + other[other_at : other_at + length] + one[one_at + length :]
        assert work.calls(key, lambda: refused(vault.decrypt, exchanged, CONTEXT)) == [("Decrypt", 400)]
        assert refused(vault.decrypt, exchanged, CONTEXT) == "AuthenticationFailed"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (["disable"], "KeyDisabled"),
        (["destroy"], "KeyPendingDeletion"),
        (["destroy", "finish-destruction"], "KeyNotFound"),
    ],
)
def test_a_key_that_is_switched_off_is_refused_at_once_and_asked_once(work, changes, name):
    key = work.key(f"off-{len(changes)}-{changes[0]}")
    with work.open(key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        for change in changes:
            work.server.admin(change, name=key)
        assert work.calls(key, lambda: refused(vault.encrypt, DATA, CONTEXT)) == [("Encrypt", 400)]
        assert refused(vault.encrypt, DATA, CONTEXT) == name
        assert refused(vault.decrypt, envelope, CONTEXT) == name


def test_a_key_that_is_switched_on_again_works_again(work):
    key = work.key("on")
    with work.open(key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        work.server.admin("disable", name=key)
        assert refused(vault.decrypt, envelope, CONTEXT) == "KeyDisabled"
        work.server.admin("enable", name=key)
        assert vault.decrypt(envelope, CONTEXT) == DATA


def test_permissions_are_the_customers(work):
    key = work.key("denied")
    with work.open(key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        work.server.admin("deny", resource=key, permission="cloudkms.cryptoKeyVersions.useToDecrypt", member=MEMBER)
        vault.encrypt(DATA, CONTEXT)
        assert refused(vault.decrypt, envelope, CONTEXT) == "AccessDenied"
        work.server.admin("revoke", resource=key, role=USE, member=MEMBER)
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"


def test_an_unknown_key_is_not_found_by_who_may_see_that(work):
    work.server.admin("grant", resource=PROJECT, role=USE, member=MEMBER)
    try:
        with work.open(f"{PROJECT}/locations/us/keyRings/none/cryptoKeys/none") as vault:
            assert refused(vault.encrypt, DATA, CONTEXT) == "KeyNotFound"
    finally:
        work.server.admin("revoke", resource=PROJECT, role=USE, member=MEMBER)


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


@pytest.mark.parametrize(("code", "name"), [("RESOURCE_EXHAUSTED", "Throttled"), ("UNAVAILABLE", "KmsUnavailable")])
def test_in_the_end_the_services_own_trouble_is_the_error(work, code, name):
    key = work.key(f"end-{name}")
    with work.open(key) as vault:
        work.server.admin("throttle", requests=3, code=code, key=key)
        assert refused(vault.encrypt, DATA, CONTEXT) == name
        vault.encrypt(DATA, CONTEXT)


def test_a_pause_that_is_asked_for_is_made(work):
    key = work.key("asked-pause")
    with work.open(key) as vault:
        work.server.admin("throttle", requests=1, key=key, retry_after=1)
        begun = time.monotonic()
        assert work.calls(key, lambda: vault.encrypt(DATA, CONTEXT)) == [("Encrypt", 429), ("Encrypt", 200)]
        assert time.monotonic() - begun >= 1


def test_a_pause_that_does_not_fit_is_not_waited_for(work):
    """Retry-After beyond the deadline: the first answer is the result."""
    key = work.key("pause")
    with work.open(key) as vault:
        work.server.admin("throttle", requests=1, key=key, retry_after=3600)
        assert work.calls(key, lambda: refused(vault.encrypt, DATA, CONTEXT)) == [("Encrypt", 429)]


def wrap_of(envelope: bytes) -> tuple[int, int]:
    """Where the blob of the only wrap of a one-share envelope is, and how long, by docs/envelope.md section 3."""
    length_at = 6 + 2 + 32 + 8 + (16 + 1) + (1 + 16)
    return length_at + 2, int.from_bytes(envelope[length_at : length_at + 2], "big")
