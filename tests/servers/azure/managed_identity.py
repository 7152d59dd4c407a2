"""What a machine in Azure asks for tokens of the identities that it was given: the metadata service of a virtual machine, and App Service's own form.

Plain HTTP on a port of its own. A virtual machine reaches its service at 169.254.169.254, a program in App Service at what IDENTITY_ENDPOINT names.
"""

import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .directory import ACCESS_TOKEN_SECONDS, Application, Directory
from .entra import RESOURCES

VIRTUAL_MACHINE, APP_SERVICE = "/metadata/identity/oauth2/token", "/msi/token"
_VERSIONS = {VIRTUAL_MACHINE: "2018-02-01", APP_SERVICE: "2019-08-01"}  # the first of each; later ones are dates too
_NAMES = ("client_id", "object_id", "principal_id", "msi_res_id", "mi_res_id")
_NOT_FOUND = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."


@dataclass
class Machine:
    """The only one. `header` is what App Service tells its programs in IDENTITY_HEADER; `failures` are the statuses of the next answers."""

    system_assigned: Application | None = None
    user_assigned: list[Application] = field(default_factory=list)
    header: str = field(default_factory=lambda: secrets.token_hex(16))
    failures: list[int] = field(default_factory=list)

    def identity(self, asked: dict[str, str]) -> Application | None:
        """The one that the query names by an identifier, else the machine's own."""
        named = [(name, asked[name]) for name in _NAMES if name in asked]
        if not named:
            return self.system_assigned
        if len(named) > 1 or named[0][0].endswith("res_id"):
            return None
        [(name, value)] = named
        known = [*self.user_assigned, *([self.system_assigned] if self.system_assigned else [])]
        return next((one for one in known if value == (one.client_id if name == "client_id" else one.object_id)), None)


class ManagedIdentity:
    """Answers the requests of the machine's programs."""

    def __init__(self, directory: Directory, machine: Machine) -> None:
        self._directory, self._machine = directory, machine

    def answer(self, request: web.Request) -> tuple[web.Response, dict[str, object]]:
        """The answer, and what the log of requests says of it."""
        seen: dict[str, object] = {"operation": "managed_identity"}
        forms = {VIRTUAL_MACHINE: self._virtual_machine, APP_SERVICE: self._app_service}
        if request.method != "GET" or request.path not in forms:
            return web.json_response({"error": "not_found"}, status=404), {"operation": "unknown"}
        if self._machine.failures:
            return web.json_response({"error": "unknown"}, status=self._machine.failures.pop(0)), seen
        return forms[request.path](request, dict(request.query), seen)

    def _virtual_machine(self, request: web.Request, asked: dict[str, str], seen: dict[str, object]) -> tuple[web.Response, dict[str, object]]:
        def refuse(error: str, description: str) -> tuple[web.Response, dict[str, object]]:
            return web.json_response({"error": error, "error_description": description}, status=400), seen | {"code": error}

        # What a proxy passes on, or a server that was tricked into asking, is not the machine's own program.
        if request.headers.get("Metadata") != "true" or "X-Forwarded-For" in request.headers:
            return refuse("bad_request_102", "Required metadata header not specified")
        if asked.get("api-version", "") < _VERSIONS[VIRTUAL_MACHINE]:
            return refuse("invalid_request", "api-version is invalid or was not specified in the request")
        if asked.get("resource") not in RESOURCES:
            return refuse("invalid_resource", f"AADSTS500011: The resource principal named {asked.get('resource')} was not found in the tenant.")
        application = self._machine.identity(asked)
        if application is None and not any(name in asked for name in _NAMES):
            if len(self._machine.user_assigned) > 1:
                text = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"
                return refuse("invalid_request", text)
            application = next(iter(self._machine.user_assigned), None)
        if application is None:
            return refuse("invalid_request", "Identity not found")
        token = self._token(application, asked["resource"])
        token |= {"expires_in": str(ACCESS_TOKEN_SECONDS), "ext_expires_in": str(ACCESS_TOKEN_SECONDS), "refresh_token": ""}
        token["not_before"] = str(int(time.time()))
        return web.json_response(token), seen | {"client_id": application.client_id}

    def _app_service(self, request: web.Request, asked: dict[str, str], seen: dict[str, object]) -> tuple[web.Response, dict[str, object]]:
        def refuse(status: int, message: str) -> tuple[web.Response, dict[str, object]]:
            body = {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())}
            return web.json_response(body, status=status), seen

        if not secrets.compare_digest(request.headers.get("X-IDENTITY-HEADER", "").encode(), self._machine.header.encode()):
            return refuse(401, "The header X-IDENTITY-HEADER is missing or wrong.")
        if asked.get("api-version", "") < _VERSIONS[APP_SERVICE]:
            return refuse(400, "The parameter api-version is missing or unknown.")
        if asked.get("resource") not in RESOURCES:
            return refuse(400, "The parameter resource is missing or unknown.")
        application = self._machine.identity(asked)
        if application is None:
            return refuse(400, _NOT_FOUND)
        return web.json_response(self._token(application, asked["resource"])), seen | {"client_id": application.client_id}

    def _token(self, application: Application, resource: str) -> dict[str, Any]:
        """What both forms have. Numbers are texts."""
        return {
            "access_token": self._directory.access_token(application, resource, by_certificate=True),
            "client_id": application.client_id,
            "expires_on": str(int(time.time()) + ACCESS_TOKEN_SECONDS),
            "resource": resource,
            "token_type": "Bearer",
        }
