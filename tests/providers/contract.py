"""What the suite and the fault matrix need of a server: keys, what their owner does to them, and a network in front that can be spoilt."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from servers.faulty_proxy import Exchange, FaultyProxy


class NotOffered(Exception):
    """The server has nothing of the kind. Such a case is skipped, and stands in `divergences.py` with this reason."""


@dataclass(frozen=True)
class KmsCall:
    """A use of a key as the network saw it."""

    operation: str  # "encrypt" or "decrypt"
    status: int | None  # None if the server was not asked
    version: str | None  # of the key, where the answer tells it
    request_id: str | None


class CustomerKey:
    """A customer's key, and what its owner does to it."""

    address = ""  # as its owner knows it, without a version
    toml = ""  # the lines under [[bindings.keys]], without its id
    region = ""  # where it is, by the provider's name

    def declare_region(self) -> None:
        """Where the address does not tell it, the configuration has to."""

    def disable(self) -> None:
        raise NotOffered("a key has no states")

    def enable(self) -> None:
        raise NotOffered("a key has no states")

    def schedule_deletion(self) -> None:
        raise NotOffered("a key has no states")

    def cancel_deletion(self) -> None:
        """Afterwards the key works as before."""
        raise NotOffered("a key has no states")

    def deny(self) -> None:
        """The vendor may no longer use it."""
        raise NotOffered("there are no permissions")

    def grant(self) -> None:
        raise NotOffered("there are no permissions")

    def rotate(self) -> None:
        raise NotOffered("there is no rotation")

    def is_meant_by(self, exchange: Exchange) -> bool:
        """Whether a request is about this key."""
        raise NotOffered("there is no network")


@dataclass(frozen=True)
class Way:
    """How a vault reaches the server. Without an endpoint: by the names of the real services."""

    endpoint: str | None
    ca: Path | None = None  # whom to trust instead of the server's own network
    network: str = ""  # further lines of [network]

    @property
    def endpoint_line(self) -> str:
        return f'endpoint = "{self.endpoint}"' if self.endpoint else ""


class KeyServer(ABC):
    """A running server of one provider, or what stands in its place."""

    name: str  # as in the tables
    version: str
    provider: str
    secrets: Sequence[str] = ()  # what no error may tell

    vendor = ""  # who the vendor is to the server
    ca: Path | None = None  # whom to trust in the server's own network

    @abstractmethod
    def identity(self, way: Way) -> str:
        """The provider's own table: who the vendor is, and where the server is."""

    def toml(self, way: Way) -> str:
        """The vendor's identity, and how the server is reached."""
        trusted = way.ca or self.ca
        trust = f'ca_bundle = "{trusted}"\n' if trusted else ""
        return f"\n[network]\n{trust}{way.network}\n{self.identity(way)}"

    @abstractmethod
    def key(self) -> CustomerKey:
        """A new key that the vendor may use."""

    @cached_property
    def steady_key(self) -> CustomerKey:
        """One that nobody changes, for all who need no more."""
        return self.key()

    def unknown_key(self) -> CustomerKey:
        """An address under which there is no key, and which the vendor may use."""
        raise NotOffered("there are no addresses")

    def network(self, address: str = "127.0.0.1") -> FaultyProxy:
        """A new way to the server, to be entered; it listens on that address of this machine."""
        raise NotOffered("there is no network")

    def by_name(self, directory: Path) -> "KeyServer":
        """The same with a network that has certificates for the names of the real service; new files go into the directory."""
        return self

    def call(self, exchange: Exchange) -> KmsCall | None:
        """What the exchange was; None if it was no use of a key, as those for tokens."""
        raise NotOffered("there is no network")

    def is_use_of_a_key(self, exchange: Exchange) -> bool:
        return self.call(exchange) is not None

    def asking_for_tokens(self) -> "KeyServer":
        """The same for a vendor whose identity needs a token endpoint."""
        raise NotOffered("there are no tokens")

    def is_for_token(self, exchange: Exchange) -> bool:
        return False
