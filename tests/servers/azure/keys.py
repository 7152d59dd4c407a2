"""The keys of one vault: versions, attributes, soft deletion."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from . import errors
from .material import Material, make

OPERATIONS_OF_RSA = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
OPERATIONS_OF_AES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"]
RETENTION_DAYS = 7
_DAY_SECONDS = 86400
_SETTABLE = ("enabled", "nbf", "exp")


@dataclass
class Version:
    """One version of a key. `not_before` and `expires` are in seconds since 1970."""

    identifier: str
    material: Material
    key_ops: list[str]
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    tags: dict[str, str] | None = None
    created: int = field(default_factory=lambda: int(time.time()))
    updated: int = field(default_factory=lambda: int(time.time()))

    def set(self, attributes: dict[str, Any], key_ops: list[str] | None, tags: dict[str, str] | None) -> None:
        """None, and what is absent from the attributes, stays as it is."""
        given = {name: attributes[name] for name in _SETTABLE if name in attributes}
        self.enabled = given.get("enabled", self.enabled)
        self.not_before = given.get("nbf", self.not_before)
        self.expires = given.get("exp", self.expires)
        self.key_ops = self.key_ops if key_ops is None else key_ops
        self.tags = self.tags if tags is None else tags
        self.updated = int(time.time())

    def check_use(self, operation: str, *, disabled_wraps: bool) -> None:
        """Refuses what the state of this version forbids. Outside its time a key still unwraps, so that no data is lost."""
        if not self.enabled and not (disabled_wraps and operation == "wrapKey"):
            raise errors.key_disabled(operation)
        now = time.time()
        if operation != "unwrapKey":
            if self.not_before is not None and now < self.not_before:
                raise errors.key_not_yet_valid(operation)
            if self.expires is not None and now >= self.expires:
                raise errors.key_expired(operation)
        if operation not in self.key_ops:
            raise errors.operation_forbidden(operation)


@dataclass
class Key:
    """A name with its versions, the newest last. `deleted` is when it was deleted, in seconds since 1970."""

    name: str
    versions: list[Version]
    deleted: int | None = None

    def version(self, identifier: str | None) -> Version:
        if not identifier:
            return self.versions[-1]
        for version in self.versions:
            if version.identifier == identifier:
                return version
        raise errors.not_found(self.name, identifier)


class Keys:
    """The keys of one vault. Every method refuses with a `VaultError`."""

    def __init__(self, *, managed_hsm: bool, purge_protection: bool) -> None:
        self._managed_hsm, self._purge_protection = managed_hsm, purge_protection
        self._keys: dict[str, Key] = {}

    @property
    def recovery_level(self) -> str:
        return "CustomizedRecoverable" if self._purge_protection else "CustomizedRecoverable+Purgeable"

    def names(self) -> list[str]:
        return sorted(name for name, key in self._keys.items() if key.deleted is None)

    def create(self, name: str, parameters: dict[str, Any]) -> tuple[Key, Version]:
        """A new key, or a new version of one that is there."""
        known = self._keys.get(name)
        if known is not None and known.deleted is not None:
            raise errors.deleted(name)
        material = make(parameters["kty"], parameters.get("key_size"), parameters.get("public_exponent"), managed_hsm=self._managed_hsm)
        default = OPERATIONS_OF_AES if material.kty == "oct-HSM" else OPERATIONS_OF_RSA
        version = Version(uuid.uuid4().hex, material, list(parameters.get("key_ops") or default), tags=parameters.get("tags"))
        version.set(parameters.get("attributes") or {}, None, None)
        key = known or self._keys.setdefault(name, Key(name, []))
        key.versions.append(version)
        return key, version

    def rotate(self, name: str) -> tuple[Key, Version]:
        """A new version with the type, size and operations of the newest."""
        newest = self.get(name).versions[-1]
        material = newest.material
        return self.create(name, {"kty": material.kty, "key_size": material.size, "key_ops": newest.key_ops, "tags": newest.tags})

    def get(self, name: str) -> Key:
        key = self._keys.get(name)
        if key is None or key.deleted is not None:
            raise errors.not_found(name)
        return key

    def delete(self, name: str) -> Key:
        key = self.get(name)
        key.deleted = int(time.time())
        return key

    def get_deleted(self, name: str) -> Key:
        key = self._keys.get(name)
        if key is None or key.deleted is None:
            raise errors.not_found(name)
        return key

    def recover(self, name: str) -> Key:
        key = self.get_deleted(name)
        key.deleted = None
        return key

    def purge(self, name: str, vault: str) -> None:
        key = self.get_deleted(name)
        if self._purge_protection:
            raise errors.purge_protected(vault)
        del self._keys[key.name]


def scheduled_purge(deleted: int) -> int:
    return deleted + RETENTION_DAYS * _DAY_SECONDS
