"""The root key file and the embedded store: crypto-shredding, trouble with the files, and races for one key."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

import libvault
from conftest import key_file

FIRST = {"user_id": "user_1"}
SECOND = {"user_id": "user_2"}
BOTH = {"organization_id": "org_1", **FIRST}


SQL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    print([list(map(bytes.hex, row)) for row in connection.execute(line)], flush=True)
"""


class Sqlite:
    """SQLite in another process: two copies of SQLite in one process would break each other's locks."""

    def __init__(self, store: Path) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", SQL, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0

    def run(self, statement: str) -> list[list[str]]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(statement + "\n")
        self._process.stdin.flush()
        rows: list[list[str]] = ast.literal_eval(self._process.stdout.readline())
        return rows


def managed_key_ids(made: libvault.Initialized) -> set[str]:
    with Sqlite(made.store) as sqlite:
        return {row[0] for row in sqlite.run("SELECT id FROM managed_keys")}


def delete_managed_key(made: libvault.Initialized, key_id: str) -> None:
    with Sqlite(made.store) as sqlite:
        assert sqlite.run(f"DELETE FROM managed_keys WHERE id = x'{key_id}' RETURNING id") == [[key_id]]


def test_deleting_one_items_key_shreds_its_data_for_ever(made: libvault.Initialized) -> None:
    """A managed key that were derived from the root key would come back."""
    with libvault.open(made.config) as vault:
        shredded = vault.encrypt(b"first", FIRST)
        (key_of_first,) = managed_key_ids(made)
        kept = vault.encrypt(b"second", SECOND)
        also_shredded = vault.encrypt(b"both", BOTH)
        data_key = vault.create_data_key(FIRST)
    delete_managed_key(made, key_of_first)

    def first_is_gone(vault: libvault.Vault) -> None:
        for envelope, context in ((shredded, FIRST), (also_shredded, BOTH)):
            with pytest.raises(libvault.KeyNotFound):
                vault.decrypt(envelope, context)
        with pytest.raises(libvault.KeyNotFound):
            vault.decrypt_data_key(data_key.bundle, FIRST)
        assert vault.decrypt(kept, SECOND) == b"second"

    with libvault.open(made.config) as vault:
        first_is_gone(vault)
        new = vault.encrypt(b"new", FIRST)
        assert key_of_first not in managed_key_ids(made)
        assert vault.decrypt(new, FIRST) == b"new"
        first_is_gone(vault)
    with libvault.open(made.config) as vault:
        first_is_gone(vault)
        assert vault.decrypt(new, FIRST) == b"new"


def test_decryption_makes_no_key(made: libvault.Initialized) -> None:
    with libvault.open(made.config) as vault:
        envelope = vault.encrypt(b"data", FIRST)
        for key_id in managed_key_ids(made):
            delete_managed_key(made, key_id)
    with libvault.open(made.config) as vault, pytest.raises(libvault.KeyNotFound):
        vault.decrypt(envelope, FIRST)
    assert managed_key_ids(made) == set()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o777])
def test_a_root_key_that_others_can_read_is_refused(made: libvault.Initialized, mode: int) -> None:
    made.root_key.chmod(mode)
    with pytest.raises(libvault.InvalidConfig) as caught:
        libvault.open(made.config)
    assert caught.value.field == "root_key.path"
    assert "0600" in caught.value.message or "600" in caught.value.message


def test_a_read_only_root_key_is_fine(made: libvault.Initialized) -> None:
    made.root_key.chmod(0o400)
    libvault.open(made.config).close()


def test_a_missing_root_key(made: libvault.Initialized) -> None:
    made.root_key.unlink()
    with pytest.raises(libvault.InvalidConfig) as caught:
        libvault.open(made.config)
    assert caught.value.field == "root_key.path"
    assert not made.root_key.exists()


def test_a_root_key_that_is_a_directory(made: libvault.Initialized) -> None:
    made.root_key.unlink()
    made.root_key.mkdir(mode=0o600)
    with pytest.raises(libvault.InvalidConfig):
        libvault.open(made.config)


