"""A vendor's deployment with bindings of its customers, a way to their KMS, and a look at the vendor's own keys from outside."""

import itertools
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.faulty_proxy import FaultyProxy

from .contract import CustomerKey, KeyServer, KmsCall, NotOffered, Way
from .drivers import Refused, RustVault

CONTEXT = {"organization_id": "org_of-the-customer"}
OTHER = {"organization_id": "org_of-another-customer"}
DATA = b"a record of the customer"
OK = "ok"
# Room for every retry, also on a busy machine.
PATIENT = "[timeouts]\nconnect = 5000\nattempt = 10000\ntotal = 30000\n"
# Where everything leads in the end; hosts of the real services.
_PLACES = re.compile(r"127\.0\.0\.1|\[?::1|localhost|https?://|\.azure\.net|microsoftonline|googleapis|amazonaws|\.example")


class Scene:
    """One vault directory. Every refusal that passes through `outcome` is looked through for what no error may tell."""

    def __init__(
        self, server: KeyServer, directory: Path, network: FaultyProxy | None, driver: type = RustVault, like: "Scene | None" = None
    ):
        """With the root key and the store of the scene that it is to be `like`, if any."""
        self.server, self.network, self.driver = server, network, driver
        self.refusals: list[Refused] = []
        self._directory, self._numbers = directory, itertools.count()
        if like:
            shutil.copytree(like._directory, directory)
        else:
            driver.init(directory)
        self._base = (directory / "libvault.toml").read_text(encoding="utf-8")

    @contextmanager
    def open(
        self,
        *keys: CustomerKey,
        others: tuple[CustomerKey, ...] = (),
        top: str = "",
        binding: str = "",
        lease: int = 0,
        timeouts: str = PATIENT,
        way: Way | None = None,
        environment: dict[str, str] | None = None,
    ) -> Iterator[RustVault]:
        """A vault in which the customer of CONTEXT has the keys, and the one of OTHER the others; `lease` in milliseconds."""
        way = way or Way(self.network.endpoint if self.network else None)
        text = f"{top}\n{self._base}\n{timeouts}\n[leases]\nmax_age = {lease}\n[development]\nallow_endpoint = true\n"
        text += self.server.toml(way) + _binding("customer", CONTEXT, keys, binding)
        text += _binding("another", OTHER, others, "") if others else ""
        config = self._directory / f"libvault-{next(self._numbers)}.toml"
        config.write_text(text, encoding="utf-8")
        arguments = {"environment": environment} if environment else {}
        with self.driver(config, **arguments) as vault:
            yield vault

    def outcome(self, act: Callable[..., bytes], *arguments: object) -> str:
        """OK, or the name of the error."""
        try:
            act(*arguments)
        except Refused as refused:
            self.refusals.append(refused)
            self._look_through(refused.message)
            return refused.name
        return OK

    def need_network(self) -> None:
        """Skips the case where there is nothing in between to be spoilt."""
        if self.network is None:
            raise NotOffered("there is no network")

    def mark(self) -> int:
        return self.network.mark() if self.network else 0

    def calls(self, since: int = 0) -> list[KmsCall]:
        """Uses of keys, as the network saw them."""
        exchanges = self.network.exchanges[since:] if self.network else []
        return [call for exchange in exchanges if (call := self.server.call(exchange)) is not None]

    def managed_keys(self) -> int:
        """Rows in the store, read without libvault: a fallback would have had to make one."""
        [store] = self._directory.glob("*.db")
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM managed_keys").fetchone()[0]

    def _look_through(self, message: str) -> None:
        forbidden = [*self.server.secrets, *CONTEXT.values(), *OTHER.values(), DATA.decode()]
        found = [text for text in forbidden if text in message] + _PLACES.findall(message)
        assert not found, f"an error tells {found}: {message}"


def _binding(name: str, selector: dict[str, str], keys: tuple[CustomerKey, ...], more: str) -> str:
    [(item, value)] = selector.items()
    text = f'[[bindings]]\nid = "bnd_{name}"\nowner = "{name}"\nselector = {{ {item} = "{value}" }}\n{more}\n'
    for number, key in enumerate(keys):
        text += f'[[bindings.keys]]\nid = "key_{name}_{number}"\n{key.toml}'
    return text
