"""The listeners: the services by TLS, told apart by the Host header; a proxy to them for unchanged clients; tokens of a machine; administration."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .administration import administration
from .data_plane import DataPlane
from .entra import Entra
from .hosts import LOGIN_HOSTS, VAULT_SUFFIXES
from .managed_identity import ManagedIdentity
from .vaults import World

HOST = "127.0.0.1"
MAXIMUM_BODY_BYTES = 1 << 20
SERVER = "libvault-test-server"


@dataclass(frozen=True)
class Ports:
    """All on 127.0.0.1: `tls` the services, `proxy` a CONNECT proxy to them, and without TLS `admin` and a machine's tokens at `metadata`."""

    tls: int
    proxy: int
    admin: int
    metadata: int


@contextlib.asynccontextmanager
async def running(world: World, context: ssl.SSLContext, ports: Ports = Ports(0, 0, 0, 0)):
    """Listens on the given ports, 0 for a free one, and yields those it got."""
    async with contextlib.AsyncExitStack() as stack:
        tls = await _listen(stack, _everywhere(_services(world)), ports.tls, context)
        metadata = await _listen(stack, _everywhere(_metadata(world)), ports.metadata, None)
        admin = await _listen(stack, administration(world), ports.admin, None)
        proxy = await asyncio.start_server(lambda reader, writer: _tunnel(reader, writer, tls), HOST, ports.proxy)
        stack.callback(proxy.close)
        yield Ports(tls, proxy.sockets[0].getsockname()[1], admin, metadata)


def _everywhere(handler) -> web.Application:
    application = web.Application(client_max_size=MAXIMUM_BODY_BYTES)
    application.router.add_route("*", "/{path:.*}", handler)
    return application


async def _listen(stack: contextlib.AsyncExitStack, application: web.Application, port: int, context: ssl.SSLContext | None) -> int:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, HOST, port, ssl_context=context)
    await site.start()
    return runner.addresses[0][1]


def _services(world: World):
    entra, data_plane = Entra(world.directory), DataPlane(world)

    async def handle(request: web.Request) -> web.Response:
        host = request.host.partition(":")[0].lower()
        seen: dict[str, Any]
        if host in LOGIN_HOSTS:
            response, seen = await entra.answer(request)
        elif (vault := world.vault(host)) is not None:
            response, seen = await data_plane.answer(vault, request)
        else:
            # The name of a vault that does not exist resolves nowhere; this is as near as a server can come.
            response, seen = web.json_response({"error": f"no such host: {host}"}, status=421), {"operation": "unknown"}
        return _logged(world, request, host, response, seen)

    return handle


def _metadata(world: World):
    identities = ManagedIdentity(world.directory, world.machine)

    async def handle(request: web.Request) -> web.Response:
        return _logged(world, request, request.host.partition(":")[0], *identities.answer(request))

    return handle


def _logged(world: World, request: web.Request, host: str, response: web.Response, seen: dict[str, Any]) -> web.Response:
    response.headers["Server"] = SERVER
    path = request.path_qs
    world.log.add(host=host, method=request.method, path=path, status=response.status, agent=request.headers.get("User-Agent"), **seen)
    return response


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Connects names that the certificate covers to the TLS listener, and nothing else to anything."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        method, target, *_ = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
        name = target.rpartition(":")[0].lower()
        if method != "CONNECT" or not (name in LOGIN_HOSTS or name.endswith(VAULT_SUFFIXES)):
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        upstream_reader, upstream_writer = await asyncio.open_connection(HOST, port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError):
        pass  # the client went away, or never spoke HTTP
    finally:
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
