"""A vault that was opened before a fork works in the children."""

from __future__ import annotations

import multiprocessing
import os
import threading
from typing import Any

import pytest

import libvault
from conftest import CUSTOMER, MANAGED
from kms import IN_KMS, FaultyKms, with_kms

FORK = multiprocessing.get_context("fork")
inherited: libvault.Vault


def work(number: int) -> tuple[int, list[bytes], list[bytes]]:
    contexts = [MANAGED, CUSTOMER, {"user_id": f"new_{number % 3}"}]
    keys = [inherited.create_data_key(context) for context in contexts]
    envelopes = [inherited.encrypt(b"%d" % number, context) for context in contexts]
    for envelope, context in zip(envelopes, contexts, strict=True):
        assert inherited.decrypt(envelope, context) == b"%d" % number
    return os.getpid(), envelopes, [key.key for key in keys]


def test_a_pool_of_forked_children_shares_an_open_vault(gated: libvault.Vault) -> None:
    global inherited
    inherited = gated
    before = [work(0), work(1)]
    with FORK.Pool(3) as pool:
        done = pool.map(work, range(2, 40), chunksize=1)
    done += [*before, work(40)]
    assert len({process for process, _, _ in done}) >= 3
    # No random byte was drawn twice: message ids, managed keys, data keys.
    assert len({key for _, _, keys in done for key in keys}) == 3 * len(done)
    assert len({envelope[-40:] for _, envelopes, _ in done for envelope in envelopes}) == 3 * len(done)
    assert gated.decrypt(done[0][1][0], MANAGED) == b"2"


def child(vault: libvault.Vault, outcome: Any) -> None:
    vault.close()
    try:
        vault.encrypt(b"data", MANAGED)
    except libvault.VaultError as error:
        outcome.put(error.name)


def test_closing_in_a_child_closes_nothing_in_the_parent(vault: libvault.Vault) -> None:
    outcome: Any = FORK.SimpleQueue()
    process = FORK.Process(target=child, args=(vault, outcome))
    process.start()
    process.join(60)
    assert (process.exitcode, outcome.get()) == (0, "Closed")
    assert vault.decrypt(vault.encrypt(b"data", MANAGED), MANAGED) == b"data"


def ask(vault: libvault.Vault, outcome: Any) -> None:
    for context in (IN_KMS, MANAGED):
        try:
            vault.encrypt(b"data", context, timeout=0.3)
            outcome.put("done")
        except libvault.VaultError as error:
            outcome.put(error.name)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_while_another_thread_waits_for_a_kms(configuration: dict[str, Any]) -> None:
    with FaultyKms("never_answers") as kms, libvault.open(with_kms(configuration, kms.endpoint)) as vault:
        failures: list[str] = []

        def wait() -> None:
            try:
                vault.encrypt(b"data", IN_KMS, timeout=8)
            except libvault.VaultError as error:
                failures.append(error.name)

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not kms.operations:
            pass
        outcome: Any = FORK.SimpleQueue()
        process = FORK.Process(target=ask, args=(vault, outcome))
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert [outcome.get(), outcome.get()] == ["Timeout", "done"]
        waiting.join()
        assert failures == ["Timeout"]
