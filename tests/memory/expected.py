"""Every secret that a vault's process handles, computed from its files by the independent reader in tests/gen."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from pathlib import Path

import canon as contexts
import envelope
import keys
import reader
import vault as vaults


class Secrets(dict[str, bytes]):
    """By name. Keys that are used with HMAC also appear as the two hash states that an implementation may prepare from them."""

    def add(self, name: str, secret: bytes, *, is_mac_key: bool = False) -> None:
        self[name] = secret
        if is_mac_key:
            self[f"{name}, inner HMAC state"] = _state_after(bytes(byte ^ 0x36 for byte in secret.ljust(64, b"\0")))
            self[f"{name}, outer HMAC state"] = _state_after(bytes(byte ^ 0x5C for byte in secret.ljust(64, b"\0")))


def of_vault(directory: Path, copy: Path, messages: dict[str, tuple[str, contexts.Items]]) -> Secrets:
    """`messages`: file name in the directory → its kind and context. The store may be open elsewhere: a copy of it is read."""
    _copy(directory, copy)
    vault = vaults.Vault(copy)
    secrets = Secrets()
    key_files = {"root key": vault.root}
    key_files |= {f"customer key {number}": file for number, file in enumerate(vault.customer_keys.values())}
    for name, key_file in key_files.items():
        for version, key in key_file.versions.items():
            secrets.add(f"{name}, version {version}", key)
            secrets.add(f"{name}, version {version}, in hexadecimal", key.hex().encode())
            secrets.add(f"{name}, version {version}, extracted", keys.extract(b"libvault/v1/local", key), is_mac_key=True)
    secrets.add("lookup key", vault.store._lookup_key, is_mac_key=True)
    for name, (kind, items) in messages.items():
        _read(vault, name, kind, (directory / name).read_bytes(), items, secrets)
    return secrets


def add_derived(name: str, kind: str, data: bytes, items: contexts.Items, wrapped: list[bytes], secrets: Secrets) -> None:
    """What is derived from the data key of a bundle with one share, which is one of those that a KMS wrapped."""
    parsed, canon = envelope.parse(kind, data), contexts.canonical(items)
    for share in (plaintext[:32] for plaintext in wrapped):
        schedule = keys.Schedule(share, parsed.suite, parsed.purpose, canon)
        if schedule.commitment == parsed.commitment:
            return _add_schedule(name, kind, parsed, schedule, secrets)
    raise ValueError(f"no wrapped share is the data key of {name}")


def _read(vault: vaults.Vault, name: str, kind: str, data: bytes, items: contexts.Items, secrets: Secrets) -> None:
    canon = contexts.canonical(items)
    keks = [key.key for item in contexts.items_of(canon) if (key := vault.managed_key(item))]
    for number, kek in enumerate(keks):
        secrets.add(f"{name}: managed KEK {number}", kek)
    if keks:
        secrets.add(f"{name}: chain key", keys.extract(b"libvault/v1/managed", b"".join(keks)), is_mac_key=True)
    reading = _Reading(vault, canon)
    reading.examine(kind, data)
    data_key, parsed = reading.data_key(), reading.parsed
    # The only share is the data key itself.
    for index, share in enumerate(reading.shares if len(reading.shares) > 1 else []):
        secrets.add(f"{name}: share {index}", share)
    secrets.add(f"{name}: data key", data_key)
    _add_schedule(name, kind, parsed, keys.Schedule(data_key, parsed.suite, parsed.purpose, canon), secrets)


def _add_schedule(name: str, kind: str, parsed: envelope.Parsed, schedule: keys.Schedule, secrets: Secrets) -> None:
    secrets.add(f"{name}: extracted", schedule._prk, is_mac_key=True)
    secrets.add(f"{name}: bundle key", schedule._bundle_key, is_mac_key=True)
    if kind == envelope.ENVELOPE:
        secrets.add(f"{name}: message key", schedule.message_key(parsed.prefix, parsed.message_id))


class _Reading(reader.Reading):
    """Keeps the shares it meets."""

    def __init__(self, vault: vaults.Vault, canon: bytes):
        super().__init__(vault, canon)
        self.shares: list[bytes] = []

    def _unwrap(self, index: int, share: envelope.Share) -> bytes:
        secret = super()._unwrap(index, share)
        self.shares.append(secret)
        return secret


def _copy(directory: Path, copy: Path) -> None:
    """Also takes what is only in the write-ahead log so far."""
    copy.mkdir()
    for file in directory.iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, copy)
    database = sqlite3.connect(copy / "vault.db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _state_after(block: bytes) -> bytes:
    """SHA-256 (FIPS 180-4) after its first block, as the eight words lie in this machine's memory."""
    words = list(struct.unpack(">16I", block))
    for at in range(16, 64):
        early = _turn(words[at - 15], 7) ^ _turn(words[at - 15], 18) ^ words[at - 15] >> 3
        late = _turn(words[at - 2], 17) ^ _turn(words[at - 2], 19) ^ words[at - 2] >> 10
        words.append((words[at - 16] + early + words[at - 7] + late) & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = _START
    for constant, word in zip(_CONSTANTS, words, strict=True):
        first = h + (_turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)) + (e & f ^ ~e & g) + constant + word
        second = (_turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (first + second) & 0xFFFFFFFF, a, b, c, (d + first) & 0xFFFFFFFF, e, f, g
    return struct.pack("=8I", *((old + new) & 0xFFFFFFFF for old, new in zip(_START, (a, b, c, d, e, f, g, h), strict=True)))


def _turn(word: int, count: int) -> int:
    return (word >> count | word << 32 - count) & 0xFFFFFFFF


def _root_bits(number: int, power: int) -> int:
    """The first 32 bits of the fraction of a root, by integers alone."""
    scaled = number << 32 * power
    low, high = 0, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**power <= scaled else (low, middle - 1)
    return low & 0xFFFFFFFF


_PRIMES = [number for number in range(2, 312) if all(number % divisor for divisor in range(2, number))]
_START = [_root_bits(prime, 2) for prime in _PRIMES[:8]]
_CONSTANTS = [_root_bits(prime, 3) for prime in _PRIMES[:64]]
