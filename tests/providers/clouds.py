"""Three clouds with one face, and the servers' own records of what they were asked: for the demo, the benchmarks and tests that do the same in each.

The suite looks at the network in between (`contract.py`); here nothing is in between but the counting proxy of AWS, whose emulator has no record.
"""

import abc
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libvault

from servers import CountingProxy, Emulator, KmsRequest, ministack
from servers.azure import AzureServer as AzureProcess
from servers.faulty_proxy import FaultyProxy
from servers.google import GoogleServer as GoogleProcess

from .aws import AwsServer
from .azure import AzureServer
from .contract import CustomerKey, KeyServer, Way
from .google import GoogleServer

OURS = "libvault's in-house test server"


@dataclass(frozen=True)
class Answered:
    """A request as the server received it, and how it answered. Written down before the client sees the answer."""

    operation: str  # the cloud's own word, such as "Decrypt" or "unwrapKey"; "token" and "challenge" are not about a key
    key: str | None  # the address asked for, without a version; with another key's, should that one have answered
    identity: str | None
    answer: str  # "OK", or the service's error
    context: Mapping[str, str] = field(default_factory=dict)  # AWS: the encryption context


class Cloud(abc.ABC):
    """A running server. `played_by` says what plays the cloud, and whether it is libvault's own."""

    name: str
    played_by: str
    port: int  # where the settings say that it is
    wrap: str
    unwrap: str
    server: KeyServer
    ca: str | Path | None = None
    scheme = "http"
    sign_in: Sequence[tuple[str, str]] = ()  # operation and answer of what every program asks once, before its first key
    shows_context: bool = False  # whether a request names the customer besides the key, in the clear and on record
    environment: Mapping[str, str] = {}  # of the program, if the vendor's identity is not in the settings

    @property
    def identity(self) -> str:
        """The vendor, as the server knows it."""
        return self.server.vendor

    @property
    def settings(self) -> str:
        """The provider's table of the configuration."""
        return self.server.identity(Way(f"{self.scheme}://127.0.0.1:{self.port}"))

    def new_key(self) -> CustomerKey:
        return self.server.key()

    def lead_through(self, network: FaultyProxy) -> None:
        """From now on the settings lead to the server through a network of `server.network()`."""
        self.port, self.scheme, self.ca = network.port, network.endpoint.partition(":")[0], self.server.ca

    @abc.abstractmethod
    def mark(self) -> int:
        """A place in the server's record, for `since`."""

    @abc.abstractmethod
    def since(self, mark: int) -> Sequence[Answered]:
        """Everything that was answered after `mark`."""


class AwsCloud(Cloud):
    name, wrap, unwrap, shows_context = "AWS KMS", "Encrypt", "Decrypt", True

    def __init__(self, emulator: Emulator, proxy: CountingProxy, configured: bool):
        self.emulator, self.proxy, self.server = emulator, proxy, AwsServer(emulator)
        self.port = int(proxy.endpoint.rpartition(":")[2])
        self.played_by = f"{emulator.name} {importlib.metadata.version(emulator.name.lower())} behind a counting proxy"
        self._configured, self.environment = configured, self.server.environment

    @property
    def settings(self) -> str:
        return super().settings if self._configured else f'[aws]\nendpoint = "{self.proxy.endpoint}"\n'

    def mark(self) -> int:
        return self.proxy.mark()

    def since(self, mark: int) -> Sequence[Answered]:
        return [_of_aws(seen) for seen in self.proxy.since(mark)]


class AzureCloud(Cloud):
    """A vault for each key, all in the tenant of the vendor's application, which signs in with a client secret."""

    name, played_by, wrap, unwrap, scheme = "Azure Key Vault", OURS, "wrapKey", "unwrapKey", "https"
    sign_in = (("challenge", "401"), ("token", "OK"))

    def __init__(self, process: AzureProcess, directory: Path):
        self._process, self.port, self.ca = process, process.tls_port, process.ca
        self.server = AzureServer(process, directory, managed_hsm=False)

    def mark(self) -> int:
        return self._process.mark()

    def since(self, mark: int) -> Sequence[Answered]:
        return [_of_azure(request) for request in self._process.requests(mark)]


