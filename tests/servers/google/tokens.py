"""The token endpoints: oauth2 (/token), sts (/v1/token), iamcredentials (:generateAccessToken) and the metadata server."""

import json
import re
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from . import jwt
from .errors import OAuthError, invalid_argument
from .identity import HOUR, Caller, Identity, times_are_valid
from .state import IdentityProvider, State, timestamp

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH_TOKEN = "refresh_token"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SUBJECT_TOKENS = ("urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token")
TOKEN_URI = "https://oauth2.googleapis.com/token"
_DAY = 24 * 3600
_PROVIDER = re.compile(r"//iam\.googleapis\.com/projects/\d+/locations/global/workloadIdentityPools/[\w-]+/providers/[\w-]+")
_PROVIDER_FORMATS = (
    'Invalid value for "audience". This value should be the full resource name of the Identity Provider. '
    "See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats."
)


def grant_token(state: State, identity: Identity, body: bytes, own_uris: set[str]) -> tuple[dict, str]:
    """What oauth2.googleapis.com does. The second value is the member."""
    form = _form(body)
    match form.get("grant_type", ""):
        case grant if grant == JWT_BEARER:
            return _exchange_assertion(state, identity, form, own_uris)
        case grant if grant == REFRESH_TOKEN:
            return _refresh(state, identity, form)
        case grant:
            raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {grant}")


def _exchange_assertion(state: State, identity: Identity, form: dict[str, str], own_uris: set[str]) -> tuple[dict, str]:
    """The JWT-bearer grant (RFC 7523) of a service account."""
    assertion = form.get("assertion", "")
    try:
        account = state.service_accounts.get(str(jwt.claims_unverified(assertion).get("iss")))
        if account is None:
            raise OAuthError("invalid_grant", "Invalid grant: account not found")
        claims = jwt.verify(assertion, account.keys)
    except jwt.InvalidToken:
        raise OAuthError("invalid_grant", "Invalid JWT Signature.") from None
    if account.disabled:
        raise OAuthError("invalid_grant", "Invalid grant: account not found")
    if claims.get("aud") not in (TOKEN_URI, *own_uris):
        raise OAuthError("invalid_grant", f"Invalid JWT: Failed audience check. The right audience is {TOKEN_URI}")
    if times_are_valid(claims) != "valid":
        description = (
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            "Check your iat and exp values in the JWT claim."
        )
        raise OAuthError("invalid_grant", description)
    if claims.get("sub") not in (None, account.email):
        description = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."
        raise OAuthError("unauthorized_client", description, 401)
    scopes = frozenset(str(claims.get("scope", "")).split())
    if not scopes:
        raise OAuthError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    token = identity.issue(account.member, scopes, HOUR)
    return {"access_token": token, "expires_in": HOUR - 1, "token_type": "Bearer"}, account.member


def _refresh(state: State, identity: Identity, form: dict[str, str]) -> tuple[dict, str]:
    """The refresh of a person's access token (RFC 6749 section 6), by the program that the person signed in with."""
    for parameter in ("client_id", "refresh_token"):
        if not form.get(parameter):
            raise OAuthError("invalid_request", f"Missing required parameter: {parameter}")
    clients = {login.client_id: login.client_secret for login in state.logins.values()}
    if form["client_id"] not in clients:
        raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
    if form.get("client_secret") != clients[form["client_id"]]:
        raise OAuthError("invalid_client", "The provided client secret is invalid.", 401)
    login = state.logins.get(form["refresh_token"])
    if login is None or login.client_id != form["client_id"]:
        raise OAuthError("invalid_grant", "Bad Request")
    if login.revoked:
        raise OAuthError("invalid_grant", "Token has been expired or revoked.")
    scopes = form.get("scope", "").split() or login.scopes
    if not set(scopes) <= set(login.scopes):
        raise OAuthError("invalid_scope", "Bad Request")
    token = identity.issue(login.member, frozenset(scopes), HOUR)
    return {"access_token": token, "expires_in": HOUR - 1, "scope": " ".join(scopes), "token_type": "Bearer"}, login.member


def exchange_subject_token(state: State, identity: Identity, body: bytes, content_type: str) -> tuple[dict, str]:
    """The token exchange (RFC 8693) of workload identity federation, with JSON Web Tokens as subject tokens."""
    form = _json(body) if "json" in content_type else _form(body)
    if form.get("grant_type") != TOKEN_EXCHANGE:
        raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
    if form.get("requested_token_type") != ACCESS_TOKEN or form.get("subject_token_type") not in SUBJECT_TOKENS:
        raise OAuthError("invalid_request", "This test server exchanges JSON Web Tokens for access tokens only.")
    audience = form.get("audience", "")
    if not _PROVIDER.fullmatch(audience):
        raise OAuthError("invalid_request", _PROVIDER_FORMATS)
    provider = state.identity_providers.get(audience)
    if provider is None:
        description = (
            'The target service indicated by the "audience" parameters is invalid. This might either be because the pool or '
            "provider is disabled or deleted or because it doesn't exist."
        )
        raise OAuthError("invalid_target", description)
    claims = _verified_subject(provider, form.get("subject_token", ""))
    scopes = frozenset(form.get("scope", "").split())
    if not scopes:
        raise OAuthError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    pool = provider.name.partition("/providers/")[0]
    member = f"principal:{pool}/subject/{claims['sub']}"
    answer = {
        "access_token": identity.issue(member, scopes, HOUR),
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": HOUR - 1,
    }
    return answer, member


def generate_access_token(identity: Identity, caller: Caller, target: str, body: dict) -> dict:
    """Impersonation of a service account."""
    scopes = frozenset(body.get("scope") or [])
    lifetime = re.fullmatch(r"(\d+)(\.\d+)?s", body.get("lifetime") or f"{HOUR}s")
    if not scopes:
        raise invalid_argument("The scope field is required.")
    if lifetime is None or not 0 < int(lifetime[1]) <= HOUR:
        raise invalid_argument("The lifetime must be between 1 and 3600 seconds.")
    seconds = int(lifetime[1])
    token = identity.impersonate(caller, target, body.get("delegates") or [], scopes, seconds)
    expires = datetime.fromtimestamp(time.time() + seconds, UTC)
    return {"accessToken": token, "expireTime": timestamp(expires)[:19] + "Z"}


def _verified_subject(provider: IdentityProvider, token: str) -> dict:
    try:
        claims = jwt.verify(token, provider.keys)
    except jwt.InvalidToken as error:
        raise OAuthError("invalid_grant", f"Error connecting to the issuer or verifying the signature: {error}.") from None
    if claims.get("iss") != provider.issuer:
        raise OAuthError("invalid_grant", "The issuer in ID Token does not match the expected ones.")
    accepted = provider.allowed_audiences or [provider.name, f"https:{provider.name}"]
    audiences = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    if not any(audience in accepted for audience in audiences):
        raise OAuthError("invalid_grant", f"The audience in ID Token {audiences} does not match the expected audience.")
    now, issued, expires = time.time(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise OAuthError("invalid_grant", "ID Token lacks the claim iat or exp.")
    if expires <= now or not now - _DAY <= issued <= now + 60:
        raise OAuthError("invalid_grant", "ID Token is stale to sign-in.")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise OAuthError("invalid_grant", "The mapped attribute google.subject is empty.")
    return claims


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _json(body: bytes) -> dict[str, str]:
    """The same fields in the names of JSON, such as grantType."""
    try:
        value = json.loads(body)
        return {re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name): str(field) for name, field in value.items()}
    except (ValueError, AttributeError):
        raise OAuthError("invalid_request", "The body is not a JSON object.") from None
