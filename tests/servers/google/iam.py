"""Who may do what: roles bound to members on resources, and denials that outweigh them. Changes take effect at once."""

from .state import State

ENCRYPT = "cloudkms.cryptoKeyVersions.useToEncrypt"
DECRYPT = "cloudkms.cryptoKeyVersions.useToDecrypt"
GET_ACCESS_TOKEN = "iam.serviceAccounts.getAccessToken"
USE_SERVICES = "serviceusage.services.use"

_VIEWER = {f"cloudkms.{kind}.{verb}" for kind in ("keyRings", "cryptoKeys", "cryptoKeyVersions") for verb in ("get", "list")}
_ADMIN = _VIEWER | {
    "cloudkms.keyRings.create",
    "cloudkms.cryptoKeys.create",
    "cloudkms.cryptoKeys.update",
    "cloudkms.cryptoKeys.getIamPolicy",
    "cloudkms.cryptoKeyVersions.create",
    "cloudkms.cryptoKeyVersions.update",
    "cloudkms.cryptoKeyVersions.destroy",
    "cloudkms.cryptoKeyVersions.restore",
}
# A part of the published roles: the permissions that this server asks for.
ROLES = {
    "roles/cloudkms.cryptoKeyEncrypter": {ENCRYPT},
    "roles/cloudkms.cryptoKeyDecrypter": {DECRYPT},
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": {ENCRYPT, DECRYPT},
    "roles/cloudkms.viewer": _VIEWER,
    "roles/cloudkms.admin": _ADMIN,  # as published, without the use of keys
    "roles/owner": _ADMIN | {ENCRYPT, DECRYPT, USE_SERVICES},
    "roles/iam.serviceAccountTokenCreator": {GET_ACCESS_TOKEN},
    "roles/iam.workloadIdentityUser": {GET_ACCESS_TOKEN},
    "roles/serviceusage.serviceUsageConsumer": {USE_SERVICES},
}


def allowed(state: State, member: str, permission: str, resource: str) -> bool:
    """A resource inherits from those above it: `projects/P` covers every key of P, a key covers its versions."""
    above = {resource[:end] for end in range(len(resource) + 1) if resource[end : end + 1] in ("", "/")}
    if any(denied in above and permission == what and member == who for denied, what, who in state.denials):
        return False
    return any(where in above and permission in ROLES[role] and member == who for where, role, who in state.bindings)


def policy(state: State, resource: str) -> list[dict]:
    """The bindings set on the resource itself."""
    members: dict[str, list[str]] = {}
    for where, role, member in state.bindings:
        if where == resource:
            members.setdefault(role, []).append(member)
    return [{"role": role, "members": bound} for role, bound in members.items()]
