"""A vault and a managed HSM, with an application that may wrap and unwrap there and nothing else: not even get a key."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from ..client import AzureServer

SECRET = "the right secret"


@dataclass(frozen=True)
class World:
    server: AzureServer
    tenant: str
    other_tenant: str
    client_id: str
    certificate: Path
    other_certificate: Path
    vault: str = "https://contoso.vault.azure.net"
    hsm: str = "https://contoso-hsm.managedhsm.azure.net"

    def secret(self, secret: str = SECRET, tenant: str | None = None) -> dict[str, str]:
        return {"kind": "secret", "tenant": tenant or self.tenant, "client_id": self.client_id, "secret": secret}

    def by_certificate(self, path: Path) -> dict[str, str]:
        return {"kind": "certificate", "tenant": self.tenant, "client_id": self.client_id, "path": str(path)}

    def by_token(self, audience: str = "https://vault.azure.net", **changes: object) -> dict[str, str]:
        """A token that is wrong in the given way; see `Directory.access_token`."""
        self.server.admin("PATCH", f"/apps/{self.client_id}", token_changes=changes)
        token = self.server.admin("POST", f"/apps/{self.client_id}/token", audience=audience)["access_token"]
        self.server.admin("PATCH", f"/apps/{self.client_id}", token_changes={})
        return {"kind": "token", "token": token}

    def by_assertion(self, **changes: object) -> dict[str, str]:
        """What a workload of the issuer `https://issuer.test` presents."""
        asked = {"issuer": "https://issuer.test", "subject": "the workload"} | changes
        assertion = self.server.admin("POST", "/issuers/assertion", **asked)["assertion"]
        return {"kind": "assertion", "tenant": self.tenant, "client_id": self.client_id, "assertion": assertion}

    def key(self, name: str, **parameters: object) -> str:
        """A new key of the vault; gives back its name."""
        self.server.key("contoso", name, "create", **({"kty": "RSA"} | parameters))
        return name


def make_world(server: AzureServer, directory: Path) -> World:
    tenant, other = (server.admin("POST", "/tenants")["tenant"] for _ in range(2))
    certificate, public = _certificate(directory / "certificate.pem")
    other_certificate, _ = _certificate(directory / "other.pem")
    federated = [{"issuer": "https://issuer.test", "subject": "the workload"}]
    application = server.admin("POST", "/apps", tenant=tenant, secrets=[SECRET], certificates=[public], federated=federated)
    server.admin("POST", "/vaults", name="contoso", tenant=tenant)
    server.admin("POST", "/vaults", name="contoso-hsm", tenant=tenant, managed_hsm=True)
    for vault in ("contoso", "contoso-hsm"):
        server.admin("POST", "/roles/allow", vault=vault, client_id=application["client_id"], operations=["wrapKey", "unwrapKey"])
    return World(server, tenant, other, application["client_id"], certificate, other_certificate)


def _certificate(path: Path) -> tuple[Path, str]:
    """A self-signed certificate with its key in a file, and the certificate alone."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the application")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(private + public)
    return path, public.decode()
