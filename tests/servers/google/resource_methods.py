"""Key rings, keys and versions: reading, creating, and the changes of state."""

import re
from collections.abc import Callable

from . import iam
from .crypto_methods import Call, decrypt, encrypt, find_version
from .errors import GoogleError, invalid_argument
from .state import CryptoKey, State, Version
from .wire import without_defaults

_ALGORITHM = "GOOGLE_SYMMETRIC_ENCRYPTION"
_IDENTIFIER = re.compile(r"[a-zA-Z0-9_-]{1,63}")
_PAGE = 100


def get_key_ring(state: State, call: Call):
    return _key_ring(state, call.resource), None


def list_key_rings(state: State, call: Call):
    names = [name for name in state.key_rings if name.startswith(f"{call.resource}/keyRings/")]
    return _page("keyRings", [_key_ring(state, name) for name in names], call.query), None


def create_key_ring(state: State, call: Call):
    return _key_ring(state, state.create_key_ring(f"{call.resource}/keyRings/{_identifier(call.query, 'keyRingId')}")), None


def get_crypto_key(state: State, call: Call):
    return _crypto_key(state.crypto_key(call.resource)), None


def list_crypto_keys(state: State, call: Call):
    state.key_ring(call.resource)
    keys = [key for name, key in state.crypto_keys.items() if name.startswith(f"{call.resource}/cryptoKeys/")]
    return _page("cryptoKeys", [_crypto_key(key) for key in keys], call.query), None


def create_crypto_key(state: State, call: Call):
    if call.body.get("purpose") not in ("ENCRYPT_DECRYPT", 1):
        raise GoogleError("UNIMPLEMENTED", "This test server has symmetric keys only.")
    level = call.body.get("versionTemplate", {}).get("protectionLevel", "SOFTWARE")
    name = f"{call.resource}/cryptoKeys/{_identifier(call.query, 'cryptoKeyId')}"
    key = state.create_crypto_key(name, {1: "SOFTWARE", 2: "HSM"}.get(level, level))
    key.labels = call.body.get("labels", {})
    key.rotation_period, key.next_rotation_time = call.body.get("rotationPeriod"), call.body.get("nextRotationTime")
    return _crypto_key(key), None


def update_primary_version(state: State, call: Call):
    key = state.crypto_key(call.resource)
    version = find_version(state, f"{call.resource}/cryptoKeyVersions/{call.body.get('cryptoKeyVersionId', '')}")[1]
    if version.state != "ENABLED":
        raise GoogleError("FAILED_PRECONDITION", f"{key.version_name(version)} is not enabled, current state is: {version.state}.")
    key.primary = version.number
    return _crypto_key(key), None


def test_iam_permissions(state: State, call: Call):
    asked = call.body.get("permissions", [])
    return {"permissions": [what for what in asked if iam.allowed(state, call.member, what, call.resource)]}, None


test_iam_permissions.__test__ = False  # a method of the API, not a test


def get_iam_policy(state: State, call: Call):
    state.crypto_key(call.resource)
    return {"version": 1, "etag": "ACAB", "bindings": iam.policy(state, call.resource)}, None


def get_version(state: State, call: Call):
    return _version(*find_version(state, call.resource)), call.resource


def list_versions(state: State, call: Call):
    key = state.crypto_key(call.resource)
    wanted = re.fullmatch(r"\s*state\s*=\s*(\w+)\s*", call.query.get("filter", ""))
    versions = [version for version in key.versions if wanted is None or version.state == wanted[1]]
    return _page("cryptoKeyVersions", [_version(key, version) for version in versions], call.query), None


def create_version(state: State, call: Call):
    key = state.crypto_key(call.resource)
    version = key.add_version()
    return _version(key, version), key.version_name(version)


def patch_version(state: State, call: Call):
    if call.query.get("updateMask") != "state" or call.body.get("state") not in ("ENABLED", "DISABLED", 1, 2):
        raise invalid_argument("Only the state can be updated, to ENABLED or DISABLED.")
    change = CryptoKey.enable if call.body["state"] in ("ENABLED", 1) else CryptoKey.disable
    return _changed(change)(state, call)


def _changed(change: Callable[[CryptoKey, Version], None]):
    def method(state: State, call: Call):
        key, version = find_version(state, call.resource)
        change(key, version)
        return _version(key, version), call.resource

    return method


