"""What the identity provider knows: tenants, applications with their credentials, outside issuers, and the keys it signs with."""

import base64
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

ACCESS_TOKEN_SECONDS = 3599
# Tokens are valid from some minutes before they were made, so that clocks may differ a little.
EARLIER_SECONDS = 300


class SigningKey:
    """An RSA key with the identifier under which its public part is published."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._private.public_key().public_numbers()
        modulus = numbers.n.to_bytes(256, "big")
        self.key_id = encode(hashlib.sha1(modulus, usedforsecurity=False).digest())
        self.public = self._private.public_key()
        self.json_web_key = {"kty": "RSA", "use": "sig", "kid": self.key_id, "x5t": self.key_id, "n": encode(modulus), "e": "AQAB"}

    def sign(self, claims: dict[str, Any], key_id: str | None = None) -> str:
        key_id = key_id or self.key_id
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"x5t": key_id, "kid": key_id})


@dataclass(frozen=True)
class FederatedCredential:
    """Who outside may act as the application: all three have to be equal to those of the assertion, letter by letter."""

    issuer: str
    subject: str
    audience: str = "api://AzureADTokenExchange"


@dataclass
class Application:
    """An application in one tenant. `token_changes` make its next tokens wrong on purpose, see `Directory.access_token`."""

    tenant: str
    client_id: str
    object_id: str
    secrets: list[str] = field(default_factory=list)
    expired_secrets: list[str] = field(default_factory=list)
    certificates: list[x509.Certificate] = field(default_factory=list)
    federated: list[FederatedCredential] = field(default_factory=list)
    enabled: bool = True
    token_changes: dict[str, Any] = field(default_factory=dict)

    def certificate_of(self, header: dict[str, Any]) -> x509.Certificate | None:
        """The registered certificate whose thumbprint, by SHA-256 or SHA-1, stands in the header of an assertion."""
        for certificate in self.certificates:
            named = {"x5t#S256": hashes.SHA256(), "x5t": hashes.SHA1()}
            given = {name: digest for name, digest in named.items() if name in header}
            if given and all(_base64url(header[name]) == encode(certificate.fingerprint(digest)) for name, digest in given.items()):
                return certificate
        return None


class Directory:
    """All tenants. An application is known in the tenants it was created in, under the same identifier in each."""

    def __init__(self) -> None:
        self.tenants: set[str] = set()
        self.issuers: dict[str, SigningKey] = {}
        self.signing_key = SigningKey()
        self._foreign_key = SigningKey()
        self._applications: dict[tuple[str, str], Application] = {}

    def add_tenant(self, tenant: str | None = None) -> str:
        tenant = tenant or str(uuid.uuid4())
        self.tenants.add(tenant)
        return tenant

    def add_application(self, tenant: str, client_id: str | None = None) -> Application:
        if tenant not in self.tenants:
            raise KeyError(f"no tenant {tenant}")
        application = Application(tenant, client_id or str(uuid.uuid4()), str(uuid.uuid4()))
        self._applications[tenant, application.client_id] = application
        return application

    def application(self, tenant: str, client_id: str) -> Application | None:
        return self._applications.get((tenant, client_id))

    def applications(self, client_id: str) -> list[Application]:
        """The application in every tenant that has it."""
        return [application for (_, known), application in self._applications.items() if known == client_id]

    def add_issuer(self, url: str) -> None:
        """An outside OpenID Connect issuer, whose assertions federated credentials may name."""
        self.issuers.setdefault(url, SigningKey())

    def access_token(self, application: Application, audience: str, *, by_certificate: bool) -> str:
        """A token of version 1.0, which is what Key Vault gets.

        `token_changes` of the application: `lifetime` in seconds (negative: expired already), `not_before` in seconds from now,
        `audience`, `tenant` (of the issuer), and `signature`: "foreign" (a key that nobody published) or "forged" (that key,
        under the identifier of the published one).
        """
        changes = application.token_changes
        now = int(time.time())
        tenant = changes.get("tenant", application.tenant)
        lifetime = changes.get("lifetime", ACCESS_TOKEN_SECONDS)
        claims = {
            "aud": changes.get("audience", audience),
            "iss": issuer(tenant),
            "iat": now - EARLIER_SECONDS + min(lifetime, 0),
            "nbf": now + changes["not_before"] if "not_before" in changes else now - EARLIER_SECONDS + min(lifetime, 0),
            "exp": now + lifetime,
            "appid": application.client_id,
            "appidacr": "2" if by_certificate else "1",
            "idp": issuer(tenant),
            "idtyp": "app",
            "oid": application.object_id,
            "sub": application.object_id,
            "tid": tenant,
            "uti": encode(uuid.uuid4().bytes),
            "ver": "1.0",
        }
        signature = changes.get("signature")
        key = self._foreign_key if signature else self.signing_key
        return key.sign(claims, self.signing_key.key_id if signature == "forged" else None)


def issuer(tenant: str) -> str:
    """The issuer of the tenant's tokens of version 1.0."""
    return f"https://sts.windows.net/{tenant}/"


def encode(data: bytes) -> str:
    """base64url without padding, as everywhere in JOSE."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _base64url(text: object) -> str:
    """Thumbprints come padded from Python's client, and in the ordinary alphabet of base64 from Go's."""
    return str(text).rstrip("=").translate(str.maketrans("+/", "-_"))
