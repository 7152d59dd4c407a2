"""The administration: JSON over HTTP on a port of its own, for tests only. It stands for the customer's administrator and for the weather.

Every body is an object. Errors are `{"error": TEXT}` with status 400, 404, or the status that the vault would answer.
README.md lists the paths.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from cryptography import x509

from .assertions import Refused
from .data_plane import Call, perform
from .definition import NotInDefinition, check_request
from .directory import Application, FederatedCredential
from .errors import VaultError
from .outside import outside_assertion
from .vaults import ACTIONS, EVERY_KEY, Rule, Throttle, Vault, World

Answer = dict[str, Any] | list[Any] | None


def administration(world: World) -> web.Application:
    """The application to listen with."""
    admin = _Administration(world)
    application = web.Application(middlewares=[_as_json])
    application.add_routes(
        [
            web.get("/health", admin.health),
            web.post("/tenants", admin.add_tenant),
            web.post("/vaults", admin.add_vault),
            web.patch("/vaults/{vault}", admin.change_vault),
            web.post("/apps", admin.add_application),
            web.patch("/apps/{client_id}", admin.change_application),
            web.post("/apps/{client_id}/token", admin.make_token),
            web.put("/machine", admin.set_up_machine),
            web.post("/issuers/assertion", admin.make_assertion),
            web.post("/roles/{effect:allow|deny}", admin.add_rule),
            web.delete("/roles/{effect:allow|deny}", admin.remove_rules),
            web.post("/throttle", admin.throttle),
            web.post("/vaults/{vault}/keys/{key}/{action}", admin.key_action),
            web.get("/requests", admin.requests),
        ]
    )
    return application


@web.middleware
async def _as_json(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> web.StreamResponse:
    try:
        answer = await handler(request)
    except VaultError as error:
        return web.json_response({"error": error.message, "code": error.code, "inner": error.inner}, status=error.status)
    except KeyError as error:
        return web.json_response({"error": f"missing or unknown: {error.args[0]}"}, status=404)
    except (ValueError, TypeError, NotInDefinition, Refused) as error:
        return web.json_response({"error": str(error)}, status=400)
    return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)


class _Administration:
    def __init__(self, world: World) -> None:
        self._world = world

    async def health(self, _request: web.Request) -> Answer:
        return {"what": "libvault's own test server for Azure Key Vault and Entra ID; not Microsoft's"}

    async def add_tenant(self, request: web.Request) -> Answer:
        return {"tenant": self._world.directory.add_tenant((await _body(request)).get("tenant"))}

    async def add_vault(self, request: web.Request) -> Answer:
        body = await _body(request)
        if body["tenant"] not in self._world.directory.tenants:
            raise KeyError(body["tenant"])
        vault = self._world.add_vault(Vault(**body))
        return {"name": vault.name, "host": vault.host, "url": f"https://{vault.host}"}

    async def change_vault(self, request: web.Request) -> Answer:
        vault = self._world.vault_named(request.match_info["vault"])
        for name, value in (await _body(request)).items():
            if name not in ("tenant", "region", "access_policies", "disabled_wraps"):
                raise ValueError(f"{name} of a vault cannot be changed")
            setattr(vault, name, value)
        return {}

    async def add_application(self, request: web.Request) -> Answer:
        body = await _body(request)
        application = self._world.directory.add_application(body.pop("tenant"), body.pop("client_id", None))
        _change(application, body)
        return {"client_id": application.client_id, "object_id": application.object_id, "tenant": application.tenant}

    async def change_application(self, request: web.Request) -> Answer:
        for application in self._applications(request):
            _change(application, await _body(request))
        return {}

    async def make_token(self, request: web.Request) -> Answer:
        """A token as the token endpoint would give it, without asking it. The first tenant that has the application is meant."""
        body = await _body(request)
        application = self._applications(request)[0]
        token = self._world.directory.access_token(application, body["audience"], by_certificate=False)
        return {"access_token": token}

    async def set_up_machine(self, request: web.Request) -> Answer:
        """Which identities the machine has, by their client identifiers, and statuses that its next requests for tokens are answered with."""
        body, machine = await _body(request), self._world.machine
        named = [self._application(client_id) for client_id in body.pop("user_assigned", [])]
        own = body.pop("system_assigned", None)
        machine.system_assigned, machine.user_assigned = self._application(own) if own else None, named
        machine.failures = [int(status) for status in body.pop("failures", [])]
        if body:
            raise ValueError(f"a machine has no {', '.join(body)}")
        return {"header": machine.header}

    async def make_assertion(self, request: web.Request) -> Answer:
        body = await _body(request)
        return {"assertion": outside_assertion(self._world.directory, **body)}

    async def add_rule(self, request: web.Request) -> Answer:
        body = await _body(request)
        vault = self._world.vault_named(body["vault"])
        operations = frozenset(body.get("operations", ACTIONS))
        if unknown := operations - ACTIONS.keys():
            raise ValueError(f"unknown operations: {', '.join(sorted(unknown))}")
        for application in self._world.directory.applications(body["client_id"]) or _missing(body["client_id"]):
            rules = vault.allowed if request.match_info["effect"] == "allow" else vault.denied
            rules.append(Rule(application.object_id, body.get("key", EVERY_KEY), operations))
        return {}

    async def remove_rules(self, request: web.Request) -> Answer:
        body = await _body(request)
        vault = self._world.vault_named(body["vault"])
        objects = {application.object_id for application in self._world.directory.applications(body["client_id"])}
        rules = vault.allowed if request.match_info["effect"] == "allow" else vault.denied
        rules[:] = [rule for rule in rules if rule.object_id not in objects]
        return {}

    async def throttle(self, request: web.Request) -> Answer:
        body = await _body(request)
        vault = self._world.vault_named(body["vault"])
        vault.throttles.append(Throttle(int(body["requests"]), body.get("retry_after"), body.get("key"), body.get("operation")))
        return {}

    async def key_action(self, request: web.Request) -> Answer:
        """The operations of the data plane without credentials, and enable and disable as short forms of update."""
        vault = self._world.vault_named(request.match_info["vault"])
        action, name, body = request.match_info["action"], request.match_info["key"], await _body(request)
        version = body.pop("version", None)
        if action in ("enable", "disable"):
            action, body = "update", {"attributes": {"enabled": action == "enable"}}
        if action not in ACTIONS or action in ("wrapKey", "unwrapKey", "list"):
            raise KeyError(action)
        check_request(action, body)
        return perform(vault, Call(action, name, version), body, {}) or {}

    async def requests(self, request: web.Request) -> Answer:
        query = dict(request.query)
        found = self._world.log.select(int(query.pop("since", "0")), **query)
        return {"count": len(found), "next": len(self._world.log.requests), "requests": found}

    def _application(self, client_id: str) -> Application:
        return (self._world.directory.applications(client_id) or _missing(client_id))[0]

    def _applications(self, request: web.Request) -> list[Application]:
        client_id = request.match_info["client_id"]
        return self._world.directory.applications(client_id) or _missing(client_id)


def _change(application: Application, body: dict[str, Any]) -> None:
    for name, value in body.items():
        match name:
            case "secrets" | "expired_secrets" | "enabled" | "token_changes":
                setattr(application, name, value)
            case "certificates":
                application.certificates = [x509.load_pem_x509_certificate(pem.encode()) for pem in value]
            case "federated":
                application.federated = [FederatedCredential(**credential) for credential in value]
            case _:
                raise ValueError(f"an application has no {name}")


def _missing(name: str) -> Any:
    raise KeyError(name)


async def _body(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise ValueError("the body is not an object")
    return body
