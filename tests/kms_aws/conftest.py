"""The provider `aws` against MiniStack, which checks signatures, policies, roles and external ids.

Every case runs through the Rust core (`core/examples/kms_probe.rs`); `tests/kms_faults` has the Python package.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from providers.drivers import RustVault
from servers import CountingProxy, ministack

from .accounts import Account

CONTEXT = {"organization_id": "org_123"}


@dataclass
class Key:
    """A key of a binding in the configuration, and what else the binding's table of it says."""

    arn: str
    more: str = ""
    owner: str = "org_123"
    id: str = "key_org_123"


class Workplace:
    """Vaults that reach the emulator through a proxy which counts, and a look at their managed keys from outside."""

    def __init__(self, account: Account, directory: Path):
        self.account, self.directory = account, directory
        self.proxy: CountingProxy
        self._configs = 0
        RustVault.init(directory / "vault")
        self._base = (directory / "vault" / "libvault.toml").read_text(encoding="utf-8")

    def open(self, *keys: Key, aws: str | None = None, network: str = "", endpoint: str | None = "", environment: dict[str, str] | None = None):
        """`endpoint` None: the real hosts of AWS."""
        self._configs += 1
        vendor = self.account.vendor
        static = f'credentials = "static"\naccess_key_id = "{vendor.access_key_id}"\nsecret_access_key = "{vendor.secret_access_key}"'
        replaced = "" if endpoint is None else f'endpoint = "{endpoint or self.proxy.endpoint}"'
        text = self._base + f"""
[leases]
max_age = 0
[timeouts]
connect = 1000
attempt = 2000
total = 10000
[network]
{network}
[aws]
{static if aws is None else aws}
{replaced}
[development]
allow_endpoint = true
"""
        owners = dict.fromkeys(key.owner for key in keys)
        for owner in owners:
            text += f'[[bindings]]\nid = "bnd_{owner}"\nowner = "{owner}"\nselector = {{ organization_id = "{owner}" }}\n'
            for key in (key for key in keys if key.owner == owner):
                text += f'[[bindings.keys]]\nid = "{key.id}"\nprovider = "aws"\narn = "{key.arn}"\n{key.more}\n'
        config = self.directory / "vault" / f"libvault-{self._configs}.toml"
        config.write_text(text, encoding="utf-8")
        return RustVault(config, environment)

    def managed_keys(self) -> int:
        """Rows in the store, read without libvault: a fallback would have had to make one."""
        with sqlite3.connect(f"file:{self.directory / 'vault' / 'vault.db'}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM managed_keys").fetchone()[0]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    with ministack(tmp_path_factory.mktemp("ministack") / "log") as emulator:
        yield emulator


@pytest.fixture(scope="session")
def account(emulator):
    return Account(emulator)


@pytest.fixture
def work(account, emulator, tmp_path):
    workplace = Workplace(account, tmp_path)
    with CountingProxy(emulator.port) as workplace.proxy:
        yield workplace
    assert workplace.managed_keys() == 0, "a key that cannot be used is never replaced by the vendor's own"
