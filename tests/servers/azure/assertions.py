"""Client assertions: the signed statements by which an application, or a workload outside, proves who it is."""

import time
from typing import Any

import jwt

from .directory import Application, Directory

# How far clocks may differ.
SKEW_SECONDS = 300
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refused(Exception):
    """An error of the token endpoint: the AADSTS number, the OAuth error, the HTTP status, and the text."""

    def __init__(self, number: int, error: str, status: int, text: str) -> None:
        super().__init__(text)
        self.number, self.error, self.status, self.text = number, error, status, text


def check_assertion(directory: Directory, application: Application, assertion: str) -> bool:
    """Refuses a bad assertion. True if it was one of the application's own certificate, False if it came from outside."""
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise Refused(50027, "invalid_client", 401, "JWT token is invalid or malformed.") from error
    own = claims.get("iss") == application.client_id
    (_check_own if own else _check_federated)(directory, application, assertion, header, claims)
    return own


def _check_own(directory: Directory, application: Application, assertion: str, header: dict[str, Any], claims: dict[str, Any]) -> None:
    certificate = application.certificate_of(header)
    if certificate is None:
        raise Refused(
            700027,
            "invalid_client",
            401,
            "The certificate with identifier used to sign the client assertion is not registered on application. "
            "[Reason - The key was not found.]",
        )
    _verify(assertion, header, certificate.public_key(), 700027, "Client assertion failed signature validation.")
    if certificate.not_valid_after_utc.timestamp() < time.time():
        raise Refused(700027, "invalid_client", 401, "Client assertion failed signature validation. [Reason - The key used is expired.]")
    if claims.get("sub") != application.client_id:
        raise Refused(700021, "invalid_client", 401, "Client assertion application identifier doesn't match 'client_id' parameter.")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise Refused(50027, "invalid_client", 401, "JWT token is invalid or malformed: the claim 'jti' is missing.")
    if not set(_listed(claims.get("aud"))) & set(assertion_audiences(application.tenant)):
        raise Refused(700023, "invalid_client", 401, "Client assertion audience claim does not match Realm issuer.")
    _check_time(claims)


def _check_federated(directory: Directory, application: Application, assertion: str, header: dict[str, Any], claims: dict[str, Any]) -> None:
    by_issuer = [credential for credential in application.federated if credential.issuer == claims.get("iss")]
    if not by_issuer:
        raise _no_record(700211, "issuer", claims.get("iss"))
    by_subject = [credential for credential in by_issuer if credential.subject == claims.get("sub")]
    if not by_subject:
        raise _no_record(700213, "subject", claims.get("sub"))
    if not any(credential.audience in _listed(claims.get("aud")) for credential in by_subject):
        raise _no_record(700212, "audience", claims.get("aud"))
    key = directory.issuers.get(claims["iss"])
    if key is None or header.get("kid") != key.key_id:
        raise Refused(5000224, "invalid_client", 401, "We are unable to find the key that signed the assertion at its issuer.")
    _verify(assertion, header, key.public, 50013, "Assertion failed signature validation.")
    _check_time(claims)


def assertion_audiences(tenant: str) -> list[str]:
    """The audiences that an assertion of the application's own may have."""
    hosts = [f"https://{host}/{tenant}" for host in ("login.microsoftonline.com", "login.windows.net")]
    return [f"{host}{path}" for host in hosts for path in ("/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/", "")]


def _verify(assertion: str, header: dict[str, Any], key: Any, number: int, text: str) -> None:
    try:
        jwt.decode(
            assertion,
            key,
            algorithms=["RS256", "PS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise Refused(number, "invalid_client", 401, f"{text} [Reason - {header.get('alg')}: {error}]") from error


def _check_time(claims: dict[str, Any]) -> None:
    now = time.time()
    until, since = claims.get("exp"), claims.get("nbf", 0)
    numbers = isinstance(until, (int, float)) and isinstance(since, (int, float))
    if not numbers or until < now - SKEW_SECONDS or since > now + SKEW_SECONDS:
        raise Refused(
            700024, "invalid_client", 401, "Client assertion is not within its valid time range. Please check the time on your machine."
        )


def _no_record(number: int, what: str, found: object) -> Refused:
    text = f"No matching federated identity record found for presented assertion {what} '{found}'."
    return Refused(number, "invalid_client", 401, text)


def _listed(audience: object) -> list[Any]:
    return audience if isinstance(audience, list) else [audience]
