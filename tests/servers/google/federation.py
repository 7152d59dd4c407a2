"""A workload that proves itself by the token of another issuer: what the vendor's machine then has in its files."""

import base64
import itertools
import json
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .launcher import GoogleServer

POOL = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/test-pool"
ISSUER = "https://issuer.example"
PRINCIPAL = f"principal:{POOL}/subject/workload"
_numbers = itertools.count(1)


class Federation:
    """An identity provider that the server knows. `file` is for `external_account`; the token in it has to be renewed first."""

    def __init__(self, server: GoogleServer, directory: Path, acts_as: str | None = None):
        self._issuer, self._provider = rsa.generate_private_key(65537, 2048), f"{POOL}/providers/p-{next(_numbers)}"
        public = self._issuer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        server.admin("create-identity-provider", name=self._provider, issuer=ISSUER, keys={"k": public})
        self._token, self.file = directory / "federated-token", directory / "federation.json"
        settings = {
            "type": "external_account",
            "audience": self._provider,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": str(self._token)},
        }
        if acts_as:
            account = f"projects/-/serviceAccounts/{acts_as}"
            settings["service_account_impersonation_url"] = f"https://iamcredentials.googleapis.com/v1/{account}:generateAccessToken"
        self.file.write_text(json.dumps(settings), encoding="utf-8")

    def renew(self) -> None:
        """Puts a token that is valid now where the file says."""
        claims = {"iss": ISSUER, "sub": "workload", "aud": f"https:{self._provider}"}
        temporary = self._token.with_suffix(f".{threading.get_ident()}")
        temporary.write_text(_signed(self._issuer, claims), encoding="utf-8")
        # Nobody reads half a token.
        temporary.replace(self._token)


def _signed(key: rsa.RSAPrivateKey, claims: dict) -> str:
    """A JSON Web Token (RS256) that is valid now."""
    now = int(time.time())
    parts = ({"alg": "RS256", "kid": "k"}, claims | {"iat": now, "exp": now + 600})
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    signature = key.sign(text.encode(), padding.PKCS1v15(), SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
