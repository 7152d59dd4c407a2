"""Every code of the error table that can be reached is provoked, as tests/vectors/reachable.json says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import libvault
from conftest import CUSTOMER, MANAGED, key_file
from kms import IN_KMS, FaultyKms, with_kms
from test_vectors import ENVELOPES, fixture, load

__all__ = ["fixture"]

CODES: dict[str, dict[str, Any]] = load("reachable.json")["codes"]
IN_PYTHON = {name: code for name, code in CODES.items() if code["reachable"] and "python" not in code.get("not_in", {})}
BOUND = {"organization_id": "org_123"}
CLOSED_PORT = "http://127.0.0.1:9"


class Place:
    """A vault's files, and vaults opened on them with one change at a time."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.configuration = configuration
        self._opened: list[libvault.Vault] = []

    @property
    def directory(self) -> Path:
        return Path(self.configuration["store"]).parent

    def open(self, binding: dict[str, Any] | None = None, **changes: Any) -> libvault.Vault:
        bindings = self.configuration["bindings"]
        if binding is not None:
            keys = [{"id": "key_123", "provider": "local", "path": str(self.directory / "customer-123.key")}]
            if not (self.directory / "customer-123.key").exists():
                key_file(self.directory / "customer-123.key")
            bindings = [{"id": "bnd_123", "owner": "org_123", "selector": BOUND, "keys": keys, **binding}]
        vault = libvault.open({**self.configuration, "bindings": bindings, **changes})
        self._opened.append(vault)
        return vault

    def close(self) -> None:
        for vault in self._opened:
            vault.close()


@pytest.fixture
def place(configuration: dict[str, Any]) -> Iterator[Place]:
    place = Place(configuration)
    yield place
    place.close()


def changed(envelope: bytes) -> bytes:
    return envelope[:-1] + bytes([envelope[-1] ^ 1])


def not_a_store(place: Place) -> object:
    file = place.directory / "other.db"
    file.write_bytes(b"something else than a store")
    return place.open(store=str(file))


def downgrade(place: Place) -> object:
    envelope = place.open(binding={}).encrypt(b"data", BOUND)
    return place.open(binding=CODES["DowngradeRefused"]["binding"]).rewrap(envelope, BOUND)


def after_close(place: Place) -> object:
    vault = place.open()
    vault.close()
    return vault.encrypt(b"data", MANAGED)


def elsewhere(place: Place) -> object:
    configuration = with_kms(place.configuration, CLOSED_PORT)
    return libvault.open({**configuration, "allowed_regions": ["us-east-1"]}).encrypt(b"data", IN_KMS)


def again_and_again(place: Place) -> object:
    vault = libvault.open(with_kms(place.configuration, CLOSED_PORT))
    for _ in range(5):
        with pytest.raises(libvault.KmsUnavailable):
            vault.encrypt(b"data", IN_KMS)
    return vault.encrypt(b"data", IN_KMS)


PROVOKED: dict[str, Callable[[Place], object]] = {
    "InvalidContext": lambda place: libvault.Context({}),
    "UnknownContextName": lambda place: place.open(binding={}).encrypt(b"data", {"organizationId": "org_123"}),
    "ContextMismatch": lambda place: place.open().decrypt(place.open().encrypt(b"data", MANAGED), CUSTOMER),
    "Malformed": lambda place: place.open().decrypt(place.open().encrypt(b"data", MANAGED)[:-20], MANAGED),
    "UnsupportedFormat": lambda place: place.open().decrypt(b"no envelope at all, but long enough to be looked at", MANAGED),
    "BufferTooSmall": lambda place: place.open().encrypt_into(b"data", MANAGED, bytearray(1)),
    "NoMatchingKey": lambda place: place.open(fallback="deny").encrypt(b"data", MANAGED),
    "DowngradeRefused": downgrade,
    "StoreUnavailable": not_a_store,
    "AuditUnavailable": lambda place: place.open(audit={"sink": "file", "path": "/dev/full"}).encrypt(b"data", MANAGED),
    "AuthenticationFailed": lambda place: place.open().decrypt(changed(place.open().encrypt(b"data", MANAGED)), MANAGED),
    "Closed": after_close,
    "Conflict": lambda place: libvault.init(place.directory),
    "InvalidConfig": lambda place: place.open(no_such_field=1),
    "RegionNotAllowed": elsewhere,
    "CircuitOpen": again_and_again,
}


@pytest.mark.parametrize("name", IN_PYTHON)
def test_a_code_that_can_be_reached(name: str, place: Place, fixture: libvault.Vault) -> None:
    code = CODES[name]
    with pytest.raises(libvault.VaultError) as caught:
        if "kms_fault" in code:
            with FaultyKms(code["kms_fault"]) as kms:
                attempt = {"attempt": 300, "total": 900} if name == "Timeout" else {}
                libvault.open(with_kms(place.configuration, kms.endpoint, **attempt)).encrypt(b"data", IN_KMS)
        elif "vector" in code:
            (vector,) = (vector for vector in ENVELOPES if vector["name"] == code["vector"])
            fixture.decrypt(bytes.fromhex(vector["envelope_hex"]), vector["context"])
        elif name in PROVOKED:
            PROVOKED[name](place)
        else:
            place.open(binding=code["binding"]).encrypt(b"data", BOUND)
    assert (caught.value.name, type(caught.value)) == (name, getattr(libvault, name))
    assert caught.value.message


def test_what_takes_the_place_of_the_others() -> None:
    """The codes that reachable.json excludes for Python are exactly those that Python has its own exceptions for."""
    assert {name for name, code in CODES.items() if "python" in code.get("not_in", {})} == {"InvalidArgument", "Cancelled", "WouldBlock"}
    wrong: Any = None
    with pytest.raises(TypeError):
        libvault.inspect(wrong)
    with pytest.raises(TypeError):
        libvault.Context(wrong)
    assert issubclass(asyncio.CancelledError, BaseException) and issubclass(KeyboardInterrupt, BaseException)
