"""The endpoints of the identity provider that the official clients call: discovery, published keys, and the token endpoint."""

import datetime
import hmac
import re
import uuid

from aiohttp import web

from .assertions import ASSERTION_TYPE, Refused, check_assertion
from .directory import ACCESS_TOKEN_SECONDS, Application, Directory

HOST = "login.microsoftonline.com"
# A scope is one of these and "/.default". The last two stand for what is not Key Vault.
RESOURCES = ("https://vault.azure.net", "https://managedhsm.azure.net", "https://management.azure.com", "https://management.azure.com/")
_CACHED = {"Cache-Control": "max-age=86400, private"}
_UNCACHED = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache", "Expires": "-1"}


class Entra:
    """Answers requests whose host is one of the login hosts."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def answer(self, request: web.Request) -> tuple[web.Response, dict[str, object]]:
        """The answer, and what the log of requests says of it."""
        parts = [part for part in request.path.split("/") if part]
        match (request.method, parts):
            case ("GET", [_, "discovery", "instance"]):
                return _json(_instance(), _CACHED), {"operation": "discovery"}
            case ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]):
                return self._openid(tenant), {"operation": "discovery", "tenant": tenant}
            case ("GET", [tenant, "discovery", "v2.0", "keys"]):
                return _json({"keys": [self._directory.signing_key.json_web_key]}, _CACHED), {"operation": "keys", "tenant": tenant}
            case ("POST", [tenant, "oauth2", "v2.0", "token"]):
                return await self._token(request, tenant)
        return web.json_response({"error": "not_found"}, status=404), {"operation": "unknown"}

    def _openid(self, tenant: str) -> web.Response:
        if tenant not in self._directory.tenants:
            return _refusal(_no_tenant(tenant, "invalid_tenant"))
        base = f"https://{HOST}/{tenant}"
        return _json(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": "WW",
                "cloud_instance_name": "microsoftonline.com",
            },
            _CACHED,
        )

    async def _token(self, request: web.Request, tenant: str) -> tuple[web.Response, dict[str, object]]:
        form = {name: str(value) for name, value in (await request.post()).items()}
        seen: dict[str, object] = {"operation": "token", "tenant": tenant, "client_id": form.get("client_id")}
        try:
            application, audience, by_certificate = self._authenticate(tenant, form)
        except Refused as refused:
            seen["code"] = f"AADSTS{refused.number}"
            return _refusal(refused, form.get("client-request-id") or request.headers.get("client-request-id")), seen
        token = self._directory.access_token(application, audience, by_certificate=by_certificate)
        # `expires_in` never tells of a lifetime that a test changed: the client has to believe in the token for the vault to refuse it.
        body = {"token_type": "Bearer", "expires_in": ACCESS_TOKEN_SECONDS, "ext_expires_in": ACCESS_TOKEN_SECONDS, "access_token": token}
        return _json(body, _UNCACHED), seen

    def _authenticate(self, tenant: str, form: dict[str, str]) -> tuple[Application, str, bool]:
        if tenant not in self._directory.tenants:
            raise _no_tenant(tenant, "invalid_request")
        for parameter in ("grant_type", "client_id", "scope"):
            if not form.get(parameter):
                raise Refused(
                    900144, "invalid_request", 400, f"The request body must contain the following parameter: '{parameter}'."
                )
        if form["grant_type"] != "client_credentials":
            raise Refused(70003, "unsupported_grant_type", 400, f"The app requested an unsupported grant type '{form['grant_type']}'.")
        application = self._directory.application(tenant, form["client_id"])
        if application is None:
            raise Refused(
                700016,
                "unauthorized_client",
                400,
                f"Application with identifier '{form['client_id']}' was not found in the directory '{tenant}'. This can happen if the "
                "application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
            )
        by_certificate = self._check_credential(application, form)
        if not application.enabled:
            raise Refused(7000112, "unauthorized_client", 400, f"Application '{application.client_id}' is disabled.")
        return application, _audience(form["scope"]), by_certificate

    def _check_credential(self, application: Application, form: dict[str, str]) -> bool:
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise Refused(900144, "invalid_request", 400, "The parameter 'client_assertion_type' is missing or unknown.")
            return check_assertion(self._directory, application, form["client_assertion"])
        if "client_secret" not in form:
            raise Refused(
                7000218,
                "invalid_client",
                401,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )
        given = form["client_secret"].encode()
        if any(hmac.compare_digest(given, secret.encode()) for secret in application.expired_secrets):
            raise Refused(7000222, "invalid_client", 401, f"The provided client secret keys for app '{application.client_id}' are expired.")
        if not any(hmac.compare_digest(given, secret.encode()) for secret in application.secrets):
            raise Refused(
                7000215,
                "invalid_client",
                401,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client "
                f"secret ID, for a secret added to app '{application.client_id}'.",
            )
        return False


def _audience(scopes: str) -> str:
    # Some clients always add the scopes of OpenID Connect, which mean nothing without a user.
    scope = " ".join(scope for scope in scopes.split() if scope not in ("openid", "profile", "offline_access"))
    if not re.fullmatch(r"\S+/\.default", scope):
        raise Refused(
            1002012, "invalid_scope", 400, f"The provided value for scope {scope} is not valid. Client credential flows must have a scope "
            "value with /.default suffixed to the resource identifier (application ID URI)."
        )
    audience = scope.removesuffix("/.default")
    if audience not in RESOURCES:
        raise Refused(500011, "invalid_resource", 400, f"The resource principal named {audience} was not found in the tenant.")
    return audience


def _instance() -> dict[str, object]:
    aliases = [HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"]
    return {
        "tenant_discovery_endpoint": f"https://{HOST}/common/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": HOST, "preferred_cache": "login.windows.net", "aliases": aliases}],
    }


def _no_tenant(tenant: str, error: str) -> Refused:
    text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
    return Refused(90002, error, 400, text)


def _refusal(refused: Refused, correlation: str | None = None) -> web.Response:
    trace, correlation = str(uuid.uuid4()), correlation or str(uuid.uuid4())
    time = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return _json(
        {
            "error": refused.error,
            "error_description": f"AADSTS{refused.number}: {refused.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}",
            "error_codes": [refused.number],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://{HOST}/error?code={refused.number}",
        },
        _UNCACHED,
        refused.status,
    )


def _json(body: dict[str, object], headers: dict[str, str], status: int = 200) -> web.Response:
    common = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff"}
    return web.json_response(body, status=status, headers=common | headers | {"x-ms-request-id": str(uuid.uuid4())})
