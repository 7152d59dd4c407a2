"""Key files and the embedded store: docs/store.md."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import keys
from canon import length_prefixed

HEADER = "libvault key file v1"
LINE = re.compile(r"([1-9][0-9]{0,9}) ([0-9a-f]{64})")
SCHEMA = """
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE managed_keys (
  item_hash  BLOB NOT NULL PRIMARY KEY CHECK (length(item_hash) = 32),
  id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  wrapped    BLOB NOT NULL CHECK (length(wrapped) <= 1024),
  created_at INTEGER NOT NULL              -- Unix seconds
) STRICT, WITHOUT ROWID;
CREATE TABLE key_addresses (               -- a key id is never re-pointed to another key
  id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  address BLOB NOT NULL CHECK (length(address) = 32)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True)
class KeyFile:
    versions: dict[int, bytes]

    @property
    def newest(self) -> tuple[int, bytes]:
        return max(self.versions.items())

    def text(self) -> str:
        lines = [f"{number} {key.hex()}" for number, key in sorted(self.versions.items())]
        return "\n".join([HEADER, *lines]) + "\n"


def read_key_file(path: Path) -> KeyFile:
    text = path.read_text("utf-8")
    first, *lines = text.removesuffix("\n").split("\n")
    matches = [LINE.fullmatch(line) for line in lines]
    if first != HEADER or not text.endswith("\n") or not 1 <= len(lines) <= 1000 or None in matches:
        raise ValueError("InvalidConfig: not a key file")
    numbers = [int(match[1]) for match in matches]
    if numbers != sorted(set(numbers)) or numbers[-1] > 0xFFFFFFFF:
        raise ValueError("InvalidConfig: versions are not ascending")
    return KeyFile({int(match[1]): bytes.fromhex(match[2]) for match in matches})


@dataclass(frozen=True)
class ManagedKey:
    """A managed KEK, its id, and the root key version that wraps it."""

    id: bytes
    key: bytes
    root_version: int


def lookup_bind() -> bytes:
    return keys.sha256(b"libvault/v1/lookup")


def managed_key_bind(key_id: bytes, item_hash: bytes) -> bytes:
    return keys.sha256(b"libvault/v1/kek" + key_id + item_hash)


def item_hash(lookup_key: bytes, item: tuple[str, str]) -> bytes:
    name, value = (part.encode("utf-8") for part in item)
    return keys.hmac_sha256(lookup_key, b"libvault/v1/item" + length_prefixed(name) + length_prefixed(value))


class StoreWriter:
    """Makes a new store file; every byte of its rows comes from `source`."""

    def __init__(self, path: Path, root: KeyFile, lookup_key: bytes, lookup_version: int, source):
        self._root, self._lookup_key, self._source = root, lookup_key, source
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute(f"PRAGMA application_id = {0x4C564C54}")
        self._db.execute("PRAGMA user_version = 1")
        self._db.executescript(SCHEMA)
        self._db.execute(
            "INSERT INTO meta VALUES ('lookup_key', ?)", (self._wrap(lookup_version, lookup_key, lookup_bind()),)
        )

    def add(self, item: tuple[str, str], managed: ManagedKey, created_at: int) -> None:
        hashed = item_hash(self._lookup_key, item)
        wrapped = self._wrap(managed.root_version, managed.key, managed_key_bind(managed.id, hashed))
        self._db.execute("INSERT INTO managed_keys VALUES (?, ?, ?, ?)", (hashed, managed.id, wrapped, created_at))

    def close(self) -> None:
        """Checkpoints: the one file is then complete, without -wal and -shm beside it."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def _wrap(self, version: int, secret: bytes, bind: bytes) -> bytes:
        return keys.seal_local(version, self._root.versions[version], bind, self._source.take(16), secret + bind)


class StoreReader:
    """Reads all rows once, without changing the file or leaving files beside it."""

    def __init__(self, path: Path, root: KeyFile):
        self._root = root
        db = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
        self.dump = describe(db)
        (wrapped,) = db.execute("SELECT value FROM meta WHERE name = 'lookup_key'").fetchone()
        self._rows = {row[0]: row[1:] for row in db.execute("SELECT item_hash, id, wrapped FROM managed_keys")}
        db.close()
        self._lookup_key = self._unwrap(wrapped, lookup_bind())

    def managed_key(self, item: tuple[str, str]) -> ManagedKey | None:
        hashed = item_hash(self._lookup_key, item)
        if hashed not in self._rows:
            return None
        key_id, wrapped = self._rows[hashed]
        return ManagedKey(
            key_id, self._unwrap(wrapped, managed_key_bind(key_id, hashed)), int.from_bytes(wrapped[:4], "big")
        )

    def _unwrap(self, blob: bytes, bind: bytes) -> bytes:
        plaintext = keys.open_local(self._root.versions, bind, blob)
        if plaintext is None or plaintext[32:] != bind:
            raise ValueError("a row of the store is not wrapped by this root key")
        return plaintext[:32]


def describe(db: sqlite3.Connection) -> list[str]:
    """Everything that must be equal between two stores: SQLite versions may lay out the same content differently."""
    settings = [f"{name} = {db.execute(f'PRAGMA {name}').fetchone()[0]}" for name in ("application_id", "user_version")]
    return settings + list(db.iterdump())
