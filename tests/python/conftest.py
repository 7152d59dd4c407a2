"""What the tests share: vaults made by `libvault.init` and bindings whose customer key is a local key file."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import libvault

MANAGED = {"organization_id": "org_managed", "user_id": "user_1"}
CUSTOMER = {"organization_id": "org_customer"}


@pytest.fixture
def made(tmp_path: Path) -> libvault.Initialized:
    """A new vault's files."""
    return libvault.init(tmp_path / "vault")


@pytest.fixture
def vault(made: libvault.Initialized) -> Iterator[libvault.Vault]:
    """An open vault without bindings."""
    with libvault.open(made.config) as opened:
        yield opened


@pytest.fixture
def configuration(made: libvault.Initialized) -> dict[str, Any]:
    """A mapping that opens the vault of `made`, with one binding for CUSTOMER under a local key file."""
    return {
        "store": made.store,
        "root_key": {"provider": "local", "path": made.root_key},
        "bindings": [
            {
                "id": "bnd_customer",
                "owner": "customer",
                "selector": CUSTOMER,
                "keys": [{"id": "key_customer", "provider": "local", "path": key_file(made.config.parent / "customer.key")}],
            }
        ],
    }


@pytest.fixture
def gated(configuration: dict[str, Any]) -> Iterator[libvault.Vault]:
    """An open vault in which CUSTOMER is bound to a customer's key."""
    with libvault.open(configuration) as opened:
        yield opened


@pytest.fixture
def refused(made: libvault.Initialized) -> Callable[[dict[str, Any]], libvault.InvalidConfig]:
    """Gives the error of opening a configuration that has these fields besides the required ones."""

    def open_and_fail(fields: dict[str, Any]) -> libvault.InvalidConfig:
        required = {"store": str(made.store), "root_key": {"provider": "local", "path": str(made.root_key)}}
        with pytest.raises(libvault.InvalidConfig) as caught:
            libvault.open(required | fields)
        return caught.value

    return open_and_fail


def key_file(path: Path, mode: int = 0o600) -> Path:
    """Writes a key file with one version."""
    path.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")
    path.chmod(mode)
    return path
