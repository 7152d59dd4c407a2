"""Who calls: access tokens that this server issued, and JSON Web Tokens that a service account signed for itself."""

import secrets
import time
from dataclasses import dataclass

from . import jwt
from .errors import (
    GoogleError,
    impersonation_denied,
    quota_project_denied,
    quota_project_missing,
    scopes_insufficient,
    unauthenticated,
)
from .iam import GET_ACCESS_TOKEN, USE_SERVICES, allowed
from .state import State

HOUR = 3600
CLOCK_SKEW = 60
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
IAM_SCOPE = "https://www.googleapis.com/auth/iam"  # what clients ask for in order to impersonate


@dataclass(frozen=True)
class Caller:
    """`member` as policies name it, such as serviceAccount:EMAIL or user:EMAIL. A token without scopes was made for one service."""

    member: str
    scopes: frozenset[str] | None


@dataclass(frozen=True)
class AccessToken:
    caller: Caller
    expires: float


class Identity:
    """Access tokens are kept in memory only: after a restart, clients ask for new ones."""

    def __init__(self, state: State):
        self._state = state
        self._tokens: dict[str, AccessToken] = {}

    def issue(self, member: str, scopes: frozenset[str], seconds: int) -> str:
        token = "ya29.libvault-test-" + secrets.token_urlsafe(24)
        self._tokens[token] = AccessToken(Caller(member, scopes), time.time() + seconds)
        return token

    def revoke(self, member: str) -> int:
        """Forgets every access token of a member, and says how many there were."""
        revoked = [token for token, known in self._tokens.items() if known.caller.member == member]
        for token in revoked:
            del self._tokens[token]
        return len(revoked)

    def authenticate(self, authorization: str | None, service: str, method: str, accepted_scopes: frozenset[str]) -> Caller:
        """Raises UNAUTHENTICATED, or PERMISSION_DENIED where the scopes do not suffice."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("CREDENTIALS_MISSING", service, method)
        caller = self._self_signed(token, service, method) if jwt.looks_like_one(token) else self._issued(token, service, method)
        if caller.scopes is not None and not caller.scopes & accepted_scopes:
            raise scopes_insufficient(service, method)
        account = self._state.service_accounts.get(caller.member.removeprefix("serviceAccount:"))
        if account is not None and account.disabled:
            raise unauthenticated("ACCOUNT_STATE_INVALID", service, method)
        return caller

    def check_quota_project(self, caller: Caller, project: str | None, service: str) -> None:
        """`project` is the one that the request says it counts against, in X-Goog-User-Project. A person's request has to say one."""
        if project is None:
            if caller.member.startswith("user:"):
                raise quota_project_missing(service)
        elif not allowed(self._state, caller.member, USE_SERVICES, f"projects/{project}"):
            raise quota_project_denied(project, service)

    def impersonate(self, caller: Caller, target: str, delegates: list[str], scopes: frozenset[str], seconds: int) -> str:
        """Every member of the chain must be allowed to act as the next one."""
        member = caller.member
        for name in [*delegates, f"projects/-/serviceAccounts/{target}"]:
            account = self._state.service_account(name.removeprefix("projects/-/serviceAccounts/"))
            resource = f"projects/-/serviceAccounts/{account.email}" if account else ""
            if account is None or account.disabled or not allowed(self._state, member, GET_ACCESS_TOKEN, resource):
                raise impersonation_denied()
            member = account.member
        return self.issue(member, scopes, seconds)

    def _issued(self, token: str, service: str, method: str) -> Caller:
        known = self._tokens.get(token)
        if known is None:
            raise unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED", service, method)
        if known.expires <= time.time():
            raise unauthenticated("ACCESS_TOKEN_EXPIRED", service, method)
        return known.caller

    def _self_signed(self, token: str, service: str, method: str) -> Caller:
        refused: GoogleError = unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED", service, method)
        try:
            account = self._state.service_accounts.get(str(jwt.claims_unverified(token).get("iss")))
            if account is None:
                raise refused
            claims = jwt.verify(token, account.keys)
        except jwt.InvalidToken:
            raise refused from None
        if claims.get("sub") != account.email:
            raise refused
        match times_are_valid(claims):
            case "expired":
                raise unauthenticated("ACCESS_TOKEN_EXPIRED", service, method)
            case "invalid":
                raise refused
        if "scope" in claims:
            return Caller(account.member, frozenset(str(claims["scope"]).split()))
        if claims.get("aud") not in (f"https://{service}/", f"https://{service}"):
            raise refused
        return Caller(account.member, None)


def times_are_valid(claims: dict) -> str:
    """`valid`, `expired`, or `invalid`: a service account's token lives for an hour at most.

    The official client of Rust reckons with skewed clocks at both ends, which makes it 20 seconds more.
    """
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        return "invalid"
    now = time.time()
    if expires + CLOCK_SKEW < now:
        return "expired"
    return "valid" if issued - CLOCK_SKEW <= now and 0 < expires - issued <= HOUR + CLOCK_SKEW else "invalid"
