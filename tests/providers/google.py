"""Google Cloud KMS, as our test server has it."""

import copy
import itertools
import json
from pathlib import Path

from servers.certificates import make_certificates
from servers.faulty_proxy import Exchange, FaultyProxy, Upstream
from servers.google import GoogleServer as Process
from servers.google.federation import PRINCIPAL, Federation
from servers.google.hosts import HOSTS

from .contract import CustomerKey, KeyServer, KmsCall, Way

VENDOR = "vendor@test-project.iam.gserviceaccount.com"
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_numbers = itertools.count(1)


class GoogleServer(KeyServer):
    provider, version, name = "gcp", "ours", "our Cloud KMS"
    vendor = f"serviceAccount:{VENDOR}"

    def __init__(self, process: Process, directory: Path):
        self._process = process
        hosts = [*HOSTS, f"cloudkms.{GoogleKey.region}.rep.googleapis.com"]
        self.ca, self._tls = make_certificates(directory, "in front of a test server", hosts)
        account = process.admin("create-service-account", email=VENDOR)
        self.secrets = (account["private_key"], account["private_key_id"], VENDOR)
        credentials = directory / "vendor.json"
        credentials.write_text(json.dumps(account), encoding="utf-8")
        self._identity = f'credentials = "service_account_key"\npath = "{credentials}"'
        self._federation = Federation(process, directory)

    def identity(self, way: Way) -> str:
        return f"""
[gcp]
{self._identity}
{way.endpoint_line}
"""

    def key(self) -> "GoogleKey":
        key = GoogleKey(self._process, "test-project")
        self._process.admin("create-key", name=key.name)
        key.grant()
        return key

    def unknown_key(self) -> "GoogleKey":
        """Only who has the permission on the project is told that a key is not there."""
        self._process.admin("grant", resource="projects/other-project", role=USE, member=f"serviceAccount:{VENDOR}")
        return GoogleKey(self._process, "other-project")

    def network(self, address: str = "127.0.0.1") -> FaultyProxy:
        return FaultyProxy(Upstream(self._process.ready["port"], self._process.ready["ca"]), self._tls, address)

    def call(self, exchange: Exchange) -> KmsCall | None:
        operation = exchange.path.partition("?")[0].rpartition(":")[2]
        if operation not in ("encrypt", "decrypt"):
            return None
        version = None
        if exchange.reply and exchange.reply.status == 200:
            version = json.loads(exchange.reply.body).get("name")
        return KmsCall(operation, exchange.reply and exchange.reply.status, version, None)


    def asking_for_tokens(self) -> "GoogleServer":
        """A service account's key signs its own tokens: here a workload of another issuer is the vendor."""
        other = copy.copy(self)
        self._federation.renew()
        other._identity = f'credentials = "external_account"\npath = "{self._federation.file}"'
        return other

    def is_for_token(self, exchange: Exchange) -> bool:
        return exchange.path == "/v1/token"


class GoogleKey(CustomerKey):
    region = "europe-west3"

    def __init__(self, process: Process, project: str):
        self._process = process
        self.name = f"projects/{project}/locations/{self.region}/keyRings/suite/cryptoKeys/key-{next(_numbers)}"

    @property
    def address(self) -> str:
        return self.name

    @property
    def toml(self) -> str:
        return f'provider = "gcp"\nname = "{self.name}"\n'

    def disable(self) -> None:
        self._process.admin("disable", name=self.name)

    def enable(self) -> None:
        self._process.admin("enable", name=self.name)

    def schedule_deletion(self) -> None:
        self._process.admin("destroy", name=self.name)

    def cancel_deletion(self) -> None:
        """As at Google the version is disabled afterwards."""
        self._process.admin("restore", name=self.name)
        self.enable()

    def deny(self) -> None:
        self._process.admin("revoke", resource=self.name, role=USE, member=f"serviceAccount:{VENDOR}")

    def grant(self) -> None:
        for member in (f"serviceAccount:{VENDOR}", PRINCIPAL):
            self._process.admin("grant", resource=self.name, role=USE, member=member)

    def rotate(self) -> None:
        self._process.admin("rotate", name=self.name)

    def is_meant_by(self, exchange: Exchange) -> bool:
        return f"/{self.name}:" in exchange.path
