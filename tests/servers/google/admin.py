"""The admin API of the test server, on a port of its own: what a customer's administrator, or time, does at Google.

Every call is a POST of a JSON object to /NAME, or a GET; refusals are 400 with {"error": ...}. README.md lists them.
"""

import secrets
from collections.abc import Callable
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .crypto_methods import find_version
from .errors import GoogleError
from .iam import ROLES
from .identity import CLOUD_PLATFORM, HOUR
from .services import Services
from .state import CryptoKey, IdentityProvider, ServiceAccount, UserLogin
from .throttle import CODES, Rule

_LEVELS = ("SOFTWARE", "HSM")
# In the place of gcloud's own, and the scopes that it asks for.
_GCLOUD = ("764086051850-test.apps.googleusercontent.com", "the-secret-of-a-program/+ that is none")
_LOGIN_SCOPES = ("openid", "https://www.googleapis.com/auth/userinfo.email", CLOUD_PLATFORM, "https://www.googleapis.com/auth/sqlservice.login")


class BadRequest(Exception):
    """The test asked for something that cannot be."""


class Admin:
    """`token_uri` is the address that files of service accounts name."""

    def __init__(self, services: Services, token_uri: str):
        self._services = services
        self._state = services.state
        self._token_uri = token_uri
        self._calls: dict[str, Callable[..., dict]] = {
            "create-key": self.create_key,
            "rotate": self.rotate,
            "disable": self._change(CryptoKey.disable),
            "enable": self._change(CryptoKey.enable),
            "destroy": self._change(CryptoKey.destroy),
            "restore": self._change(CryptoKey.restore),
            "finish-destruction": self._change(CryptoKey.finish_destruction),
            "create-service-account": self.create_service_account,
            "disable-service-account": self.disable_service_account,
            "create-login": self.create_login,
            "revoke-login": self.revoke_login,
            "create-identity-provider": self.create_identity_provider,
            "grant": self.grant,
            "revoke": self.revoke,
            "deny": self.deny,
            "allow": self.allow,
            "issue-token": self.issue_token,
            "revoke-tokens": self.revoke_tokens,
            "throttle": self.throttle,
            "metadata-account": self.metadata_account,
        }

    def call(self, name: str, arguments: dict) -> dict:
        """Raises `BadRequest`."""
        if name not in self._calls:
            raise BadRequest(f"no call {name}; there are {', '.join(self._calls)}")
        try:
            answer = self._calls[name](**arguments)
        except (TypeError, ValueError) as error:
            raise BadRequest(str(error)) from error
        except GoogleError as refusal:
            raise BadRequest(refusal.message) from refusal
        self._services.store.save()
        return answer

    def create_key(self, name: str, protection_level: str = "SOFTWARE") -> dict:
        """Creates the key ring too where it is missing."""
        parts = name.split("/")
        if parts[::2] != ["projects", "locations", "keyRings", "cryptoKeys"] or len(parts) != 8 or protection_level not in _LEVELS:
            raise BadRequest("a key is projects/P/locations/L/keyRings/R/cryptoKeys/K, its protection level SOFTWARE or HSM")
        ring = "/".join(parts[:6])
        if ring not in self._state.key_rings:
            self._state.create_key_ring(ring)
        key = self._state.create_crypto_key(name, protection_level)
        return {"name": key.name, "primary": key.version_name(key.version(key.primary))}

    def rotate(self, name: str) -> dict:
        """A new version that becomes the primary one."""
        key = self._state.crypto_key(name)
        version = key.add_version()
        key.primary = version.number
        return {"name": key.name, "primary": key.version_name(version)}

    def create_service_account(self, email: str) -> dict:
        """The service account, made if need be, with a new key: the file that Google gives out. Old keys stay valid."""
        account = self._state.service_accounts.get(email)
        if account is None:
            account = ServiceAccount(email, unique_id=str(10**20 + secrets.randbelow(10**20)))
            self._state.service_accounts[email] = account
        key, key_id = rsa.generate_private_key(65537, 2048), uuid4().hex + uuid4().hex[:8]
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        account.keys[key_id] = public.decode()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": "test-project",
            "private_key_id": key_id,
            "private_key": private.decode(),
            "client_email": email,
            "client_id": account.unique_id,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self._token_uri,
            "universe_domain": "googleapis.com",
        }

    def disable_service_account(self, email: str, disabled: bool = True) -> dict:
        self._account(email).disabled = disabled
        return {}

    def create_login(self, email: str, quota_project: str | None = None) -> dict:
        """A person signs in by `gcloud auth application-default login`: the file that it writes."""
        token = "1//" + secrets.token_urlsafe(48)
        login = UserLogin(email, token, *_GCLOUD, scopes=[*_LOGIN_SCOPES])
        self._state.logins[token] = login
        file = {
            "account": "",
            "client_id": login.client_id,
            "client_secret": login.client_secret,
            "refresh_token": token,
            "type": "authorized_user",
            "universe_domain": "googleapis.com",
        }
        return file | ({"quota_project_id": quota_project} if quota_project else {})

    def revoke_login(self, email: str) -> dict:
        """The person withdraws the consent: every refresh token and access token ends."""
        for login in self._state.logins.values():
            login.revoked |= login.email == email
        return {"revoked": self._services.identity.revoke(f"user:{email}")}

    def create_identity_provider(self, name: str, issuer: str, keys: dict, allowed_audiences: tuple = ()) -> dict:
        """`keys` are public keys in PEM by key id, which Google would fetch from the issuer."""
        self._state.identity_providers[name] = IdentityProvider(name, issuer, keys, list(allowed_audiences))
        return {}

    def grant(self, resource: str, role: str, member: str) -> dict:
        if role not in ROLES:
            raise BadRequest(f"no role {role}; there are {', '.join(ROLES)}")
        binding = [resource, role, member]
        self._state.bindings += [binding] if binding not in self._state.bindings else []
        return {}

    def revoke(self, resource: str, role: str, member: str) -> dict:
        self._state.bindings.remove([resource, role, member])
        return {}

    def deny(self, resource: str, permission: str, member: str) -> dict:
        """Outweighs every role, for one permission such as cloudkms.cryptoKeyVersions.useToDecrypt."""
        self._state.denials.append([resource, permission, member])
        return {}

    def allow(self, resource: str, permission: str, member: str) -> dict:
        """Takes a denial back."""
        self._state.denials.remove([resource, permission, member])
        return {}

    def issue_token(self, member: str, scopes: list[str], seconds: int = HOUR) -> dict:
        """An access token without any exchange; with negative seconds it has expired."""
        return {"access_token": self._services.identity.issue(member, frozenset(scopes), seconds)}

    def revoke_tokens(self, member: str) -> dict:
        return {"revoked": self._services.identity.revoke(member)}

    def throttle(self, requests: int, code: str = CODES[0], **narrowed) -> dict:
        """Refuses the next requests that a `key` and an `operation` select, with an optional `retry_after` in seconds."""
        if code not in CODES:
            raise BadRequest(f"no code {code}; there are {', '.join(CODES)}")
        self._services.throttle.rules.append(Rule(requests, code, **narrowed))
        return {}

    def metadata_account(self, email: str | None) -> dict:
        """Who the metadata server speaks for; null for nobody."""
        self._services.metadata_account = self._account(email).email if email else None
        return {}

    def _account(self, email: str) -> ServiceAccount:
        account = self._state.service_accounts.get(email)
        if account is None:
            raise BadRequest(f"no service account {email}")
        return account

    def _change(self, change: Callable) -> Callable[..., dict]:
        """A change of state of a version, or of the primary version of a key."""

        def call(name: str) -> dict:
            key, version = find_version(self._state, name)
            change(key, version)
            return {"name": key.version_name(version), "state": version.state}

        return call
