import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from providers.drivers import RustVault
from servers.google import GoogleServer

VENDOR = "vendor@test-project.iam.gserviceaccount.com"
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
PROJECT = "projects/test-project"
CONTEXT = {"organization_id": "org_123"}


class Workplace:
    """Vaults whose only customer key is in the test server, and a look at their managed keys from outside."""

    def __init__(self, server: GoogleServer, directory: Path):
        self.server, self._directory = server, directory
        self._vaults = 0
        self.credentials = directory / "vendor.json"
        self.credentials.write_text(json.dumps(server.admin("create-service-account", email=VENDOR)), encoding="utf-8")

    def key(self, name: str, granted_to: str | None = f"serviceAccount:{VENDOR}", location: str = "europe-west3") -> str:
        key = f"{PROJECT}/locations/{location}/keyRings/{self._directory.name}/cryptoKeys/{name}"
        self.server.admin("create-key", name=key)
        if granted_to:
            self.server.admin("grant", resource=key, role=USE, member=granted_to)
        return key

    def open(
        self,
        key: str,
        endpoint: str | None = "",
        gcp: str | None = None,
        of_key: str = "",
        more: str = "",
        environment: dict[str, str] | None = None,
    ):
        """A vault with a root key and a store of its own: customer-gated data needs neither. `endpoint` None: Google's own names."""
        self._vaults += 1
        config = self._directory / f"vault-{self._vaults}.toml"
        base = self._base(f"store-{self._vaults}")
        replaced = "" if endpoint is None else f'endpoint = "{endpoint or self.server.http_endpoint}"'
        identity = gcp or f'credentials = "service_account_key"\npath = "{self.credentials}"'
        config.write_text(
            base
            + f"""
[leases]
max_age = 0

[timeouts]
connect = 1000
attempt = 2000
total = 15000

[gcp]
{identity}
{replaced}

[development]
allow_endpoint = true
{more}
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}

[[bindings.keys]]
id = "key_org_123"
provider = "gcp"
name = "{key}"
{of_key}
""",
            encoding="utf-8",
        )
        return RustVault(config, environment)

    def managed_keys(self) -> int:
        """Rows in all stores, read without libvault: a fallback would have had to make one."""
        count = 0
        for store in self._directory.glob("store-*/*.db"):
            with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
                count += connection.execute("SELECT count(*) FROM managed_keys").fetchone()[0]
        return count

    def calls(self, key: str, act: Callable[[], object]) -> list[tuple[str, int]]:
        """What the server was asked about the key while `act` ran."""
        mark = self.server.mark()
        act()
        return [(request["operation"], request["status"]) for request in self.server.log(key=key, since=mark)]

    def _base(self, name: str) -> str:
        """The root key and the store."""
        made = self._directory / name
        RustVault.init(made)
        text = (made / "libvault.toml").read_text(encoding="utf-8")
        return text.replace('store = "', f'store = "{name}/').replace('path = "', f'path = "{name}/')


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    state = tmp_path_factory.mktemp("google")
    with GoogleServer(state) as server:
        yield server
    assert (state / "server.log").read_text() == "", "a fault of the server"


@pytest.fixture
def work(server, tmp_path_factory):
    workplace = Workplace(server, tmp_path_factory.mktemp("work"))
    yield workplace
    assert workplace.managed_keys() == 0, "a key that cannot be used is never replaced by the vendor's own"
