"""Verifying JSON Web Tokens, without the code of any client."""

import base64
import binascii
import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_pem_public_key


class InvalidToken(Exception):
    """The token is not one, or its signature does not verify."""


def claims_unverified(token: str) -> dict:
    """To find out whose key should verify the token. Raises `InvalidToken`."""
    return _parts(token)[1]


def verify(token: str, keys: Mapping[str, str]) -> dict:
    """The claims of a token signed with RS256 or ES256 by one of the keys (PEM by key id). Times are the caller's to check.

    A token need not name its key: the client of Node does not, and Google accepts it.
    """
    header, claims, signed, signature = _parts(token)
    named = header.get("kid")
    for pem in [pem for key_id, pem in keys.items() if named in (None, "", key_id)]:
        try:
            _verify(load_pem_public_key(pem.encode()), header.get("alg"), signed, signature)
            return claims
        except InvalidSignature:
            continue
    raise InvalidToken("no key verifies the signature")


def looks_like_one(token: str) -> bool:
    return token.count(".") == 2 and token.startswith("eyJ")


def _parts(token: str) -> tuple[dict, dict, bytes, bytes]:
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise ValueError
        return header, claims, f"{head}.{body}".encode(), _decode(signature)
    except (ValueError, binascii.Error):
        raise InvalidToken("not a JSON Web Token") from None


def _decode(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _verify(key, algorithm: str | None, signed: bytes, signature: bytes) -> None:
    if algorithm == "RS256" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    elif algorithm == "ES256" and isinstance(key, ec.EllipticCurvePublicKey) and len(signature) == 64:
        numbers = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(utils.encode_dss_signature(*numbers), signed, ec.ECDSA(hashes.SHA256()))
    else:
        raise InvalidSignature