KEY = "ab" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "libvault key file v1\n",
        "libvault key file v2\n1 " + KEY + "\n",
        "libvault key file v1\n1 " + KEY,
        "libvault key file v1\r\n1 " + KEY + "\r\n",
        "libvault key file v1\n1 " + KEY.upper() + "\n",
        "libvault key file v1\n1 " + KEY[:-2] + "\n",
        "libvault key file v1\n0 " + KEY + "\n",
        "libvault key file v1\n01 " + KEY + "\n",
        "libvault key file v1\n4294967296 " + KEY + "\n",
        "libvault key file v1\n2 " + KEY + "\n1 " + KEY + "\n",
        "libvault key file v1\n1 " + KEY + "\n\n",
        "libvault key file v1\n# a comment\n1 " + KEY + "\n",
        "libvault key file v1\n" + "".join(f"{i} {KEY}\n" for i in range(1, 1002)),
        "\x00" * 100,
    ],
)
def test_a_malformed_root_key(made: libvault.Initialized, text: str) -> None:
    made.root_key.write_bytes(text.encode())
    with pytest.raises(libvault.InvalidConfig) as caught:
        libvault.open(made.config)
    assert caught.value.field == "root_key.path"
    assert KEY not in str(caught.value) + repr(caught.value.__dict__)


def test_another_root_key_does_not_open_the_store(made: libvault.Initialized) -> None:
    with libvault.open(made.config) as vault:
        envelope = vault.encrypt(b"data", FIRST)
    made.root_key.unlink()
    key_file(made.root_key)
    with pytest.raises(libvault.VaultError), libvault.open(made.config) as vault:
        vault.decrypt(envelope, FIRST)


def test_a_rotated_root_key_opens_old_data(made: libvault.Initialized) -> None:
    with libvault.open(made.config) as vault:
        envelope = vault.encrypt(b"data", FIRST)
    with made.root_key.open("a") as file:
        file.write(f"2 {KEY}\n")
    with libvault.open(made.config) as vault:
        assert vault.decrypt(envelope, FIRST) == b"data"
        new = vault.encrypt(b"new", SECOND)
    with libvault.open(made.config) as vault:
        assert vault.decrypt(new, SECOND) == b"new"


def test_a_missing_store(made: libvault.Initialized) -> None:
    made.store.unlink()
    with pytest.raises(libvault.InvalidConfig) as caught:
        libvault.open(made.config)
    assert caught.value.field == "store"
    assert not made.store.exists()


@pytest.mark.parametrize("content", [b"", b"not a database " * 100])
def test_a_store_that_is_no_store(made: libvault.Initialized, content: bytes) -> None:
    made.store.write_bytes(content)
    with pytest.raises(libvault.StoreUnavailable):
        libvault.open(made.config)


def test_a_store_of_a_newer_version(made: libvault.Initialized) -> None:
    with Sqlite(made.store) as sqlite:
        sqlite.run("PRAGMA user_version = 99")
    with pytest.raises(libvault.StoreUnavailable):
        libvault.open(made.config)


def test_a_store_that_is_corrupt_inside(made: libvault.Initialized) -> None:
    with libvault.open(made.config) as vault:
        envelope = vault.encrypt(b"data", FIRST)
    content = bytearray(made.store.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 4096] = b"\xa5" * 4096
    made.store.write_bytes(content)
    with pytest.raises(libvault.StoreUnavailable), libvault.open(made.config) as vault:
        vault.decrypt(envelope, FIRST)


def test_a_locked_store_is_unavailable_and_then_works(made: libvault.Initialized) -> None:
    with libvault.open(made.config) as vault, Sqlite(made.store) as sqlite:
        sqlite.run("BEGIN EXCLUSIVE")
        with pytest.raises(libvault.StoreUnavailable) as caught:
            vault.encrypt(b"data", FIRST)
        assert caught.value.retryable
        sqlite.run("ROLLBACK")
        assert vault.decrypt(vault.encrypt(b"data", FIRST), FIRST) == b"data"


RACE = """
import sys, libvault
with libvault.open(sys.argv[1]) as vault:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(20):
        sys.stdout.write(vault.encrypt(b"data", {"user_id": f"user_{number}"}).hex() + "\\n")
"""


def test_processes_that_race_for_one_items_key_end_with_one(made: libvault.Initialized) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, str(made.config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert len(managed_key_ids(made)) == 20
    with libvault.open(made.config) as vault:
        for envelopes in outputs:
            assert len(envelopes) == 20
            for number, envelope in enumerate(envelopes):
                assert vault.decrypt(bytes.fromhex(envelope), {"user_id": f"user_{number}"}) == b"data"


def test_a_customer_key_file_that_others_can_read(configuration: dict[str, Any]) -> None:
    Path(configuration["bindings"][0]["keys"][0]["path"]).chmod(0o644)
    with pytest.raises(libvault.VaultError) as caught:
        libvault.open(configuration)
    assert caught.value.name == "InvalidConfig"
    assert caught.value.field == "bindings[0].keys[0].path"
