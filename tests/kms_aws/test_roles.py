"""Roles in the customer's account: the vendor takes them on by its own external id, or not at all (P10)."""

import pytest
from providers.drivers import Refused

from .conftest import CONTEXT, Key

DATA = b"attack at dawn"


def as_role(role: str, external_id: str) -> str:
    return f'role_arn = "{role}"\nexternal_id = "{external_id}"'


def refused(act, *arguments) -> Refused:
    with pytest.raises(Refused) as refusal:
        act(*arguments)
    assert "000000000000" not in refusal.value.message, "the service's text stays out"
    return refusal.value


def test_the_key_is_used_in_the_role_and_by_nobody_else(work):
    key = work.account.create_key()
    role = work.account.create_role(key, "ext-right")
    mark = work.proxy.mark()
    with work.open(Key(key, as_role(role, "ext-right"))) as vault:
        for _ in range(2):
            assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    requests = work.proxy.since(mark)
    assert [request.operation for request in requests] == ["/", "Encrypt", "Decrypt", "Encrypt", "Decrypt"], "one session serves all"
    assert requests[0].access_key_id == work.account.vendor.access_key_id
    assert len({request.access_key_id for request in requests}) == 2
    # The same configuration without the role: the vendor itself has no right to the key.
    with work.open(Key(key)) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT).name == "AccessDenied"


@pytest.mark.parametrize("external_id", ["ext-wrong", "ext-right-and-more", "EXT-RIGHT"])
def test_another_external_id_does_not_get_the_role(work, external_id):
    """What a customer attempts who names another customer's role as its own: the vendor gives this customer's id, not that one's."""
    key = work.account.create_key()
    role = work.account.create_role(key, "ext-right")
    mark = work.proxy.mark()
    with work.open(Key(key, as_role(role, external_id))) as vault:
        refusal = refused(vault.encrypt, DATA, CONTEXT)
    assert refusal.name == "AccessDenied" and "role" in refusal.message
    assert [request.operation for request in work.proxy.since(mark)] == ["/"], "the key is not asked as the vendor instead"


def test_a_role_without_an_external_id_is_no_configuration(work):
    key = work.account.create_key()
    role = work.account.create_role(key, None)
    refusal = refused(work.open(Key(key, f'role_arn = "{role}"')).__enter__)
    assert refusal.name == "InvalidConfig" and "external_id" in refusal.message


def test_one_role_or_external_id_is_one_owners(work):
    keys = [work.account.create_key() for _ in range(2)]
    role = work.account.create_role(keys[0], "ext-1")
    for of_first, of_second, named in [
        (as_role(role, "ext-1"), as_role(role, "ext-2"), "role_arn"),
        (as_role(role, "ext-1"), as_role(f"{role}-2", "ext-1"), "external_id"),
    ]:
        second = Key(keys[1], of_second, owner="org_456", id="key_org_456")
        refusal = refused(work.open(Key(keys[0], of_first), second).__enter__)
        assert refusal.name == "Conflict" and named in refusal.message


def test_the_customer_refuses_in_the_role_too(work):
    key = work.account.create_key()
    role = work.account.create_role(key, "ext-refuses")
    with work.open(Key(key, as_role(role, "ext-refuses"))) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        work.account.kms.disable_key(KeyId=key)
        assert refused(vault.decrypt, envelope, CONTEXT).name == "KeyDisabled"
        work.account.kms.enable_key(KeyId=key)
        assert vault.decrypt(envelope, CONTEXT) == DATA
        work.account.forbid_key(role)
        assert refused(vault.decrypt, envelope, CONTEXT).name == "AccessDenied"


def test_a_role_that_is_taken_away_gives_no_new_session(work):
    key = work.account.create_key()
    role = work.account.create_role(key, "ext-gone")
    with work.open(Key(key, as_role(role, "ext-gone"))) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        work.account.trust_nobody(role)
        assert vault.decrypt(envelope, CONTEXT) == DATA, "AWS keeps sessions to their end: a quarter of an hour"
    with work.open(Key(key, as_role(role, "ext-gone"))) as vault:
        assert refused(vault.decrypt, envelope, CONTEXT).name == "AccessDenied"