def _key_ring(state: State, name: str) -> dict:
    return {"name": state.key_ring(name), "createTime": state.key_rings[name]}


def _crypto_key(key: CryptoKey) -> dict:
    return without_defaults(
        {
            "name": key.name,
            "primary": _version(key, key.version(key.primary)),
            "purpose": "ENCRYPT_DECRYPT",
            "createTime": key.create_time,
            "nextRotationTime": key.next_rotation_time,
            "rotationPeriod": key.rotation_period,
            "versionTemplate": {"protectionLevel": key.protection_level, "algorithm": _ALGORITHM},
            "labels": key.labels,
            "destroyScheduledDuration": "2592000s",
        }
    )


def _version(key: CryptoKey, version: Version) -> dict:
    return without_defaults(
        {
            "name": key.version_name(version),
            "state": version.state,
            "protectionLevel": key.protection_level,
            "algorithm": _ALGORITHM,
            "createTime": version.create_time,
            "generateTime": version.create_time,
            "destroyTime": version.destroy_time,
            "destroyEventTime": version.destroy_event_time,
        }
    )


def _page(field: str, items: list[dict], query) -> dict:
    token, asked = query.get("pageToken") or "0", query.get("pageSize") or "0"
    if not (token.isdecimal() and asked.isdecimal()):
        raise invalid_argument("page_token or page_size is invalid.")
    start, size = int(token), min(int(asked) or _PAGE, _PAGE)
    following = str(start + size) if start + size < len(items) else ""
    return {field: items[start : start + size], "nextPageToken": following, "totalSize": len(items)}


def _identifier(query, name: str) -> str:
    identifier = query.get(name, "")
    if not _IDENTIFIER.fullmatch(identifier):
        raise invalid_argument(f"Resource id '{identifier}' does not match [a-zA-Z0-9_-]{{1,63}}.")
    return identifier


_KEY = "cloudkms.projects.locations.keyRings.cryptoKeys."
_VERSION = _KEY + "cryptoKeyVersions."

# By the identifier in the definition: the name that the log uses, the permission, and the function.
METHODS: dict[str, tuple[str, str | None, Callable]] = {
    "cloudkms.projects.locations.keyRings.get": ("GetKeyRing", "cloudkms.keyRings.get", get_key_ring),
    "cloudkms.projects.locations.keyRings.list": ("ListKeyRings", "cloudkms.keyRings.list", list_key_rings),
    "cloudkms.projects.locations.keyRings.create": ("CreateKeyRing", "cloudkms.keyRings.create", create_key_ring),
    _KEY + "encrypt": ("Encrypt", iam.ENCRYPT, encrypt),
    _KEY + "decrypt": ("Decrypt", iam.DECRYPT, decrypt),
    _KEY + "get": ("GetCryptoKey", "cloudkms.cryptoKeys.get", get_crypto_key),
    _KEY + "list": ("ListCryptoKeys", "cloudkms.cryptoKeys.list", list_crypto_keys),
    _KEY + "create": ("CreateCryptoKey", "cloudkms.cryptoKeys.create", create_crypto_key),
    _KEY + "updatePrimaryVersion": ("UpdateCryptoKeyPrimaryVersion", "cloudkms.cryptoKeys.update", update_primary_version),
    _KEY + "getIamPolicy": ("GetIamPolicy", "cloudkms.cryptoKeys.getIamPolicy", get_iam_policy),
    _KEY + "testIamPermissions": ("TestIamPermissions", None, test_iam_permissions),
    _VERSION + "get": ("GetCryptoKeyVersion", "cloudkms.cryptoKeyVersions.get", get_version),
    _VERSION + "list": ("ListCryptoKeyVersions", "cloudkms.cryptoKeyVersions.list", list_versions),
    _VERSION + "create": ("CreateCryptoKeyVersion", "cloudkms.cryptoKeyVersions.create", create_version),
    _VERSION + "patch": ("UpdateCryptoKeyVersion", "cloudkms.cryptoKeyVersions.update", patch_version),
    _VERSION + "destroy": ("DestroyCryptoKeyVersion", "cloudkms.cryptoKeyVersions.destroy", _changed(CryptoKey.destroy)),
    _VERSION + "restore": ("RestoreCryptoKeyVersion", "cloudkms.cryptoKeyVersions.restore", _changed(CryptoKey.restore)),
}
