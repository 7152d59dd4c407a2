"""Aliases: the first use settles which key is meant, and nobody moves data to another key by moving a name."""

import re

import pytest
from providers.drivers import Refused

from .conftest import CONTEXT, Key
from .test_roles import DATA, as_role, refused


class Alias:
    """A name in the customer's account, and the keys that it has stood for."""

    def __init__(self, account, name: str):
        self._account, self._name = account, f"alias/{name}"
        self.key = account.create_key()
        account.let_vendor(self.key)
        account.kms.create_alias(AliasName=self._name, TargetKeyId=self.key)
        self.arn = f"{self.key.rpartition(':')[0]}:{self._name}"
        # MiniStack looks for the permission on the alias; AWS looks for it on the key.
        account.let_vendor(self.arn, "kms:DescribeKey")

    def move(self) -> str:
        moved = self._account.create_key()
        self._account.let_vendor(moved)
        self._account.kms.update_alias(AliasName=self._name, TargetKeyId=moved)
        return moved


@pytest.fixture
def alias(account, request):
    return Alias(account, re.sub("[^A-Za-z0-9]", "-", request.node.name))


def test_the_key_behind_an_alias_is_asked_for_by_its_own_name(work, alias):
    mark = work.proxy.mark()
    with work.open(Key(alias.arn)) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        assert vault.decrypt(envelope, CONTEXT) == DATA
    asked = [(request.operation, request.key_id) for request in work.proxy.since(mark)]
    assert asked == [("DescribeKey", alias.arn), ("Encrypt", alias.key), ("Decrypt", alias.key)]
    # The same key by its ARN: nothing has changed.
    with work.open(Key(alias.key)) as vault:
        assert vault.decrypt(envelope, CONTEXT) == DATA


def test_an_alias_that_moves_is_not_followed(work, alias):
    with work.open(Key(alias.arn)) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        moved = alias.move()
        mark = work.proxy.mark()
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
        assert {request.key_id for request in work.proxy.since(mark)} == {alias.key}
    mark = work.proxy.mark()
    with work.open(Key(alias.arn)) as vault:
        for refusal in [refused(vault.encrypt, DATA, CONTEXT), refused(vault.decrypt, envelope, CONTEXT)]:
            assert refusal.name == "Conflict" and "another key" in refusal.message
    assert {request.operation for request in work.proxy.since(mark)} == {"DescribeKey"}
    assert refused(work.open(Key(moved)).__enter__).name == "Conflict", "the id stands for the first key, whatever names it"
    with work.open(Key(alias.key)) as vault:
        assert vault.decrypt(envelope, CONTEXT) == DATA


def test_a_missing_permission_is_named(work, alias):
    role = work.account.create_role(alias.key, "ext-alias")
    with work.open(Key(alias.arn, as_role(role, "ext-alias"))) as vault:
        refusal = refused(vault.encrypt, DATA, CONTEXT)
    assert refusal.name == "AccessDenied" and "kms:DescribeKey" in refusal.message


@pytest.mark.parametrize("other_is_an_alias", [False, True])
def test_no_alias_leads_to_the_key_of_another_owner(work, account, alias, other_is_an_alias):
    name = f"second-{other_is_an_alias}"
    account.kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=alias.key)
    second = Key(alias.arn.rpartition("/")[0] + f"/{name}", owner="org_456", id="key_org_456")
    account.let_vendor(second.arn, "kms:DescribeKey")
    with work.open(Key(alias.arn if other_is_an_alias else alias.key), second) as vault:
        vault.encrypt(DATA, CONTEXT)
        with pytest.raises(Refused) as refusal:
            vault.encrypt(DATA, {"organization_id": "org_456"})
    assert refusal.value.name == "Conflict" and "another owner's" in refusal.value.message
    assert "key_org_123" not in refusal.value.message, "one customer's error names no other's key"


def test_who_used_the_key_of_two_aliases_first_has_it_for_good(work, account, alias):
    account.kms.create_alias(AliasName="alias/late", TargetKeyId=alias.key)
    second = Key(alias.arn.rpartition("/")[0] + "/late", owner="org_456", id="key_org_456")
    account.let_vendor(second.arn, "kms:DescribeKey")
    other = {"organization_id": "org_456"}
    with work.open(Key(alias.arn), second) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
    with work.open(Key(alias.arn), second) as vault:
        assert refused(vault.encrypt, DATA, other).name == "Conflict", "also where the other is the first to ask"
        assert vault.decrypt(envelope, CONTEXT) == DATA
    # What was refused is not remembered: the other's alias may still be given to a key of its own.
    own = account.create_key()
    account.let_vendor(own)
    account.kms.update_alias(AliasName="alias/late", TargetKeyId=own)
    with work.open(Key(alias.arn), second) as vault:
        assert vault.decrypt(vault.encrypt(DATA, other), other) == DATA


def test_two_owners_may_not_name_one_alias(work, alias):
    second = Key(alias.arn, owner="org_456", id="key_org_456")
    assert refused(work.open(Key(alias.arn), second).__enter__).name == "Conflict"
