"""Encrypt and Decrypt."""

from collections.abc import Mapping
from dataclasses import dataclass

from . import ciphertext as sealed
from .errors import GoogleError, invalid_argument, not_found, version_not_enabled
from .state import CryptoKey, State, Version
from .wire import crc32c, read_bytes, verify_crc32c, write_bytes

@dataclass(frozen=True)
class Call:
    """What a method is given. `member` is the caller as policies name it."""

    resource: str
    body: dict
    query: Mapping[str, str]
    member: str


SOFTWARE_LIMIT = 64 * 1024
HSM_LIMIT = 8 * 1024  # plaintext and AAD together


def encrypt(state: State, call: Call) -> tuple[dict, str]:
    """The resource is a key, whose primary version serves, or a version. The second value is the version that served."""
    key, version = find_version(state, call.resource)
    plaintext = read_bytes(call.body, "plaintext")
    aad = read_bytes(call.body, "additionalAuthenticatedData")
    verified_plaintext = verify_crc32c(call.body, "plaintext", plaintext)
    verified_aad = verify_crc32c(call.body, "additionalAuthenticatedData", aad)
    _check_sizes(key, plaintext=plaintext, additional_authenticated_data=aad)
    _check_enabled(key, version)
    encrypted = sealed.encrypt(key, version, plaintext, aad)
    answer = {
        "name": key.version_name(version),
        "ciphertext": write_bytes(encrypted),
        "ciphertextCrc32c": crc32c(encrypted),
        "verifiedPlaintextCrc32c": verified_plaintext,
        "verifiedAdditionalAuthenticatedDataCrc32c": verified_aad,
        "protectionLevel": key.protection_level,
    }
    return answer, key.version_name(version)


def decrypt(state: State, call: Call) -> tuple[dict, str]:
    """The resource is a key; the ciphertext says which version."""
    key = state.crypto_key(call.resource)
    data = read_bytes(call.body, "ciphertext")
    aad = read_bytes(call.body, "additionalAuthenticatedData")
    verify_crc32c(call.body, "ciphertext", data)
    verify_crc32c(call.body, "additionalAuthenticatedData", aad)
    _check_sizes(key, additional_authenticated_data=aad)
    try:
        parsed = sealed.parse(data)
    except sealed.Malformed:
        raise _not_for_this_key() from None
    if parsed.key_id != key.key_id or not 1 <= parsed.version <= len(key.versions):
        raise _not_for_this_key()
    version = key.version(parsed.version)
    _check_enabled(key, version)
    plaintext = sealed.decrypt(version, parsed, aad)
    if plaintext is None:
        raise invalid_argument("Decryption failed: the ciphertext is invalid.")
    answer = {
        "plaintext": write_bytes(plaintext),
        "plaintextCrc32c": crc32c(plaintext),
        "usedPrimary": version.number == key.primary,
        "protectionLevel": key.protection_level,
    }
    return answer, key.version_name(version)


def find_version(state: State, name: str) -> tuple[CryptoKey, Version]:
    key_name, _, number = name.partition("/cryptoKeyVersions/")
    key = state.crypto_key(key_name)
    if not number:
        return key, key.version(key.primary)
    if not number.isdecimal():
        raise not_found("CryptoKeyVersion", name)
    return key, key.version(int(number))


def _not_for_this_key() -> GoogleError:
    return invalid_argument("Decryption failed: verify that 'name' refers to the correct CryptoKey.")


def _check_enabled(key: CryptoKey, version: Version) -> None:
    if version.state != "ENABLED":
        raise version_not_enabled(key.version_name(version), version.state)


def _check_sizes(key: CryptoKey, **fields: bytes) -> None:
    if key.protection_level == "HSM" and sum(map(len, fields.values())) > HSM_LIMIT:
        raise invalid_argument(f"The combined size of {' and '.join(fields)} exceeds the limit of {HSM_LIMIT} bytes.")
    for name, value in fields.items():
        if len(value) > SOFTWARE_LIMIT:
            raise invalid_argument(f"The size of {name} is {len(value)} bytes, which exceeds the limit of {SOFTWARE_LIMIT} bytes.")
