"""What the three clouds have in common, and the configuration of a vault whose customers have keys in them."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import libvault


@dataclass(frozen=True)
class Answered:
    """A request as the server received it, and how it answered. Written down before the client sees the answer."""

    operation: str  # the cloud's own word, such as "Decrypt" or "unwrapKey"; "token" and "challenge" are not about a key
    key: str | None  # the address asked for, without a version; with another key's, should that one have answered
    identity: str | None
    answer: str  # "OK", or the service's error
    context: Mapping[str, str] = field(default_factory=dict)  # AWS: the encryption context


class Key(abc.ABC):
    """A customer's key, and what its administrator does to it. The vendor may use it from the beginning."""

    address: str
    settings: str  # of [[bindings.keys]]

    @abc.abstractmethod
    def disable(self) -> None: ...

    @abc.abstractmethod
    def enable(self) -> None: ...

    @abc.abstractmethod
    def schedule_deletion(self) -> None: ...

    @abc.abstractmethod
    def cancel_deletion(self) -> None:
        """And the key works again."""

    @abc.abstractmethod
    def withdraw(self) -> None:
        """Takes the vendor's permission away."""

    @abc.abstractmethod
    def grant(self) -> None: ...


class Cloud(abc.ABC):
    """A running server. `server` says what plays the cloud, and whether it is libvault's own."""

    name: str
    server: str
    port: int  # where the settings say that it is
    wrap: str
    unwrap: str
    settings: str  # of the configuration: the vendor's identity, and where the server is
    identity: str  # as the server knows the vendor
    network: str = ""  # of [network]
    environment: Mapping[str, str] = {}  # of the program, if it is not all in the settings
    sign_in: Sequence[tuple[str, str]] = ()  # operation and answer of what every program asks once, before its first key
    shows_context: bool = False  # whether a request names the customer besides the key, in the clear and on record

    @abc.abstractmethod
    def new_key(self, name: str) -> Key: ...

    @abc.abstractmethod
    def mark(self) -> int:
        """A place in the server's record, for `since`."""

    @abc.abstractmethod
    def since(self, mark: int) -> Sequence[Answered]:
        """Everything that was answered after `mark`."""


def configuration(base: str, clouds: Sequence[Cloud], keys: Mapping[str, Key], max_age: int = 0, more: str = "") -> str:
    """The configuration `base`, as `init` makes it, with a binding for each organization to its key."""
    network = "".join(cloud.network for cloud in clouds)
    text = f"{base}\n[leases]\nmax_age = {max_age}\n\n[development]\nallow_endpoint = true\n\n[network]\nproxy = \"none\"\n{network}{more}\n"
    text += "".join(f"\n{cloud.settings}" for cloud in clouds)
    for organization, key in keys.items():
        text += f"""
[[bindings]]
id = "bnd_{organization}"
owner = "{organization}"
selector = {{ organization_id = "{organization}" }}

[[bindings.keys]]
id = "key_{organization}"
{key.settings}"""
    return text


def make_vault(directory: Path, clouds: Sequence[Cloud], keys: Mapping[str, Key], max_age: int = 0, more: str = "") -> Path:
    """A new vault with that configuration, whose path is returned. Its root key and store lie beside it."""
    config = Path(libvault.init(directory).config)
    config.write_text(configuration(config.read_text(encoding="utf-8"), clouds, keys, max_age, more), encoding="utf-8")
    return config
