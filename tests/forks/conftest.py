"""What the fork tests share: a vault with every kind of key, and the check that nothing was drawn twice."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "gen")]

import envelope as envelopes  # noqa: E402

from servers import HonestKms  # noqa: E402

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def kms() -> Iterator[HonestKms]:
    with HonestKms() as running:
        yield running


@pytest.fixture
def make_vault(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a vault whose KMS is at an endpoint, and gives its configuration."""

    def make(endpoint: str) -> Path:
        directory = tmp_path / "vault"
        subprocess.run([TARGET / "libvault", "init", directory], check=True, stdout=subprocess.DEVNULL)
        key = directory / "customer.key"
        key.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")
        key.chmod(0o600)
        with (directory / "libvault.toml").open("a") as config:
            config.write(
                f'\n[aws]\ncredentials = "static"\naccess_key_id = "test"\nsecret_access_key = "test"\nendpoint = "{endpoint}"\n'
                "[development]\nallow_endpoint = true\n[leases]\nmax_age = 0\n[timeouts]\nattempt = 60000\ntotal = 60000\n"
                '[[bindings]]\nid = "bnd_local"\nowner = "local"\nselector = { organization_id = "org_local" }\n'
                '[[bindings.keys]]\nid = "key_local"\nprovider = "local"\npath = "customer.key"\n'
                '[[bindings]]\nid = "bnd_kms"\nowner = "kms"\nselector = { organization_id = "org_kms" }\n'
                f'[[bindings.keys]]\nid = "key_kms"\nprovider = "aws"\narn = "{ARN}"\n'
            )
        return directory / "libvault.toml"

    return make


@pytest.fixture
def config(make_vault: Callable[[str], Path], kms: HonestKms) -> Path:
    """The configuration of a vault with managed keys, a customer's key file and a key in a KMS."""
    return make_vault(kms.endpoint)


def check_disjoint(made: Iterable[bytes], keys: Iterable[bytes]) -> None:
    """No two envelopes share a message id or a data key, and no two data keys are the same."""
    parsed = [envelopes.parse("envelope", envelope) for envelope in made]
    for what, drawn in (
        ("message ids", [one.message_id for one in parsed]),
        ("data keys of envelopes", [one.commitment for one in parsed]),
        ("wraps", [wrap.blob for one in parsed for share in one.shares for wrap in share.wraps]),
        ("data keys", list(keys)),
    ):
        assert len(drawn) == len(set(drawn)), f"{what} repeat"
