"""Google Cloud KMS, played by libvault's own test server, whose record of requests says what was asked."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..google import GoogleServer
from .cloud import Answered, Cloud, Key

_VENDOR = "vendor@test-project.iam.gserviceaccount.com"
_RING = "projects/test-project/locations/europe-west3/keyRings/customers"
_USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


@contextmanager
def google(directory: Path) -> Iterator["GoogleCloud"]:
    """Its files are in the directory."""
    with GoogleServer(directory) as server:
        yield GoogleCloud(server)


class GoogleCloud(Cloud):
    """The vendor is a service account that signs its own tokens."""

    name, server, wrap, unwrap = "Google Cloud KMS", "libvault's in-house test server", "Encrypt", "Decrypt"
    identity = f"serviceAccount:{_VENDOR}"

    def __init__(self, server: GoogleServer):
        self.running, self.port = server, int(server.ready["http_port"])
        self._answered: list[Answered] = []
        self._credentials = server.directory.resolve() / "vendor.json"
        self._credentials.write_text(json.dumps(server.admin("create-service-account", email=_VENDOR)), encoding="utf-8")

    @property
    def settings(self) -> str:
        return f"""[gcp]
credentials = "service_account_key"
path = "{self._credentials}"
endpoint = "http://127.0.0.1:{self.port}"
"""

    def new_key(self, name: str) -> "GoogleKey":
        key = GoogleKey(self, f"{_RING}/cryptoKeys/{name}")
        self.running.admin("create-key", name=key.address)
        key.grant()
        return key

    def mark(self) -> int:
        self._catch_up()
        return len(self._answered)

    def since(self, mark: int) -> Sequence[Answered]:
        self._catch_up()
        return self._answered[mark:]

    def _catch_up(self) -> None:
        """The server numbers its requests from 1, and gives all of its record or what follows a number."""
        news = self.running.log(since=len(self._answered))
        self._answered += [Answered(one["operation"], one["resource"], one["member"], one["code"]) for one in news]


class GoogleKey(Key):
    """Its only version is what is disabled and scheduled for destruction."""

    def __init__(self, cloud: GoogleCloud, address: str):
        self._cloud, self.address = cloud, address
        self.settings = f'provider = "gcp"\nname = "{address}"\n'

    def disable(self) -> None:
        self._cloud.running.admin("disable", name=self.address)

    def enable(self) -> None:
        self._cloud.running.admin("enable", name=self.address)

    def schedule_deletion(self) -> None:
        self._cloud.running.admin("destroy", name=self.address)

    def cancel_deletion(self) -> None:
        """As at Google the version is disabled afterwards, so it is enabled too."""
        self._cloud.running.admin("restore", name=self.address)
        self.enable()

    def withdraw(self) -> None:
        self._permission("revoke")

    def grant(self) -> None:
        self._permission("grant")

    def _permission(self, call: str) -> None:
        self._cloud.running.admin(call, resource=self.address, role=_USE, member=self._cloud.identity)
