"""The sockets: TLS and plain HTTP/1.1 for the services, plain HTTP for the admin API, all on 127.0.0.1."""

import json
import ssl

from aiohttp import web

from .admin import Admin, BadRequest
from .errors import render
from .services import Question, Services

HOST = "127.0.0.1"
MAXIMUM_BODY_BYTES = 1 << 20
SERVER = "libvault test server, not Google"


class HttpServer:
    """Use `start` once per listener; `stop` closes all."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []

    async def start(self, handler, port: int, tls: ssl.SSLContext | None = None) -> int:
        """`port` may be 0. Returns the port."""
        application = web.Application(client_max_size=MAXIMUM_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, HOST, port, ssl_context=tls).start()
        return runner.addresses[0][1]

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()


def services_handler(services: Services):
    async def handle(request: web.Request) -> web.Response:
        question = Question(
            http_method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=await request.read(),
            host=request.host.rpartition(":")[0] or request.host,
        )
        answer = services.answer(question)
        headers = {"Server": SERVER, "Cache-Control": "private"} | answer.headers
        if isinstance(answer.body, str):
            headers.setdefault("Content-Type", "text/plain; charset=UTF-8")
            return web.Response(status=answer.status, text=answer.body, headers=headers)
        headers["Content-Type"] = "application/json; charset=UTF-8"
        compact = bool({request.query.get("prettyPrint"), request.query.get("$prettyPrint")} & {"false", "0"})
        body = json.dumps(answer.body, separators=(",", ":")).encode() if compact else render(answer.body)
        return web.Response(status=answer.status, body=body, headers=headers)

    return handle


def admin_handler(services: Services, admin: Admin):
    async def handle(request: web.Request) -> web.Response:
        name = request.path.lstrip("/")
        try:
            if request.method == "GET" and name == "log":
                query = request.query
                requests = services.log.select(query.get("key"), query.get("operation"), int(query.get("since", 0)))
                return web.json_response({"requests": requests})
            if request.method == "POST":
                return web.json_response(admin.call(name, json.loads(await request.read() or b"{}")))
        except (BadRequest, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"error": "GET /log, or POST /NAME of a call"}, status=404)

    return handle
