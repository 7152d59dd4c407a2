"""The same faults made by other people's proxies: toxiproxy for what happens to connections, mitmproxy for what happens to answers.

Both stand in front of our own proxy, which then only counts.
"""

import base64
import json
import urllib.request
from pathlib import Path

from providers.contract import Way
from servers.faulty_proxy import FaultyProxy, Reply

from .faults import LATE_SECONDS, Fault, Kind
from .spoilers import Concerns, Spoiler, Trap

SCRIPT = Path(__file__).with_name("mitm_script.py")
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
    """A running mitmproxy with our script. `directory` is where it looks for orders, `ca` whose certificates it shows."""

    def __init__(self, directory: Path, ca: Path):
        self.directory, self.ca = directory, ca

    def order(self, port: int) -> Path:
        return self.directory / f"order-{port}.json"
