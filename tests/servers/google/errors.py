"""Refusals in the shape of google.rpc.Status, with the texts of the public record (README.md says which are ours)."""

import json

CODES = {
    "INVALID_ARGUMENT": (3, 400),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "RESOURCE_EXHAUSTED": (8, 429),
    "FAILED_PRECONDITION": (9, 400),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
    "UNAUTHENTICATED": (16, 401),
}
GCLOUD_PROJECT = 764086051850  # Google's own: of the program that `gcloud auth application-default login` signs people in with
_TYPE = "type.googleapis.com/google.rpc."
_EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class GoogleError(Exception):
    """A refusal of an API. `code` is a name of google.rpc.Code."""

    def __init__(self, code: str, message: str, *details: dict, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = list(details)
        self.headers = headers or {}

    @property
    def http_status(self) -> int:
        return CODES[self.code][1]

    def body(self) -> dict:
        error = {"code": self.http_status, "message": self.message, "status": self.code}
        return {"error": error | ({"details": self.details} if self.details else {})}


class OAuthError(Exception):
    """A refusal of a token endpoint (RFC 6749 section 5.2)."""

    def __init__(self, error: str, description: str, http_status: int = 400):
        super().__init__(description)
        self.error = error
        self.description = description
        self.http_status = http_status

    def body(self) -> dict:
        return {"error": self.error, "error_description": self.description}


def error_info(reason: str, domain: str, metadata: dict[str, str]) -> dict:
    return {"@type": _TYPE + "ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata}


def invalid_argument(message: str, field: str | None = None) -> GoogleError:
    """`field` adds a google.rpc.BadRequest, as the JSON front end does for a body that it cannot read."""
    if field is None:
        return GoogleError("INVALID_ARGUMENT", message)
    violation = {"field": field, "description": message} if field else {"description": message}
    return GoogleError("INVALID_ARGUMENT", message, {"@type": _TYPE + "BadRequest", "fieldViolations": [violation]})


def not_found(kind: str, name: str) -> GoogleError:
    return GoogleError("NOT_FOUND", f"{kind} {name} not found.")


def already_exists(kind: str, name: str) -> GoogleError:
    return GoogleError("ALREADY_EXISTS", f"{kind} {name} already exists.")


def version_not_enabled(version_name: str, state: str) -> GoogleError:
    violation = {"type": f"KEY_{state}", "subject": version_name}
    message = f"{version_name} is not enabled, current state is: {state}."
    return GoogleError("FAILED_PRECONDITION", message, {"@type": _TYPE + "PreconditionFailure", "violations": [violation]})


def permission_denied(permission: str, resource: str) -> GoogleError:
    message = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    metadata = {"permission": permission, "resource": resource}
    return GoogleError("PERMISSION_DENIED", message, error_info("IAM_PERMISSION_DENIED", "cloudkms.googleapis.com", metadata))


def impersonation_denied() -> GoogleError:
    permission = "iam.serviceAccounts.getAccessToken"
    message = f"Permission '{permission}' denied on resource (or it may not exist)."
    info = error_info("IAM_PERMISSION_DENIED", "iam.googleapis.com", {"permission": permission})
    return GoogleError("PERMISSION_DENIED", message, info)


def quota_project_missing(service: str) -> GoogleError:
    """A person's request counts against the program that signed the person in, which is not set up for this service."""
    message = (
        f"Your application is authenticating by using local Application Default Credentials. The {service} API requires a quota "
        "project, which is not set by default. To learn how to set your quota project, see "
        "https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds ."
    )
    info = error_info("SERVICE_DISABLED", "googleapis.com", {"consumer": f"projects/{GCLOUD_PROJECT}", "service": service})
    return GoogleError("PERMISSION_DENIED", message, info)


def quota_project_denied(project: str, service: str) -> GoogleError:
    message = (
        f"Caller does not have required permission to use project {project}. Grant the caller the "
        "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission, by visiting "
        f"https://console.developers.google.com/iam-admin/iam/project?project={project} and then retry. "
        "Propagation of the new permission may take a few minutes."
    )
    info = error_info("USER_PROJECT_DENIED", "googleapis.com", {"consumer": f"projects/{project}", "service": service})
    return GoogleError("PERMISSION_DENIED", message, info)


def scopes_insufficient(service: str, method: str) -> GoogleError:
    info = error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", {"service": service, "method": method})
    return GoogleError("PERMISSION_DENIED", "Request had insufficient authentication scopes.", info)


def unauthenticated(reason: str, service: str, method: str) -> GoogleError:
    """`reason` is CREDENTIALS_MISSING, ACCESS_TOKEN_EXPIRED, ACCESS_TOKEN_TYPE_UNSUPPORTED or ACCOUNT_STATE_INVALID."""
    missing = reason == "CREDENTIALS_MISSING"
    start = "Request is missing required authentication credential. " if missing else "Request had invalid authentication credentials. "
    challenge = 'Bearer realm="https://accounts.google.com/"' + ("" if missing else ', error="invalid_token"')
    info = error_info(reason, "googleapis.com", {"service": service, "method": method})
    return GoogleError("UNAUTHENTICATED", start + _EXPECTED, info, headers={"WWW-Authenticate": challenge})


def quota_exceeded(project_number: int) -> GoogleError:
    consumer = f"project_number:{project_number}"
    message = (
        "Quota exceeded for quota metric 'Cryptographic requests' and limit 'Cryptographic requests per minute' "
        f"of service 'cloudkms.googleapis.com' for consumer '{consumer}'."
    )
    metadata = {
        "consumer": f"projects/{project_number}",
        "quota_limit": "CryptoRequestsPerMinutePerProject",
        "quota_location": "global",
        "quota_metric": "cloudkms.googleapis.com/crypto_requests",
        "service": "cloudkms.googleapis.com",
    }
    return GoogleError("RESOURCE_EXHAUSTED", message, error_info("RATE_LIMIT_EXCEEDED", "googleapis.com", metadata))


def unavailable() -> GoogleError:
    return GoogleError("UNAVAILABLE", "The service is currently unavailable.")


def misrouted(asked: str, here: str) -> GoogleError:
    return GoogleError(
        "NOT_FOUND",
        f"The request concerns location '{asked}' but was sent to location '{here}'. Either Cloud KMS is not available in "
        f"'{asked}' or the request was misrouted.",
    )


def render(body: dict) -> bytes:
    """JSON as Google prints it unless `prettyPrint=false`."""
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()
