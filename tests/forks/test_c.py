"""Forks of a C program: children use the vault that they inherit, whatever other threads of the parent were doing (promise P12)."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT, TARGET, check_disjoint

from servers import FaultyKms, HonestKms

STORM = 40


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("bin") / "forks"
    source = Path(__file__).parent / "forks.c"
    subprocess.run(
        ["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}", str(source)]
        + [str(TARGET / "libvault.a"), "-lpthread", "-ldl", "-lm", "-o", str(binary)],
        check=True,
    )
    return binary


class Lines:
    """What the program says, line by line, and what it made."""

    def __init__(self, process: subprocess.Popen):
        self._process = process
        self.envelopes: list[bytes] = []
        self.keys: list[bytes] = []
        self.children = 0

    def until(self, word: str) -> None:
        for line in self._process.stdout:
            who, what, *rest = line.split()
            if what == word:
                return
            {"envelope": self.envelopes, "key": self.keys}[what].append(bytes.fromhex(rest[0]))
            self.children += who == "child"
        raise AssertionError(f"the program ended before it said {word}")

    def rest(self) -> None:
        with pytest.raises(AssertionError):
            self.until("nothing more")
        assert self._process.wait() == 0

    def answer(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()


@contextmanager
def running(program: Path, part: str, config: Path, count: int = 0) -> Iterator[Lines]:
    command = [str(program), part, str(config), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Lines(process)
        finally:
            process.kill()


def check_store(config: Path) -> None:
    """The store is whole, and no item has two keys."""
    with sqlite3.connect(config.parent / "vault.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_fork_during_a_kms_call(program: Path, config: Path, kms: HonestKms) -> None:
    with running(program, "during-a-call", config) as lines:
        lines.until("ready")
        kms.hold()
        lines.answer()
        kms.wait_for_held()
        held = kms.answer_new()
        lines.answer()
        lines.until("forked")
        assert lines.children == 6, "the child used all three kinds of keys while its parent's call was held"
        held.set()
        lines.answer()
        lines.rest()
    check_disjoint(lines.envelopes, lines.keys)
    check_store(config)


def test_many_forks_while_all_threads_are_busy(program: Path, config: Path) -> None:
    with running(program, "storm", config, STORM) as lines:
        lines.rest()
    assert lines.children == STORM * 2 * 6
    check_disjoint(lines.envelopes, lines.keys)
    check_store(config)


def test_a_child_has_locks_of_its_own_on_the_store(program: Path, config: Path) -> None:
    log = config.parent / "vault.db-wal"
    with running(program, "outlast", config) as lines:
        lines.until("holds")
        # Whoever closes a store last removes its log. The parent has closed it, and so does this process; the child has not.
        sqlite3.connect(config.parent / "vault.db").execute("SELECT count(*) FROM managed_keys").connection.close()
        assert log.exists(), "the child's lock on the store is not there: SQLite was carried across the fork"
        lines.answer()
        lines.rest()
    check_disjoint(lines.envelopes, lines.keys)
    check_store(config)


def test_children_of_children(program: Path, config: Path) -> None:
    with running(program, "generations", config, 5) as lines:
        lines.rest()
    assert len(lines.envelopes) == 17
    check_disjoint(lines.envelopes, lines.keys)


def test_broken_connections_raise_no_signal(program: Path, make_vault: Callable[[str], Path]) -> None:
    with FaultyKms("resets") as broken, running(program, "broken-pipes", make_vault(broken.endpoint), 20) as lines:
        lines.until("alive")
        lines.rest()
