"""Multi-Region keys: replicas in several regions are one key of one owner."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers.certificates import make_certificates
from servers.faulty_proxy import FaultyProxy, Upstream
from servers.names import Names

from .conftest import CONTEXT, Key
from .test_roles import DATA, refused


@dataclass
class Regions:
    """Ways to the emulator; `environment` is for a vault that goes by the names."""

    endpoints: list[FaultyProxy]
    ca: Path
    environment: dict[str, str]


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


@pytest.fixture
def regions(emulator, tmp_path):
    """The endpoint of each region by its own name, and at an address of its own."""
    hosts = [f"kms.{region}.amazonaws.com" for region in ("eu-central-1", "us-east-1")]
    ca, tls = make_certificates(tmp_path / "regions", "in front of an emulator, not AWS", hosts)
    names = Names(tmp_path / "names")
    with ExitStack() as running:
        endpoints = [running.enter_context(FaultyProxy(Upstream(emulator.port), tls, f"127.0.0.{2 + index}")) for index in range(2)]
        names.mean({host: f"127.0.0.{2 + index}:{endpoints[index].port}" for index, host in enumerate(hosts)})
        yield Regions(endpoints, ca, names.environment)


def test_data_opens_by_a_replica_while_the_first_region_is_away(work, replicas, regions):
    keys = [Key(arn, id=f"key_{index}") for index, arn in enumerate(replicas)]
    network = f'ca_bundle = "{regions.ca}"\nproxy = "none"'
    with work.open(*keys, endpoint=None, network=network, environment=regions.environment) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        assert [len(endpoint.exchanges) for endpoint in regions.endpoints] == [1, 1], "wrapped by both, each in its region"
        for away, there in (regions.endpoints, reversed(regions.endpoints)):
            away.go_away()
            mark = there.mark()
            assert vault.decrypt(envelope, CONTEXT) == DATA
            assert len(there.exchanges[mark:]) == 1
            away.listen()
