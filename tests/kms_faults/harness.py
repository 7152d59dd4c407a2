"""A vault for org_123 whose only key is at an endpoint that the test chooses, and a look at its managed keys from outside."""

import itertools
import sqlite3
from pathlib import Path

import libvault

from servers import AccessKey

CONTEXT = {"organization_id": "org_123"}
# Short attempts; but the total leaves room for every retry, so that the error is the KMS's and not the deadline's.
CONNECT_MS, ATTEMPT_MS, TOTAL_MS = 500, 700, 15000


class Workplace:
    """One store and root key, opened again and again with another endpoint or other credentials."""

    def __init__(self, directory: Path, key_arn: str):
        directory.mkdir()
        made = libvault.init(directory)
        self._base = Path(made.config).read_text(encoding="utf-8")
        self._directory, self._store, self._key_arn = directory, Path(made.store), key_arn
        self._numbers = itertools.count()

    def open(self, endpoint: str, vendor: AccessKey, key_arn: str | None = None, key_id: str = "key_org_123") -> libvault.Vault:
        config = self._directory / f"libvault-{next(self._numbers)}.toml"
        config.write_text(self._base + _customer(endpoint, vendor, key_arn or self._key_arn, key_id), encoding="utf-8")
        return libvault.open(config)

    def managed_keys(self) -> int:
        """Rows in the store, read without libvault: a fallback would have had to make one."""
        with sqlite3.connect(f"file:{self._store}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM managed_keys").fetchone()[0]


def _customer(endpoint: str, vendor: AccessKey, key_arn: str, key_id: str) -> str:
    return f"""
[leases]
max_age = 0

[timeouts]
connect = {CONNECT_MS}
attempt = {ATTEMPT_MS}
total = {TOTAL_MS}

[aws]
credentials = "static"
access_key_id = "{vendor.access_key_id}"
secret_access_key = "{vendor.secret_access_key}"
endpoint = "{endpoint}"

[development]
allow_endpoint = true

[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}

[[bindings.keys]]
id = "{key_id}"
provider = "aws"
arn = "{key_arn}"
"""
