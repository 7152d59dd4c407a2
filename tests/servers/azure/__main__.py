"""Runs the server until SIGTERM or SIGINT: `python -m tests.servers.azure --state-dir DIR`.

The first line of standard output is a JSON object, printed when everything listens: `tls_port`, `proxy_port`, `admin_port`, `metadata_port`, `ca`
(path of the authority's certificate, PEM), `log` (path of the requests as JSON Lines) and `names` (what the certificate covers).
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from ..certificates import make_certificates
from .hosts import SERVED_NAMES
from .server import Ports, running
from .vaults import World


async def serve(directory: Path, ports: Ports) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    authority, context = make_certificates(directory, "libvault test server, not Microsoft", SERVED_NAMES)
    log = directory / "requests.jsonl"
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(World(log), context, ports) as got:
        where = {"tls_port": got.tls, "proxy_port": got.proxy, "admin_port": got.admin, "metadata_port": got.metadata}
        where |= {"ca": str(authority), "log": str(log)}
        print(json.dumps(where | {"names": SERVED_NAMES}), flush=True)
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.servers.azure", description="libvault's own test server for Azure Key Vault and Entra ID")
    parser.add_argument("--state-dir", type=Path, required=True, help="where the certificate and the log of requests are written")
    for name in ("tls", "proxy", "admin", "metadata"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="on 127.0.0.1; default: a free one")
    arguments = parser.parse_args()
    ports = Ports(arguments.tls_port, arguments.proxy_port, arguments.admin_port, arguments.metadata_port)
    asyncio.run(serve(arguments.state_dir.resolve(), ports))


if __name__ == "__main__":
    main()
