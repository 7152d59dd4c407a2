"""Which service answers a request, and how: the part of the server that knows nothing of sockets."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import iam, tokens
from .crypto_methods import Call
from .discovery import Definition, Method
from .errors import GoogleError, OAuthError, invalid_argument, misrouted, permission_denied
from .identity import CLOUD_PLATFORM, HOUR, IAM_SCOPE, Caller, Identity
from .request_log import RequestLog
from .resource_methods import METHODS
from .state import Store
from .throttle import PROJECT_NUMBER, Throttle
from .wire import parse_body, wants_numbers, with_numbers, without_defaults

KMS, OAUTH, STS = "cloudkms.googleapis.com", "oauth2.googleapis.com", "sts.googleapis.com"
IAM_CREDENTIALS, METADATA = "iamcredentials.googleapis.com", "metadata.google.internal"
_LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Question:
    http_method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    host: str


@dataclass
class Answer:
    """`body` is JSON when it is a dictionary. The other fields are for the log."""

    status: int = 200
    body: dict | str = ""
    headers: dict[str, str] = field(default_factory=dict)
    operation: str = ""
    resource: str | None = None
    version: str | None = None
    member: str | None = None
    code: str = "OK"


class Services:
    """All services on one state. `own_token_uris` are further audiences of the JWT-bearer grant: the addresses of this server."""

    def __init__(self, directory: Path):
        self.store = Store(directory)
        self.state = self.store.state
        self.identity = Identity(self.state)
        self.log = RequestLog()
        self.throttle = Throttle()
        self.own_token_uris: set[str] = set()
        self.metadata_account: str | None = None
        self.definition = Definition("cloudkms.v1")
        self._iam_credentials = Definition("iamcredentials.v1")
        self._sts = Definition("sts.v1")

    def answer(self, question: Question) -> Answer:
        """Never raises: a fault of this server is an INTERNAL that its log on standard error explains."""
        answer = Answer(operation=question.path)
        try:
            self._dispatch(question, answer)
        except GoogleError as refusal:
            answer.status, answer.code, answer.headers = refusal.http_status, refusal.code, refusal.headers
            answer.body = refusal.body()
            self._validate_error(refusal)
        except OAuthError as refusal:
            answer.status, answer.code, answer.body = refusal.http_status, refusal.error, refusal.body()
        except Exception as fault:
            print(f"test server: {question.path}: {fault!r}", file=sys.stderr, flush=True)
            answer.status, answer.code = 500, "INTERNAL"
            answer.body = GoogleError("INTERNAL", f"A fault of the test server: {fault!r}").body()
        self.log.add(
            operation=answer.operation,
            resource=answer.resource,
            version=answer.version,
            member=answer.member,
            status=answer.status,
            code=answer.code,
            host=question.host,
        )
        return answer

    def _dispatch(self, question: Question, answer: Answer) -> None:
        here = question.host in _LOOPBACK
        match question.http_method, question.path:
            case "POST", "/token" if here or question.host == OAUTH:
                answer.operation = "Token"
                answer.body, answer.member = tokens.grant_token(
                    self.state, self.identity, question.body, self.own_token_uris
                )
            case "POST", "/v1/token" if here or question.host == STS:
                answer.operation = "ExchangeToken"
                content_type = question.headers.get("Content-Type", "")
                answer.body, answer.member = tokens.exchange_subject_token(
                    self.state, self.identity, question.body, content_type
                )
                self._sts.validate("GoogleIdentityStsV1ExchangeTokenResponse", answer.body)
            case "GET", path if path.startswith("/computeMetadata/") or (path == "/" and here):
                self._metadata(question, answer)
            case _ if (found := self._iam_credentials.match(question.http_method, question.path)) and (
                here or question.host == IAM_CREDENTIALS
            ):
                self._iam_credentials_method(question, answer, *found)
            case _ if here or question.host == KMS or question.host in self.definition.regional_hosts:
                self._kms(question, answer)
            case _:
                _no_such_page(answer)

    def _kms(self, question: Question, answer: Answer) -> None:
        found = self.definition.match(question.http_method, question.path)
        if found is None:
            return _no_such_page(answer)
        method, answer.resource = found
        if method.identifier not in METHODS:
            raise GoogleError("UNIMPLEMENTED", f"This test server does not have {method.identifier}.")
        answer.operation, permission, function = METHODS[method.identifier]
        rpc = f"google.cloud.kms.v1.KeyManagementService.{answer.operation}"
        caller = self.identity.authenticate(question.headers.get("Authorization"), KMS, rpc, method.scopes)
        answer.member = caller.member
        self.identity.check_quota_project(caller, question.headers.get("X-Goog-User-Project"), KMS)
        self.throttle.check(answer.operation, answer.resource)
        body = self._read(question, method)
        self._check_location(question.host, answer.resource)
        if permission and not iam.allowed(self.state, caller.member, permission, answer.resource):
            raise permission_denied(permission, answer.resource)
        call = Call(answer.resource, body, question.query, caller.member)
        result, answer.version = function(self.state, call)
        result = without_defaults(result)
        self.definition.validate(method.response, result)
        if question.http_method != "GET" and answer.operation not in ("Encrypt", "Decrypt"):
            self.store.save()
        answer.body = with_numbers(result) if wants_numbers(question.query) else result

    def _read(self, question: Question, method: Method) -> dict:
        if unknown := sorted(set(question.query) - method.query - {"$alt", "$prettyPrint"}):
            message = f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot bind query parameter.'
            raise invalid_argument(message, "")
        return parse_body(self.definition, method, question.body)

    def _check_location(self, host: str, resource: str) -> None:
        """A regional endpoint serves its own location; the global one serves every location."""
        location = resource.split("/")[3] if resource.count("/") >= 3 else "global"
        here = self.definition.regional_hosts.get(host, location)
        if location != here:
            raise misrouted(location, here)
        if not re.fullmatch(r"[a-z0-9-]*[a-z0-9]", location):
            raise misrouted(location, "global")

    def _iam_credentials_method(self, question: Question, answer: Answer, method: Method, resource: str) -> None:
        answer.resource = resource
        name = method.identifier.rpartition(".")[2]
        answer.operation = name[0].upper() + name[1:]
        rpc = f"google.iam.credentials.v1.IAMCredentials.{answer.operation}"
        scopes = method.scopes | {CLOUD_PLATFORM, IAM_SCOPE}
        caller = self.identity.authenticate(question.headers.get("Authorization"), IAM_CREDENTIALS, rpc, scopes)
        answer.member = caller.member
        self.identity.check_quota_project(caller, question.headers.get("X-Goog-User-Project"), IAM_CREDENTIALS)
        body = parse_body(self._iam_credentials, method, question.body)
        match name:
            case "generateAccessToken":
                target = resource.removeprefix("projects/-/serviceAccounts/")
                answer.body = tokens.generate_access_token(self.identity, caller, target, body)
            case "getAllowedLocations":
                answer.body = {"encodedLocations": "0x0"}  # no boundary: clients look this up in the background
            case _:
                raise GoogleError("UNIMPLEMENTED", f"This test server does not have {method.identifier}.")
        self._iam_credentials.validate(method.response, answer.body)

    def _metadata(self, question: Question, answer: Answer) -> None:
        """What the metadata server of a virtual machine says. Without its header it tells nothing."""
        answer.operation = "Metadata"
        answer.headers = {"Metadata-Flavor": "Google"}
        if question.path != "/" and question.headers.get("Metadata-Flavor") != "Google":
            answer.status, answer.code, answer.body = 403, "PERMISSION_DENIED", "Missing Metadata-Flavor:Google header."
            return
        account = self.metadata_account
        caller = Caller(f"serviceAccount:{account}", None)
        about = {"aliases": ["default"], "email": account, "scopes": [CLOUD_PLATFORM]}
        match question.path.removeprefix("/computeMetadata/v1/").rstrip("/"):
            case "":
                answer.body = "computeMetadata/\n"
            case "project/project-id":
                answer.body = "test-project"
            case "project/numeric-project-id":
                answer.body = str(PROJECT_NUMBER)
            case "universe/universe-domain" | "universe/universe_domain":
                answer.body = "googleapis.com"
            case "instance/service-accounts" if account:
                answer.body = {"default": about} if question.query.get("recursive") else f"default/\n{account}/\n"
            case "instance/service-accounts/default" if account:
                answer.body = about if question.query.get("recursive") else "aliases\nemail\nscopes\ntoken\n"
            case "instance/service-accounts/default/email" if account:
                answer.body = account
            case "instance/service-accounts/default/token" if account:
                answer.member = caller.member
                token = self.identity.issue(caller.member, frozenset([CLOUD_PLATFORM]), HOUR)
                answer.body = {"access_token": token, "expires_in": HOUR - 1, "token_type": "Bearer"}
            case _:
                answer.status, answer.code, answer.body = 404, "NOT_FOUND", "Not found"

    def _validate_error(self, refusal: GoogleError) -> None:
        """In REST a google.rpc.Status has the name of the code besides."""
        error = refusal.body()["error"]
        del error["status"]
        self.definition.validate("Status", error)


def _no_such_page(answer: Answer) -> None:
    """Google's front end answers in HTML where there is no such method."""
    answer.status, answer.code = 404, "NOT_FOUND"
    answer.headers = {"Content-Type": "text/html; charset=UTF-8"}
    answer.body = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)</title>\n<p>This test server has no such page.\n"
