"""Multi-Region keys: replicas in several regions are one key of one owner."""

import pytest

from .conftest import CONTEXT, Key
from .test_roles import DATA, refused


@pytest.fixture
def replicas(account):
    primary = account.create_key(MultiRegion=True)
    account.kms.replicate_key(KeyId=primary, ReplicaRegion="us-east-1")
    keys = [primary, primary.replace("eu-central-1", "us-east-1")]
    for key in keys:
        account.let_vendor(key)
    return keys


def test_replicas_are_keys_of_one_binding(work, replicas):
    keys = [Key(arn, id=f"key_{index}") for index, arn in enumerate(replicas)]
    with work.open(*keys) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        assert vault.decrypt(envelope, CONTEXT) == DATA


def test_replicas_do_not_belong_to_two_owners(work, replicas):
    first, second = replicas
    opening = work.open(Key(first), Key(second, owner="org_456", id="key_org_456"))
    refusal = refused(opening.__enter__)
    assert refusal.name == "Conflict" and "address" in refusal.message
