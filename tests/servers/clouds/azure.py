"""Azure Key Vault, played by libvault's own test server, whose record of requests says what was asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..azure import AzureServer
from .cloud import Answered, Cloud, Key

_SECRET = "the vendor's secret"
_KEY = "cmk"


@contextmanager
def azure(directory: Path) -> Iterator["AzureCloud"]:
    """Its files are in the directory."""
    with AzureServer.run(directory) as server:
        yield AzureCloud(server)


class AzureCloud(Cloud):
    """A vault for each customer, all in the tenant of the vendor's application, which signs in with a client secret."""

    name, server, wrap, unwrap = "Azure Key Vault", "libvault's in-house test server", "wrapKey", "unwrapKey"
    sign_in = (("challenge", "401"), ("token", "OK"))

    def __init__(self, server: AzureServer):
        self.running, self.port = server, server.tls_port
        self.tenant = server.admin("POST", "/tenants")["tenant"]
        self.identity = server.admin("POST", "/apps", tenant=self.tenant, secrets=[_SECRET])["client_id"]
        self.network = f'ca_bundle = "{server.ca}"\n'

    @property
    def settings(self) -> str:
        return f"""[azure]
tenant_id = "{self.tenant}"
client_id = "{self.identity}"
credentials = "client_secret"
client_secret = "{_SECRET}"
endpoint = "https://127.0.0.1:{self.port}"
"""

    def new_key(self, name: str) -> "AzureKey":
        """An RSA key in a vault of that name, of letters, digits and hyphens."""
        vault = self.running.admin("POST", "/vaults", name=name, tenant=self.tenant)
        self.running.key(name, _KEY, "create", kty="RSA")
        key = AzureKey(self, name, f"{vault['url'].rstrip('/')}/keys/{_KEY}")
        key.grant()
        return key

    def mark(self) -> int:
        return self.running.mark()

    def since(self, mark: int) -> Sequence[Answered]:
        return [_answered(request) for request in self.running.requests(mark)]


class AzureKey(Key):
    """Deleting is soft: the key can be recovered."""

    def __init__(self, cloud: AzureCloud, vault: str, address: str):
        self._cloud, self._vault, self.address = cloud, vault, address
        self.settings = f'provider = "azure"\nurl = "{address}"\n'

    def disable(self) -> None:
        self._cloud.running.key(self._vault, _KEY, "disable")

    def enable(self) -> None:
        self._cloud.running.key(self._vault, _KEY, "enable")

    def schedule_deletion(self) -> None:
        self._cloud.running.key(self._vault, _KEY, "delete")

    def cancel_deletion(self) -> None:
        self._cloud.running.key(self._vault, _KEY, "recover")

    def withdraw(self) -> None:
        self._permission("DELETE")

    def grant(self) -> None:
        self._permission("POST", operations=["wrapKey", "unwrapKey"])

    def _permission(self, method: str, **more: Any) -> None:
        self._cloud.running.admin(method, "/roles/allow", vault=self._vault, client_id=self._cloud.identity, **more)


def _answered(request: dict[str, Any]) -> Answered:
    """The first request of a client carries no token: the vault's challenge says where to get one."""
    key = f"https://{request['host'].split(':')[0]}/keys/{request['key']}" if request.get("key") else None
    identity, answer = request.get("client_id"), request.get("inner") or request.get("code") or "OK"
    if request["status"] == 401 and identity is None:
        return Answered("challenge", None, None, "401")
    return Answered(request["operation"], key, identity, answer if request["status"] >= 400 else "OK")
