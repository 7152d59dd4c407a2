"""Whether the bearer token of a request is one that the vault takes, and whose it is."""

import json
import time
from typing import Any

import jwt

from .directory import Application, Directory, issuer
from .errors import unauthorized
from .vaults import Vault

SKEW_SECONDS = 300
# The application identifier of Key Vault itself, which its tokens may have as audience too.
KEY_VAULT_ID = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"


def authenticate(vault: Vault, directory: Directory, authorization: str | None) -> Application:
    """The application that the token is of. Everything is checked: signature, time, audience, issuer, in this order."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("AKV10000: Request is missing a Bearer or PoP token.")
    claims = _verified(directory, token.strip())
    now = time.time()
    if not isinstance(claims.get("exp"), (int, float)) or claims["exp"] < now - SKEW_SECONDS:
        raise unauthorized("[TokenExpired] Error validating token: 'S2S12086'.")
    if not isinstance(claims.get("nbf"), (int, float)) or claims["nbf"] > now + SKEW_SECONDS:
        raise unauthorized("[TokenNotYetValid] Error validating token: 'S2S12087'.")
    if claims.get("aud") not in (vault.resource, KEY_VAULT_ID):
        expected = f"{vault.resource} or {KEY_VAULT_ID}"
        raise unauthorized(f"AKV10022: Invalid audience. Expected {expected}, found: {claims.get('aud')}.")
    if claims.get("iss") != issuer(vault.tenant) or claims.get("tid") != vault.tenant:
        raise unauthorized(f"AKV10032: Invalid issuer. Expected one of {issuer(vault.tenant)}, found {claims.get('iss')}.")
    application = directory.application(vault.tenant, str(claims.get("appid")))
    if application is None or application.object_id != claims.get("oid"):
        raise unauthorized("Error validating token: the caller is not known in the tenant of the vault.")
    return application


def challenge(vault: Vault) -> str:
    """The header WWW-Authenticate, which tells clients where to get a token, and for what."""
    return f'Bearer authorization="https://login.microsoftonline.com/{vault.tenant}", resource="{vault.resource}"'


def _verified(directory: Directory, token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
        if header.get("kid") != directory.signing_key.key_id:
            raise unauthorized(
                "AKV10046: Unable to resolve the key used for signature validation. "
                f"EncodedJwtHeader: '{token.partition('.')[0]}'."
            )
        options = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        return jwt.decode(token, directory.signing_key.public, algorithms=["RS256"], options=options)
    except (jwt.InvalidTokenError, json.JSONDecodeError) as error:
        raise unauthorized("[BearerReadAccessTokenFailed] Error validating token: the token or its signature is not valid.") from error


