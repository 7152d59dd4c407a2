"""Runs the scripts of examples/shell as a user would: `libvault` on PATH, in an empty directory."""
import os
import pathlib
import subprocess

import pytest

from test_cli import PROGRAM, ROOT, SECONDS

EXAMPLES = ROOT / "examples/shell"
CUSTOMER_KEY = """
[[bindings]]
id = "bnd_123"
owner = "org_123"
selector = { organization_id = "org_123" }
keys = [{ id = "key_123", provider = "local", path = "org_123.key" }]
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty directory, and the program on PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/libvault").symlink_to(PROGRAM)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.delenv("LIBVAULT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path / "empty")
    return tmp_path / "empty"


@pytest.fixture
def vault(place, monkeypatch) -> pathlib.Path:
    run("libvault", "init", "vault")
    monkeypatch.setenv("LIBVAULT_CONFIG", str(place / "vault/libvault.toml"))
    return place / "vault"


def run(*command: object, expect: int = 0) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def test_quickstart(place):
    printed = run(EXAMPLES / "quickstart.sh").splitlines()
    assert printed[:2] == ["org_123 reads its own plan", "org_456 reads its own plan"]
    assert printed[2].startswith("error[103 ContextMismatch]") and printed[3] == "exit code 3"
    assert not (place / "stolen.txt").exists()


def test_backup(place, vault):
    source = place / "source/deep"
    source.mkdir(parents=True)
    (source / "one").write_bytes(os.urandom(3_000_000))
    (source / "two").write_bytes(b"")
    assert run(EXAMPLES / "backup.sh", place / "source", "org_123") == "restored 2 files\n"
    run("diff", "-r", place / "source", place / "restored")


def test_a_damaged_backup_restores_nothing(place, vault):
    (place / "source").mkdir()
    (place / "source/one").write_bytes(os.urandom(3_000_000))
    run(EXAMPLES / "backup.sh", place / "source", "org_123")
    run("rm", "-r", "restored")
    script = (EXAMPLES / "backup.sh").read_text(encoding="utf-8")
    restore = script[script.index("# tar sees"):]
    with (place / "backup.vault").open("r+b") as backup:
        backup.truncate(2_000_000)
    run("sh", "-euc", f"context=organization_id=org_123\n{restore}", expect=1)
    assert not (place / "restored").exists() and not (place / "restore.failed").exists()


def test_data_key(place, vault):
    (place / "letter").write_text("Dear customer")
    assert run(EXAMPLES / "data_key.sh", "letter", "org_123") == "the data key came back\n"
    assert not list(place.glob("*.key"))


def test_retry_ends_at_once_where_it_cannot_help(place, vault):
    (place / "letter").write_text("Dear customer")
    assert run(EXAMPLES / "retry.sh", "letter", "letter.vault", "org_123") == '{"bytes":241,"output":"letter.vault"}\n'
    run(EXAMPLES / "retry.sh", "missing", "other.vault", "org_123", expect=3)


def test_bring_key(place, vault):
    (place / "letter").write_text("Dear customer")
    run("libvault", "encrypt", "--context", "organization_id=org_123", "--input", "letter", "--output", "letter.vault")
    key = vault / "org_123.key"
    run("libvault", "keygen", key)
    with (vault / "libvault.toml").open("a") as config:
        config.write(CUSTOMER_KEY)
    assert run(EXAMPLES / "bring_key.sh", "org_123", "letter.vault") == '"policy":"customer_gated"\n'
    assert run("libvault", "decrypt", "--context", "organization_id=org_123", "--input", "letter.vault") == "Dear customer"


def test_every_example_has_a_test():
    tested = pathlib.Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.iterdir() if f'"{path.name}"' not in tested] == []
