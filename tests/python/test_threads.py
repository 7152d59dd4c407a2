"""One vault, many threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import libvault
from conftest import CUSTOMER, MANAGED

THREADS = 8


def in_threads(work: Callable[[int], None]) -> None:
    """Runs the work in all threads at once; the first exception comes out."""
    start = threading.Barrier(THREADS)

    def run(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run, number) for number in range(THREADS)]:
            done.result(timeout=120)


@pytest.mark.parametrize("size", [64, 40_000])
def test_eight_threads_share_a_vault_and_its_contexts(gated: libvault.Vault, size: int) -> None:
    shared = [gated.context(MANAGED), gated.context(CUSTOMER)]

    def work(number: int) -> None:
        for turn in range(100):
            data = bytes([number, turn]) * (size // 2)
            own = {"user_id": f"user_{number}_{turn % 5}"}
            contexts: list[libvault.Context | dict[str, str]] = [*shared, own]
            for context in contexts:
                assert gated.decrypt(gated.encrypt(data, context), context) == data

    in_threads(work)


def test_threads_that_race_for_one_items_key(vault: libvault.Vault) -> None:
    envelopes: list[bytes] = []

    def work(number: int) -> None:
        envelopes.append(vault.encrypt(bytes([number]), {"user_id": "new"}))

    in_threads(work)
    assert sorted(vault.decrypt(envelope, {"user_id": "new"}) for envelope in envelopes) == [bytes([i]) for i in range(THREADS)]


def test_input_that_changes_during_the_call_is_harmless(vault: libvault.Vault) -> None:
    """Either the bytes before or those after a change are encrypted; the envelope always opens."""
    memory, stop = bytearray(b"a" * 300_000), threading.Event()

    def change() -> None:
        while not stop.is_set():
            memory[:] = b"b" * 300_000
            memory[:] = b"a" * 300_000

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(50):
            opened = vault.decrypt(vault.encrypt(memory, MANAGED), MANAGED)
            assert opened in (b"a" * 300_000, b"b" * 300_000)
    finally:
        stop.set()
        changer.join()


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_one_output_for_many_threads_gets_whole_results(vault: libvault.Vault, size: int) -> None:
    output = bytearray(vault.encrypted_length_limit(size, MANAGED))

    def work(number: int) -> None:
        for _ in range(10):
            assert vault.encrypt_into(bytes([number]) * size, MANAGED, output) == len(output)

    in_threads(work)
    assert len(set(vault.decrypt(output, MANAGED))) == 1


@pytest.fixture
def no_switching() -> Iterator[None]:
    """Threads change only where one lets go of the interpreter."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(interval)


def test_large_work_lets_other_threads_run(vault: libvault.Vault, no_switching: None) -> None:
    go, ran = threading.Event(), threading.Event()

    def other() -> None:
        go.wait()
        ran.set()

    thread = threading.Thread(target=other)
    thread.start()
    data = bytes(1 << 22)
    go.set()
    for _ in range(1000):
        vault.encrypt(data, MANAGED)
        if ran.is_set():
            break
    was_run = ran.is_set()
    thread.join()
    assert was_run


def test_closing_with_calls_in_flight(made: libvault.Initialized) -> None:
    vault = libvault.open(made.config)
    context = vault.context(MANAGED)
    vault.encrypt(b"data", context)

    def work(number: int) -> None:
        if number == 0:
            vault.close()
            return
        for _ in range(2000):
            try:
                vault.encrypt(b"x" * 40_000, context)
            except libvault.Closed:
                return
        raise AssertionError("the vault was closed")

    in_threads(work)


def test_many_vaults_at_once(tmp_path: Path) -> None:
    def work(number: int) -> None:
        made = libvault.init(tmp_path / f"vault-{number}")
        for _ in range(5):
            with libvault.open(made.config) as vault:
                assert vault.decrypt(vault.encrypt(b"data", MANAGED), MANAGED) == b"data"

    in_threads(work)
