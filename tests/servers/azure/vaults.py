"""The vaults, who may do what in them, and what tests arranged: throttling and the log of requests."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import errors
from .directory import Application, Directory, issuer
from .keys import Keys
from .managed_identity import Machine

# What the permission of an operation is called in role definitions and in access policies.
ACTIONS = {
    "create": ("create/action", "create"),
    "rotate": ("rotate/action", "rotate"),
    "get": ("read", "get"),
    "list": ("read", "list"),
    "versions": ("read", "list"),
    "update": ("update/action", "update"),
    "delete": ("delete", "delete"),
    "getDeleted": ("read", "get"),
    "recover": ("recover/action", "recover"),
    "purge": ("purge/action", "purge"),
    "wrapKey": ("wrap/action", "wrapKey"),
    "unwrapKey": ("unwrap/action", "unwrapKey"),
}
EVERY_KEY = "*"


@dataclass
class Rule:
    """Who (object identifier) may, or may not, do which operations with which key or `EVERY_KEY`."""

    object_id: str
    key: str
    operations: frozenset[str]

    def covers(self, object_id: str, key: str | None, operation: str) -> bool:
        return self.object_id == object_id and operation in self.operations and self.key in (EVERY_KEY, key)


@dataclass
class Throttle:
    """The next `remaining` requests that fit are answered 429. None fits everything."""

    remaining: int
    retry_after: int | None
    key: str | None = None
    operation: str | None = None

    def takes(self, key: str | None, operation: str) -> bool:
        fits = self.remaining > 0 and self.key in (None, key) and self.operation in (None, operation)
        self.remaining -= fits
        return fits


@dataclass
class Vault:
    """A vault or, if `managed_hsm`, a managed HSM: what its host is, whose tokens it takes, and how it decides."""

    name: str
    tenant: str
    region: str = "westeurope"
    managed_hsm: bool = False
    access_policies: bool = False
    purge_protection: bool = False
    # Reported of the real service: a disabled key refuses unwrapKey and yet wraps. Documented: it refuses both, which is the default here.
    disabled_wraps: bool = False
    allowed: list[Rule] = field(default_factory=list)
    denied: list[Rule] = field(default_factory=list)
    throttles: list[Throttle] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = Keys(managed_hsm=self.managed_hsm, purge_protection=self.purge_protection)

    @property
    def host(self) -> str:
        return f"{self.name}.{'managedhsm' if self.managed_hsm else 'vault'}.azure.net"

    @property
    def resource(self) -> str:
        """The audience of tokens for it."""
        return f"https://{'managedhsm' if self.managed_hsm else 'vault'}.azure.net"

    def authorize(self, application: Application, key: str | None, operation: str) -> None:
        """A deny rule wins over every allow rule."""
        denied = any(rule.covers(application.object_id, key, operation) for rule in self.denied)
        if not denied and any(rule.covers(application.object_id, key, operation) for rule in self.allowed):
            return
        caller = f"appid={application.client_id};oid={application.object_id};iss={issuer(application.tenant)}"
        action, permission = ACTIONS[operation]
        if self.access_policies:
            raise errors.denied_by_policy(self.name, self.region, caller, permission)
        raise errors.denied_by_role(self.name, self.region, caller, action, key, denied)

    def throttle(self, key: str | None, operation: str) -> None:
        for throttle in self.throttles:
            if throttle.takes(key, operation):
                raise errors.throttled(throttle.retry_after)


class RequestLog:
    """Every request that reached the server, in order: the count that tests may trust. Also written as JSON Lines."""

    def __init__(self, path: Path) -> None:
        self.requests: list[dict[str, Any]] = []
        self._file = path.open("w", buffering=1)

    def add(self, **request: Any) -> None:
        request = {"sequence": len(self.requests), "time": time.time(), **request}
        self.requests.append(request)
        self._file.write(json.dumps(request) + "\n")

    def select(self, since: int = 0, **fields: str) -> list[dict[str, Any]]:
        """Requests from the sequence number `since` on, whose fields, as text, are equal to the given ones."""
        return [r for r in self.requests[since:] if all(str(r.get(name)) == value for name, value in fields.items())]


class World:
    """Everything that the server holds. All of it is in memory and gone when the server ends."""

    def __init__(self, log: Path) -> None:
        self.directory = Directory()
        self.machine = Machine()
        self.log = RequestLog(log)
        self._vaults: dict[str, Vault] = {}

    def add_vault(self, vault: Vault) -> Vault:
        self._vaults[vault.host] = vault
        return vault

    def vault(self, host: str) -> Vault | None:
        return self._vaults.get(host)

    def vault_named(self, name: str) -> Vault:
        for vault in self._vaults.values():
            if vault.name == name:
                return vault
        raise KeyError(f"no vault {name}")
