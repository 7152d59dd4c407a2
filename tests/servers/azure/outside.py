"""An OpenID Connect issuer outside the tenants, as a cluster or a build service has one, whose assertions workloads present."""

import time

from .directory import Directory


def outside_assertion(
    directory: Directory, issuer: str, subject: str, audience: str = "api://AzureADTokenExchange", lifetime: int = 600, signature: str = ""
) -> str:
    """An assertion of the issuer, which is made if it is not there yet. `lifetime` is in seconds, negative: expired already.

    `signature`: "forged" for one by a key that is not the issuer's, under the identifier of the issuer's.
    """
    directory.add_issuer(issuer)
    now = int(time.time())
    claims = {"iss": issuer, "sub": subject, "aud": audience, "iat": now + min(lifetime, 0), "nbf": now + min(lifetime, 0), "exp": now + lifetime}
    key = directory.issuers[issuer]
    return directory.signing_key.sign(claims, key.key_id) if signature == "forged" else key.sign(claims)
