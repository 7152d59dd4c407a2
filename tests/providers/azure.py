"""Azure Key Vault and managed HSM, as our test server has them. Every key has a vault of its own."""

import itertools
import json
from pathlib import Path

from servers.azure.client import AzureServer as Process
from servers.azure.hosts import LOGIN_HOSTS, SERVED_NAMES
from servers.certificates import make_certificates
from servers.faulty_proxy import Exchange, FaultyProxy, Upstream

from .contract import CustomerKey, KeyServer, KmsCall, Way

SECRET = "the-secret-of-the-application"
_OPERATIONS = {"wrapkey": "encrypt", "unwrapkey": "decrypt"}
_numbers = itertools.count(1)


class AzureServer(KeyServer):
    provider, version = "azure", "ours"
    secrets = (SECRET,)

    def __init__(self, process: Process, directory: Path, managed_hsm: bool):
        self.name = "our managed HSM" if managed_hsm else "our key vault"
        self._process, self._managed_hsm = process, managed_hsm
        self.ca, self._tls = make_certificates(directory, "in front of a test server", SERVED_NAMES)
        self._tenant = process.admin("POST", "/tenants")["tenant"]
        self.vendor = process.admin("POST", "/apps", tenant=self._tenant, secrets=[SECRET])["client_id"]

    def identity(self, way: Way) -> str:
        return f"""
[azure]
tenant_id = "{self._tenant}"
client_id = "{self.vendor}"
credentials = "client_secret"
client_secret = "{SECRET}"
{way.endpoint_line}
"""

    def key(self) -> "AzureKey":
        return AzureKey(self._process, self._tenant, self.vendor, self._managed_hsm)

    def unknown_key(self) -> "AzureKey":
        key = self.key()
        key.name = "unknown"
        return key

    def network(self, address: str = "127.0.0.1") -> FaultyProxy:
        return FaultyProxy(Upstream(self._process.tls_port, self._process.ca), self._tls, address)

    def call(self, exchange: Exchange) -> KmsCall | None:
        operation = _OPERATIONS.get(exchange.path.partition("?")[0].rpartition("/")[2])
        # The SDK asks each vault once without a token, to be told what kind it wants.
        if operation is None or "authorization" not in exchange.headers:
            return None
        if exchange.reply is None:
            return KmsCall(operation, None, None, None)
        version = None
        if exchange.reply.status == 200:
            version = json.loads(exchange.reply.body)["kid"].rpartition("/")[2]
        return KmsCall(operation, exchange.reply.status, version, exchange.reply.header("x-ms-request-id"))


    def asking_for_tokens(self) -> "AzureServer":
        return self

    def is_for_token(self, exchange: Exchange) -> bool:
        return exchange.host in LOGIN_HOSTS


class AzureKey(CustomerKey):
    region = "westeurope"

    def __init__(self, process: Process, tenant: str, application: str, managed_hsm: bool):
        self._process, self._application = process, application
        self._declared = ""
        self.vault, self.name = f"vault-{next(_numbers)}", "cmk"
        made = process.admin("POST", "/vaults", name=self.vault, tenant=tenant, region=self.region, managed_hsm=managed_hsm)
        self.url, self.host = made["url"], made["host"]
        process.admin("POST", "/roles/allow", vault=self.vault, client_id=application)
        self._act("create", **({"kty": "oct-HSM", "key_size": 256} if managed_hsm else {"kty": "RSA"}))

    @property
    def address(self) -> str:
        return f"{self.url}/keys/{self.name}"

    @property
    def toml(self) -> str:
        return f'provider = "azure"\nurl = "{self.address}"\n{self._declared}'

    def declare_region(self) -> None:
        self._declared = f'region = "{self.region}"\n'

    def disable(self) -> None:
        self._act("disable")

    def enable(self) -> None:
        self._act("enable")

    def schedule_deletion(self) -> None:
        self._act("delete")

    def cancel_deletion(self) -> None:
        self._act("recover")

    def deny(self) -> None:
        self._process.admin("POST", "/roles/deny", vault=self.vault, client_id=self._application)

    def grant(self) -> None:
        self._process.admin("DELETE", "/roles/deny", vault=self.vault, client_id=self._application)

    def rotate(self) -> None:
        self._act("rotate")

    def is_meant_by(self, exchange: Exchange) -> bool:
        return exchange.host == self.host

    def _act(self, action: str, **body: object) -> None:
        self._process.key(self.vault, self.name, action, **body)
