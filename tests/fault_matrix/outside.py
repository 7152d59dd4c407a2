"""The same faults made by other people's proxies: toxiproxy for what happens to connections, mitmproxy for what happens to answers.

Both stand in front of our own proxy, which then only counts. They are installed by `make test-all` (tools/assurance.mk).
"""

import base64
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from providers.contract import Way
from servers.faulty_proxy import FaultyProxy, Reply

from .faults import LATE_SECONDS, Fault, Kind
from .spoilers import Concerns, Spoiler, Trap

ROOT = Path(__file__).resolve().parents[2]
TOXIPROXY = ROOT / "build/toxiproxy/server"
MITMDUMP = ROOT / "build/mitmproxy/bin/mitmdump"
START_SECONDS, STOP_SECONDS = 60, 5
# By the definition of each toxic; `limit_data` closes the connection when so many bytes have passed.
_TOXICS = {
    "late": ("latency", {"latency": int(1000 * LATE_SECONDS)}),
    "stall": ("timeout", {"timeout": 0}),
    "trickle": ("slicer", {"average_size": 1, "size_variation": 0, "delay": 100_000}),
    "reset": ("reset_peer", {"timeout": 0}),
    "half-close": ("limit_data", {"bytes": 0}),
    "truncate": ("limit_data", {"bytes": 120}),
}


class Toxiproxy:
    """The control of a running toxiproxy."""

    def __init__(self, port: int):
        self._control = f"http://127.0.0.1:{port}"

    def add(self, name: str, upstream: int) -> int:
        """A proxy of that name; returns the port where it listens."""
        made = self.ask("/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}", "enabled": True})
        return int(made["listen"].rpartition(":")[2])

    def ask(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(self._control + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


class BehindToxiproxy(Spoiler):
    def __init__(self, proxy: FaultyProxy, trap: Trap, toxiproxy: Toxiproxy, name: str):
        super().__init__(proxy, trap)
        self._toxiproxy, self._name = toxiproxy, name
        self._port = toxiproxy.add(name, proxy.port)

    @property
    def way(self) -> Way:
        return Way(self.proxy.endpoint.replace(f":{self.proxy.port}", f":{self._port}"))

    def spoil(self, fault: Fault, concerns: Concerns, repeated: Reply | None) -> None:
        if fault.what == "refused":
            self._toxiproxy.ask(f"/proxies/{self._name}", {"enabled": False})
        else:
            kind, attributes = _TOXICS[fault.what]
            toxic = {"type": kind, "stream": "downstream", "toxicity": 1.0, "attributes": attributes}
            self._toxiproxy.ask(f"/proxies/{self._name}/toxics", toxic)

    def heal(self) -> None:
        raise NotImplementedError("nothing that a connection suffers looks like an answer")


class BehindMitmproxy(Spoiler):
    """`port` is where mitmproxy listens for this row alone; it is told what to do by a file (`mitm_script.py`)."""

    def __init__(self, proxy: FaultyProxy, trap: Trap, mitmproxy: "Mitmproxy", port: int):
        super().__init__(proxy, trap)
        self._mitmproxy, self._port = mitmproxy, port

    @property
    def way(self) -> Way:
        return Way(self.proxy.endpoint.replace(f":{self.proxy.port}", f":{self._port}"), self._mitmproxy.ca)

    def spoil(self, fault: Fault, concerns: Concerns, repeated: Reply | None) -> None:
        order = {"what": fault.what, "parameter": self.parameter(fault), "token": fault.kind is Kind.TOKEN, "repeated": None}
        if repeated:
            order["repeated"] = [repeated.status, dict(repeated.headers), base64.b64encode(repeated.body).decode()]
        temporary = self._mitmproxy.order(self._port).with_suffix(".new")
        temporary.write_text(json.dumps(order), encoding="utf-8")
        temporary.replace(self._mitmproxy.order(self._port))

    def heal(self) -> None:
        self._mitmproxy.order(self._port).unlink()


class Mitmproxy:
    """A running mitmproxy."""

    def __init__(self, directory: Path):
        self.directory, self.ca = directory, directory / "mitmproxy-ca-cert.pem"

    def order(self, port: int) -> Path:
        return self.directory / f"order-{port}.json"


@contextmanager
def toxiproxy(directory: Path) -> Iterator[Toxiproxy]:
    port = free_port()
    with _running([TOXIPROXY, "-host", "127.0.0.1", "-port", str(port)], directory / "toxiproxy.log", [port]):
        yield Toxiproxy(port)


@contextmanager
def mitmproxy(directory: Path, modes: dict[int, str], *more: str) -> Iterator[Mitmproxy]:
    """`modes` by the port where it listens: "reverse:https://127.0.0.1:8443", "regular", …"""
    directory.mkdir(parents=True, exist_ok=True)
    command = [MITMDUMP, "--quiet", "--scripts", Path(__file__).with_name("mitm_script.py")]
    settings = {
        "confdir": directory,
        "keep_host_header": "true",
        "ssl_insecure": "true",
        "upstream_cert": "false",
        "connection_strategy": "lazy",
        "http2": "false",
    }
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    for port, mode in modes.items():
        command += ["--mode", f"{mode}@127.0.0.1:{port}"]
    environment = {"FAULT_ORDERS": str(directory)}
    with _running([*command, *more], directory / "mitmproxy.log", list(modes), environment):
        yield Mitmproxy(directory)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _running(command: list, log: Path, ports: list[int], environment: dict[str, str] | None = None) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for port in ports:
            _wait_for(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"it did not start; its log ends with:\n{log.read_text(errors='replace')[-2000:]}")
