"""What the server knows, kept in DIR/state.json so that a restart on the same directory finds the same keys."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .errors import GoogleError, already_exists, not_found

DESTROY_SCHEDULED_SECONDS = 30 * 24 * 3600


def timestamp(moment: datetime | None = None) -> str:
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Version:
    """A key version. `material` is 32 bytes in hexadecimal, and empty once the version is destroyed."""

    number: int
    material: str = field(default_factory=lambda: secrets.token_hex(32))
    state: str = "ENABLED"
    create_time: str = field(default_factory=timestamp)
    destroy_time: str | None = None
    destroy_event_time: str | None = None


@dataclass
class CryptoKey:
    """A symmetric key. `key_id` is what its ciphertexts carry, so that another key's are told apart before any decryption."""

    name: str
    key_id: str = field(default_factory=lambda: secrets.token_hex(15))
    protection_level: str = "SOFTWARE"
    primary: int = 1
    versions: list[Version] = field(default_factory=lambda: [Version(1)])
    create_time: str = field(default_factory=timestamp)
    labels: dict[str, str] = field(default_factory=dict)
    rotation_period: str | None = None
    next_rotation_time: str | None = None

    def version(self, number: int) -> Version:
        if not 1 <= number <= len(self.versions):
            raise not_found("CryptoKeyVersion", f"{self.name}/cryptoKeyVersions/{number}")
        return self.versions[number - 1]

    def version_name(self, version: Version) -> str:
        return f"{self.name}/cryptoKeyVersions/{version.number}"

    def add_version(self) -> Version:
        self.versions.append(Version(len(self.versions) + 1))
        return self.versions[-1]

    def disable(self, version: Version) -> None:
        self._expect(version, "disabled", "ENABLED", "DISABLED")
        version.state = "DISABLED"

    def enable(self, version: Version) -> None:
        self._expect(version, "enabled", "ENABLED", "DISABLED")
        version.state = "ENABLED"

    def destroy(self, version: Version) -> None:
        """Schedules the destruction; `finish_destruction` is what the passing of time does at Google."""
        self._expect(version, "destroyed", "ENABLED", "DISABLED")
        version.state = "DESTROY_SCHEDULED"
        version.destroy_time = timestamp(datetime.now(UTC) + timedelta(seconds=DESTROY_SCHEDULED_SECONDS))

    def restore(self, version: Version) -> None:
        """As at Google the version is disabled afterwards."""
        self._expect(version, "restored", "DESTROY_SCHEDULED")
        version.state, version.destroy_time = "DISABLED", None

    def finish_destruction(self, version: Version) -> None:
        self._expect(version, "destroyed", "DESTROY_SCHEDULED")
        version.state, version.material, version.destroy_event_time = "DESTROYED", "", timestamp()

    def _expect(self, version: Version, verb: str, *states: str) -> None:
        if version.state not in states:
            name = self.version_name(version)
            raise GoogleError("FAILED_PRECONDITION", f"{name} cannot be {verb}, current state is: {version.state}.")


@dataclass
class ServiceAccount:
    """`keys` are public keys in PEM by key id; the private halves are given out once and not kept."""

    email: str
    unique_id: str
    disabled: bool = False
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def member(self) -> str:
        return f"serviceAccount:{self.email}"


@dataclass
class UserLogin:
    """What `gcloud auth application-default login` got: a person's consent to a program, for these scopes, until it is withdrawn."""

    email: str
    refresh_token: str
    client_id: str
    client_secret: str
    scopes: list[str]
    revoked: bool = False

    @property
    def member(self) -> str:
        return f"user:{self.email}"


@dataclass
class IdentityProvider:
    """A provider of a workload identity pool. `name` starts with //iam.googleapis.com/projects/."""

    name: str
    issuer: str
    keys: dict[str, str]
    allowed_audiences: list[str] = field(default_factory=list)


@dataclass
class State:
    """`bindings` are (resource, role, member), `denials` (resource, permission, member); a resource covers those below it."""

    key_rings: dict[str, str] = field(default_factory=dict)  # name to time of creation
    crypto_keys: dict[str, CryptoKey] = field(default_factory=dict)
    service_accounts: dict[str, ServiceAccount] = field(default_factory=dict)
    logins: dict[str, UserLogin] = field(default_factory=dict)  # by refresh token
    identity_providers: dict[str, IdentityProvider] = field(default_factory=dict)
    bindings: list[list[str]] = field(default_factory=list)
    denials: list[list[str]] = field(default_factory=list)

    def key_ring(self, name: str) -> str:
        if name not in self.key_rings:
            raise not_found("KeyRing", name)
        return name

    def crypto_key(self, name: str) -> CryptoKey:
        if name not in self.crypto_keys:
            raise not_found("CryptoKey", name)
        return self.crypto_keys[name]

    def create_key_ring(self, name: str) -> str:
        if name in self.key_rings:
            raise already_exists("KeyRing", name)
        self.key_rings[name] = timestamp()
        return name

    def create_crypto_key(self, name: str, protection_level: str = "SOFTWARE") -> CryptoKey:
        self.key_ring(name.partition("/cryptoKeys/")[0])
        if name in self.crypto_keys:
            raise already_exists("CryptoKey", name)
        self.crypto_keys[name] = CryptoKey(name, protection_level=protection_level)
        return self.crypto_keys[name]

    def service_account(self, identifier: str) -> ServiceAccount | None:
        """By e-mail address or by unique id."""
        accounts = self.service_accounts.values()
        return next((account for account in accounts if identifier in (account.email, account.unique_id)), None)


class Store:
    """Loads and saves the state. It holds key material in the clear: it is for tests."""

    def __init__(self, directory: Path):
        self._path = directory / "state.json"
        self.state = self._load()

    def save(self) -> None:
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as output:
            json.dump(asdict(self.state), output)
        temporary.replace(self._path)

    def _load(self) -> State:
        if not self._path.exists():
            return State()
        stored = json.loads(self._path.read_text(encoding="utf-8"))
        for key in stored["crypto_keys"].values():
            key["versions"] = [Version(**version) for version in key["versions"]]
        for field_name, kind in (
            ("crypto_keys", CryptoKey),
            ("service_accounts", ServiceAccount),
            ("logins", UserLogin),
            ("identity_providers", IdentityProvider),
        ):
            stored[field_name] = {name: kind(**value) for name, value in stored[field_name].items()}
        return State(**stored)
