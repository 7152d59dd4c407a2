"""A client for the tests of the server itself: plain HTTP without any of Google's code, and credentials that no client would make."""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .launcher import GoogleServer

KEY = "projects/test-project/locations/europe-west3/keyRings/ring/cryptoKeys/{}"
EMAIL = "vendor@test-project.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{EMAIL}"
SCOPE = "https://www.googleapis.com/auth/cloudkms"
TOKEN_URI = "https://oauth2.googleapis.com/token"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Client:
    """Speaks HTTP without any of Google's code, as the vendor unless told otherwise."""

    def __init__(self, server: GoogleServer):
        self.server = server
        self.account = server.admin("create-service-account", email=EMAIL)
        self.token = self.issue()

    def issue(self, member: str = MEMBER, scope: str = SCOPE, **more) -> str:
        return self.server.admin("issue-token", member=member, scopes=[scope], **more)["access_token"]

    def key(self, name: str, role: str = "roles/owner", **more) -> str:
        self.server.admin("create-key", name=KEY.format(name), **more)
        self.server.admin("grant", resource=KEY.format(name), role=role, member=MEMBER)
        return KEY.format(name)

    def __call__(self, path: str, body=None, *, token: str | None = "", method: str | None = None, **headers: str):
        """Status, parsed body. A body makes it a POST; `token` None leaves the credentials out."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.server.http_endpoint + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, _parsed(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, _parsed(refusal)

    def assertion(self, header: dict | None = None, **claims) -> str:
        """A token that the service account signs, valid for the token endpoint but for what is given."""
        now = int(time.time())
        claims = {"iss": EMAIL, "aud": TOKEN_URI, "scope": SCOPE, "iat": now, "exp": now + 3600} | claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": self.account["private_key_id"]} | (header or {})
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        private = load_pem_private_key(self.account["private_key"].encode(), None)
        return signed + "." + _base64url(private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))

    def exchange(self, assertion: str) -> tuple[int, dict]:
        form = urllib.parse.urlencode({"grant_type": BEARER, "assertion": assertion}).encode()
        return self("/token", form, token=None)


def reason(answer: tuple[int, dict]) -> tuple[int, str, str]:
    """Status of HTTP, code, and the reason of the ErrorInfo."""
    status, body = answer
    return status, body["error"]["status"], body["error"]["details"][0].get("reason", "")


def _parsed(answer):
    text = answer.read()
    return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text.decode()


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