class GoogleCloud(Cloud):
    """The vendor is a service account that signs its own tokens."""

    name, played_by, wrap, unwrap = "Google Cloud KMS", OURS, "Encrypt", "Decrypt"

    def __init__(self, process: GoogleProcess, directory: Path):
        self._process, self.port = process, int(process.ready["http_port"])
        self.server = GoogleServer(process, directory)
        self._answered: list[Answered] = []

    def mark(self) -> int:
        self._catch_up()
        return len(self._answered)

    def since(self, mark: int) -> Sequence[Answered]:
        self._catch_up()
        return self._answered[mark:]

    def _catch_up(self) -> None:
        """The server numbers its requests from 1, and gives all of its record or what follows a number."""
        news = self._process.log(since=len(self._answered))
        self._answered += [Answered(one["operation"], one["resource"], one["member"], one["code"]) for one in news]


@contextmanager
def aws(
    directory: Path, emulator: Callable[[Path], AbstractContextManager[Emulator]] = ministack, configured: bool = True
) -> Iterator[AwsCloud]:
    """Its files are in the directory: the emulator's log, and the requests as JSON Lines. Unless `configured`, the vendor's credentials are
    not in the settings but in `environment`, where the default chain looks for them."""
    directory.mkdir(parents=True, exist_ok=True)
    with emulator(directory / "emulator.log") as running, CountingProxy(running.port, directory / "kms-requests.jsonl") as proxy:
        yield AwsCloud(running, proxy, configured)


@contextmanager
def azure(directory: Path) -> Iterator[AzureCloud]:
    with AzureProcess.run(directory) as process:
        yield AzureCloud(process, _in_front(directory))


@contextmanager
def google(directory: Path) -> Iterator[GoogleCloud]:
    with GoogleProcess(directory) as process:
        yield GoogleCloud(process, _in_front(directory))


CLOUDS = {"aws": aws, "azure": azure, "gcp": google}


def configuration(base: str, clouds: Sequence[Cloud], keys: Mapping[str, CustomerKey], max_age: int = 0, more: str = "") -> str:
    """The configuration `base`, as `init` makes it, with a binding for each organization to its key."""
    trust = "".join(f'ca_bundle = "{cloud.ca}"\n' for cloud in clouds if cloud.ca)
    text = f"{base}\n[leases]\nmax_age = {max_age}\n\n[development]\nallow_endpoint = true\n\n[network]\nproxy = \"none\"\n{trust}{more}\n"
    text += "".join(f"\n{cloud.settings}" for cloud in clouds)
    for organization, key in keys.items():
        text += f"""
[[bindings]]
id = "bnd_{organization}"
owner = "{organization}"
selector = {{ organization_id = "{organization}" }}

[[bindings.keys]]
id = "key_{organization}"
{key.toml}"""
    return text


def make_vault(directory: Path, clouds: Sequence[Cloud], keys: Mapping[str, CustomerKey], max_age: int = 0, more: str = "") -> Path:
    """A new vault with that configuration, whose path is returned. Its root key and store lie beside it."""
    config = Path(libvault.init(directory).config)
    config.write_text(configuration(config.read_text(encoding="utf-8"), clouds, keys, max_age, more), encoding="utf-8")
    return config


def _in_front(directory: Path) -> Path:
    """For the certificate of a proxy that a suite would put in front."""
    made = directory.resolve() / "in-front"
    made.mkdir()
    return made


def _of_aws(seen: KmsRequest) -> Answered:
    """An answer that names another key than the one asked for is a key of its own here, which nobody expects."""
    other = seen.error is None and seen.answered_key_id != seen.key_id
    key = f"{seen.key_id}, answered by {seen.answered_key_id}" if other else seen.key_id
    return Answered(seen.operation, key, seen.access_key_id, seen.error or "OK", seen.encryption_context)


def _of_azure(request: dict[str, Any]) -> Answered:
    """The first request of a client carries no token: the vault's challenge says where to get one."""
    key = f"https://{request['host'].split(':')[0]}/keys/{request['key']}" if request.get("key") else None
    identity, answer = request.get("client_id"), request.get("inner") or request.get("code") or "OK"
    if request["status"] == 401 and identity is None:
        return Answered("challenge", None, None, "401")
    return Answered(request["operation"], key, identity, answer if request["status"] >= 400 else "OK")
