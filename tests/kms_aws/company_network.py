"""A company's way out: behind its proxy everything called AWS is the emulator, with certificates of the company's own authority."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.certificates import make_certificates
from servers.connect_proxy import ConnectProxy
from servers.faulty_proxy import FaultyProxy, Upstream

_DOMAINS = ("eu-central-1.amazonaws.com", "eu-central-1.api.aws")


@dataclass(frozen=True)
class CompanyNetwork:
    """The proxy takes `user` with `word` and nobody else."""

    proxy: ConnectProxy
    ca: Path

    @property
    def url(self) -> str:
        return self.proxy.url.replace("://", "://user:word@")


@contextmanager
def company_network(emulator_port: int, directory: Path) -> Iterator[CompanyNetwork]:
    ca, tls = make_certificates(directory, "libvault test, not AWS", [f"*.{domain}" for domain in _DOMAINS])
    with FaultyProxy(Upstream(emulator_port), tls) as honest:
        ends = {f".{domain}": honest.port for domain in _DOMAINS}
        with ConnectProxy(ends, credentials="user:word") as proxy:
            yield CompanyNetwork(proxy, ca)
