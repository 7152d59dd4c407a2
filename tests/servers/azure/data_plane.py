"""The data plane of the vaults: from an HTTP request to an operation on a key, and back."""

import base64
import binascii
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from . import errors
from .authentication import authenticate, challenge
from .definition import NotInDefinition, check_answer, check_request
from .directory import encode
from .errors import VaultError
from .keys import RETENTION_DAYS, Key, Version, scheduled_purge
from .vaults import Vault, World

API_VERSIONS = ("7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6-preview.2", "7.6", "2025-07-01")
NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_OF_A_VERSION = {"wrapkey": "wrapKey", "unwrapkey": "unwrapKey"}
_NOT_SERVED = ("encrypt", "decrypt", "sign", "verify", "backup", "release", "rotationpolicy", "attestation")
SERVICE_VERSION = "1.9.2147.1"


@dataclass
class Call:
    """What a request asks for. `operation` is None if it is none that the server has."""

    operation: str | None
    name: str | None = None
    version: str | None = None


class DataPlane:
    """Answers requests whose host is one of the vaults."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, vault: Vault, request: web.Request) -> tuple[web.Response, dict[str, object]]:
        """The answer, and what the log of requests says of it. An answer that is not in the definition is an error of its own."""
        call = route(request.method, request.path)
        seen: dict[str, object] = {"vault": vault.name, "operation": call.operation, "key": call.name, "version": call.version}
        seen["with_token"] = "Authorization" in request.headers
        try:
            status, body, headers = 200, await self._operate(vault, call, request, seen), {}
            if body is None:
                status = 204
        except VaultError as error:
            status, body, headers = error.status, error.body, error.headers
            seen |= {"code": error.code, "inner": error.inner}
        if status == 401:
            headers = headers | {"WWW-Authenticate": challenge(vault)}
        try:
            check_answer(call.operation, status, body)
        except NotInDefinition as error:
            status, body = 500, errors.VaultError(500, "AnswerNotInDefinition", str(error)).body
        return self._respond(vault, request, status, body, headers, seen), seen

    async def _operate(self, vault: Vault, call: Call, request: web.Request, seen: dict[str, object]) -> dict[str, Any] | None:
        application = authenticate(vault, self._world.directory, request.headers.get("Authorization"))
        seen["client_id"] = application.client_id
        _check_api_version(request.query.get("api-version"))
        if call.operation is None:
            raise VaultError(404, "NotFound", f"{request.method} {request.path} is nothing that this test server has.")
        vault.throttle(call.name, call.operation)
        vault.authorize(application, call.name, call.operation)
        parameters = await _parameters(call.operation, request)
        return perform(vault, call, parameters, seen)

    def _respond(
        self, vault: Vault, request: web.Request, status: int, body: Any, headers: dict[str, str], seen: dict[str, object]
    ) -> web.Response:
        seen["request_id"] = str(uuid.uuid4())
        seen["client_request_id"] = request.headers.get("x-ms-client-request-id")
        common = {
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
            "x-ms-keyvault-region": vault.region,
            "x-ms-request-id": seen["request_id"],
        }
        if vault.managed_hsm:
            common |= {"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "x-ms-server-latency": "1"}
            if status == 401:
                del common["x-ms-keyvault-region"]
        else:
            common |= {
                "Expires": "-1",
                "Pragma": "no-cache",
                "Strict-Transport-Security": "max-age=31536000;includeSubDomains",
                "x-ms-keyvault-service-version": SERVICE_VERSION,
            }
        if seen["client_request_id"] and not vault.managed_hsm:
            common["x-ms-client-request-id"] = seen["client_request_id"]
        if body is None:
            return web.Response(status=status, headers=common | headers)
        # A managed HSM challenges without a body.
        text = "" if vault.managed_hsm and status == 401 else json.dumps(body, separators=(",", ":"))
        return web.Response(status=status, text=text, content_type="application/json", charset="utf-8", headers=common | headers)


def route(method: str, path: str) -> Call:
    """Clients leave the version out, or send it empty (`/keys/name//wrapkey`): both mean the newest."""
    match (method, [part for part in path.split("/") if part]):
        case ("GET", ["keys"]):
            return Call("list")
        case ("POST", ["keys", name, "create"]):
            return Call("create", name)
        case ("POST", ["keys", name, "rotate"]):
            return Call("rotate", name)
        case ("GET", ["keys", name, "versions"]):
            return Call("versions", name)
        case ("GET" | "POST" | "PUT", ["keys", name, *_, last]) if last in _NOT_SERVED:
            return Call(None, name)
        case ("GET", ["keys", name, *version]) if len(version) < 2:
            return Call("get", name, *version)
        case ("PATCH", ["keys", name, *version]) if len(version) < 2:
            return Call("update", name, *version)
        case ("DELETE", ["keys", name]):
            return Call("delete", name)
        case ("POST", ["keys", name, *version, last]) if len(version) < 2 and last.lower() in _OF_A_VERSION:
            return Call(_OF_A_VERSION[last.lower()], name, *version)
        case ("GET", ["deletedkeys", name]):
            return Call("getDeleted", name)
        case ("POST", ["deletedkeys", name, "recover"]):
            return Call("recover", name)
        case ("DELETE", ["deletedkeys", name]):
            return Call("purge", name)
    return Call(None)


def perform(vault: Vault, call: Call, parameters: Any, seen: dict[str, object]) -> dict[str, Any] | None:
    """The operation itself, after everything that is about who asks. Notes the version that was used in `seen`."""
    keys, name = vault.keys, call.name or ""
    match call.operation:
        case "list":
            return {"value": [_item(vault, keys.get(listed), None) for listed in keys.names()], "nextLink": None}
        case "create":
            if not NAME.fullmatch(name):
                raise errors.bad_parameter(f"The key name {name} is not valid.")
            return _bundle(vault, *keys.create(name, parameters))
        case "rotate":
            return _bundle(vault, *keys.rotate(name))
        case "versions":
            key = keys.get(name)
            return {"value": [_item(vault, key, version) for version in key.versions], "nextLink": None}
        case "delete":
            return _deleted_bundle(vault, keys.delete(name))
        case "getDeleted":
            return _deleted_bundle(vault, keys.get_deleted(name))
        case "recover":
            return _bundle(vault, key := keys.recover(name), key.versions[-1])
        case "purge":
            return keys.purge(name, vault.name)
    key = keys.get(name)
    version = key.version(call.version)
    seen["version"] = version.identifier
    if call.operation == "get":
        return _bundle(vault, key, version)
    if call.operation == "update":
        version.set(parameters.get("attributes") or {}, parameters.get("key_ops"), parameters.get("tags"))
        return _bundle(vault, key, version)
    version.check_use(call.operation or "", disabled_wraps=vault.disabled_wraps)
    work = version.material.wrap if call.operation == "wrapKey" else version.material.unwrap
    return {"kid": _identifier(vault, key, version), "value": encode(work(parameters["alg"], decode(parameters["value"])))}


def decode(value: str) -> bytes:
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.bad_parameter("Content of 'value' is not base64url.\r\nProperty 'value' is required.\r\n") from error


async def _parameters(operation: str, request: web.Request) -> Any:
    text = await request.text()
    try:
        body = json.loads(text) if text else None
        check_request(operation, body)
    except json.JSONDecodeError as error:
        raise errors.bad_parameter("The request body is not valid JSON.") from error
    except NotInDefinition as error:
        raise errors.bad_parameter(str(error)) from error
    return body


def _check_api_version(version: str | None) -> None:
    if not version:
        raise errors.bad_parameter("api-version must be specified")
    if version not in API_VERSIONS:
        raise errors.bad_parameter(
            f"The specified version ({version}) is not recognized. Consider using the latest supported version ({API_VERSIONS[-1]})."
        )


def _identifier(vault: Vault, key: Key, version: Version | None) -> str:
    return f"https://{vault.host}/keys/{key.name}" + (f"/{version.identifier}" if version else "")


def _attributes(vault: Vault, version: Version) -> dict[str, Any]:
    attributes: dict[str, Any] = {"enabled": version.enabled}
    if version.not_before is not None:
        attributes["nbf"] = version.not_before
    if version.expires is not None:
        attributes["exp"] = version.expires
    attributes |= {"created": version.created, "updated": version.updated, "recoveryLevel": vault.keys.recovery_level}
    # "0": a key that is not in hardware.
    return attributes | {"recoverableDays": RETENTION_DAYS, "exportable": False, "hsmPlatform": "2" if vault.managed_hsm else "0"}


def _bundle(vault: Vault, key: Key, version: Version) -> dict[str, Any]:
    material = version.material
    public = {"kid": _identifier(vault, key, version), "kty": material.kty, "key_ops": version.key_ops} | material.public
    bundle: dict[str, Any] = {"key": public, "attributes": _attributes(vault, version)}
    return bundle if version.tags is None else bundle | {"tags": version.tags}


def _deleted_bundle(vault: Vault, key: Key) -> dict[str, Any]:
    deleted = key.deleted or 0
    recovery = {"recoveryId": f"https://{vault.host}/deletedkeys/{key.name}"}
    return recovery | {"deletedDate": deleted, "scheduledPurgeDate": scheduled_purge(deleted)} | _bundle(vault, key, key.versions[-1])


def _item(vault: Vault, key: Key, version: Version | None) -> dict[str, Any]:
    return {"kid": _identifier(vault, key, version), "attributes": _attributes(vault, version or key.versions[-1])}
