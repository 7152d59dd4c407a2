"""The vendor's own identity from the machine that the program runs on: EC2, ECS, and EKS Pod Identity, at their real addresses."""

import os
import socket
from pathlib import Path

import pytest
from servers.aws_machine import EC2, EC2_ROLE, EC2_ROLES, EC2_TOKEN, ECS_PATH, EKS, EKS_PATH, AwsMachine
from servers.names import Names

from .conftest import CONTEXT, Key
from .test_roles import DATA, refused

# What the platform is asked for. EC2 by version 2 of its service, which wants a token first.
ASKED = {
    "ec2": [f"PUT {EC2_TOKEN}", f"GET {EC2_ROLES}", f"GET {EC2_ROLES}{EC2_ROLE}"],
    "ecs": [f"GET {ECS_PATH}"],
    "eks": [f"GET {EKS_PATH}"],
}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    return Names(tmp_path_factory.mktemp("names"))


@pytest.fixture(autouse=True)
def nothing_of_the_machine_that_runs_the_tests(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def key(account):
    return account.create_key()


@pytest.fixture
def machine(account, key, names):
    with AwsMachine(account.session(account.create_role(key, None))) as machine:
        names.mean(machine.meanings)
        yield machine


def environment(host: str, machine: AwsMachine, names: Names, directory: Path) -> dict[str, str]:
    """What the platform sets."""
    files = {name: str(directory / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    token = directory / "pod-token"
    token.write_text(machine.pod_token, encoding="utf-8")
    platform = {
        "ec2": {},
        "ecs": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ECS_PATH},
        "eks": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{EKS}{EKS_PATH}", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)},
    }
    return names.environment | files | platform[host]


@pytest.mark.parametrize("host", ASKED)
def test_the_role_of_the_machine_is_an_identity(work, key, machine, names, tmp_path, host):
    mark = work.proxy.mark()
    with work.open(Key(key), aws="", environment=environment(host, machine, names, tmp_path)) as vault:
        for _ in range(2):
            assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    assert {request.access_key_id for request in work.proxy.since(mark)} == {machine.session["AccessKeyId"]}
    assert machine.asked == [(asked, 200) for asked in ASKED[host]], "once for all calls"


def test_a_machine_without_a_role_has_no_identity(work, key, machine, names, tmp_path):
    machine.session = None
    with work.open(Key(key), aws="", environment=environment("ec2", machine, names, tmp_path)) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT).name == "AccessDenied"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        names.mean({EC2: f"{EC2}:{unused.getsockname()[1]}"})
        with work.open(Key(key), aws="", environment=environment("ec2", machine, names, tmp_path)) as vault:
            assert refused(vault.encrypt, DATA, CONTEXT).name == "AccessDenied", "nor has one that is nowhere in AWS"


@pytest.mark.parametrize("host", ["ecs", "eks"])
def test_an_agent_that_gives_nothing_is_an_outage_and_asked_again(work, key, machine, names, tmp_path, host):
    [asked] = ASKED[host]
    with work.open(Key(key), aws="", environment=environment(host, machine, names, tmp_path)) as vault:
        machine.failures = [404] * 3
        assert refused(vault.encrypt, DATA, CONTEXT).name == "KmsUnavailable"
        assert machine.asked == [(asked, 404)] * 3
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
