"""What the cases stand on: a server, an official client behind a driver, the vendor's service account and the customer's keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .. import GoogleServer
from .driver import Driver, Refused

ACCOUNT = "vendor@test-project.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{ACCOUNT}"
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
RING = "projects/test-project/locations/europe-west3/keyRings/proof"
AAD = b"bundle 1"


class World:
    """A server with the vendor's service account, and the customer's keys."""

    def __init__(self, server: GoogleServer, driver: Driver):
        self.server, self.driver = server, driver
        self.credentials = self.file("vendor.json", server.admin("create-service-account", email=ACCOUNT))

    def key(self, name: str, *, member: str | None = MEMBER, resource: str | None = None) -> str:
        """A new key that the member may use, by a role on the key or on the resource above it."""
        key = f"{RING}-{name}/cryptoKeys/k"
        self.server.admin("create-key", name=key)
        if member:
            self.server.admin("grant", resource=resource or key, role=USE, member=member)
        return key

    def encrypt(self, key: str, plaintext: bytes = b"key", aad: bytes = AAD, **more) -> dict:
        return self.driver.encrypt(key, plaintext, aad, **{"credentials": self.credentials} | more)

    def decrypt(self, key: str, ciphertext: bytes, aad: bytes = AAD, **more) -> dict:
        return self.driver.decrypt(key, ciphertext, aad, **{"credentials": self.credentials} | more)

    def served(self, key: str) -> list[tuple[str, int]]:
        return [(request["operation"], request["status"]) for request in self.server.log(key=key)]

    def file(self, name: str, content: dict | str) -> Path:
        path = self.server.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path


def start(command: list[str], directory: Path, state: Path) -> Iterator[World]:
    """For a fixture of the scope of a module."""
    with GoogleServer(state) as server, Driver(command, directory, server.endpoint, server.ca) as driver:
        yield World(server, driver)
    # A fault of the server would be an INTERNAL that a client may hide by trying again.
    assert (state / "server.log").read_text() == ""


def violation(error: Refused) -> dict:
    assert error.code == "FAILED_PRECONDITION"
    (failure,) = error.details
    assert failure["@type"] == "type.googleapis.com/google.rpc.PreconditionFailure"
    (only,) = failure["violations"]
    return {name: value for name, value in only.items() if value}


def refusal(call, *arguments, **more) -> Refused:
    """What the call is refused with."""
    with pytest.raises(Refused) as caught:
        call(*arguments, **more)
    return caught.value
