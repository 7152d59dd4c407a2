"""`python -m tests.servers.google --state-dir DIR`: prints one line of JSON when it is ready, and stops on SIGTERM."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from ..certificates import make_certificates
from .admin import Admin
from .hosts import HOSTS
from .http_server import HOST, HttpServer, admin_handler, services_handler
from .services import Services


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.google", description="A test server. It is not Google's.")
    parser.add_argument("--state-dir", type=Path, required=True, help="for ca.pem and for the state, which survives a restart")
    parser.add_argument("--port", type=int, default=0, help="of the services over TLS; 0 for any")
    parser.add_argument("--http-port", type=int, default=0, help="of the services over plain HTTP; 0 for any, -1 for none")
    parser.add_argument("--admin-port", type=int, default=0, help="of the admin API; 0 for any")
    parser.add_argument("--lifetime", type=int, default=900, help="seconds after which it stops by itself")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    arguments.state_dir.mkdir(parents=True, exist_ok=True)
    services = Services(arguments.state_dir)
    authority, tls = make_certificates(
        arguments.state_dir, "libvault test server, not Google", [*HOSTS, *services.definition.regional_hosts]
    )
    server = HttpServer()
    try:
        ready = await _start(arguments, services, server, tls)
        print(json.dumps({"ready": True, "ca": str(authority), "pid": os.getpid(), **ready}), flush=True)
        await asyncio.wait_for(stop.wait(), arguments.lifetime)
    except TimeoutError:
        print(f"test server: stopped after {arguments.lifetime} seconds", file=sys.stderr)
    finally:
        await server.stop()


async def _start(arguments: argparse.Namespace, services: Services, server: HttpServer, tls) -> dict:
    port = await server.start(services_handler(services), arguments.port, tls)
    ready = {"host": HOST, "port": port}
    origins = [f"https://localhost:{port}", f"https://{HOST}:{port}"]
    if arguments.http_port >= 0:
        ready["http_port"] = await server.start(services_handler(services), arguments.http_port)
        origins += [f"http://localhost:{ready['http_port']}", f"http://{HOST}:{ready['http_port']}"]
    services.own_token_uris = {f"{origin}/token" for origin in origins}
    admin = Admin(services, token_uri=f"{origins[0]}/token")
    ready["admin_port"] = await server.start(admin_handler(services, admin), arguments.admin_port)
    return ready


if __name__ == "__main__":
    main()
