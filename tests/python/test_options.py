"""Timeouts, actors, Ctrl-C, reload and the log."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import libvault
from conftest import CUSTOMER, MANAGED
from kms import IN_KMS, FaultyKms, with_kms


@pytest.fixture
def stalled(configuration: dict[str, Any]) -> Iterator[tuple[libvault.Vault, FaultyKms]]:
    """A vault with a KMS that never answers, and half a minute of patience."""
    with FaultyKms("never_answers") as kms, libvault.open(with_kms(configuration, kms.endpoint)) as vault:
        yield vault, kms


def test_a_timeout_ends_a_call_and_only_that_one(stalled: tuple[libvault.Vault, FaultyKms]) -> None:
    vault, _ = stalled
    output = bytearray(1000)
    calls: list[Callable[[], object]] = [
        lambda: vault.encrypt(b"data", IN_KMS, timeout=0.05),
        lambda: vault.encrypt(bytes(100_000), IN_KMS, timeout=0.05),
        lambda: vault.encrypt_into(b"data", IN_KMS, output, timeout=0.05),
        lambda: vault.create_data_key(IN_KMS, timeout=0.05),
        lambda: vault.with_options(timeout=0.05).encrypt(b"data", IN_KMS),
        lambda: vault.with_options(timeout=300).with_options(actor="job 17").encrypt(b"data", IN_KMS, timeout=0.05),
        lambda: asyncio.run(libvault.AsyncVault(vault).encrypt(b"data", IN_KMS, timeout=0.05)),
        lambda: asyncio.run(libvault.AsyncVault(vault).with_options(timeout=0.05).create_data_key(IN_KMS)),
    ]
    started = time.monotonic()
    for call in calls:
        with pytest.raises(libvault.Timeout) as caught:
            call()
        assert caught.value.retryable
    assert time.monotonic() - started < 25, "the vault's own timeout is 30 seconds"
    assert vault.decrypt(vault.encrypt(b"data", MANAGED, timeout=0), MANAGED, timeout=1e6) == b"data"


@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan, math.inf, "1"])
def test_a_timeout_is_a_number_of_seconds(vault: libvault.Vault, timeout: Any) -> None:
    for call in (lambda: vault.encrypt(b"data", MANAGED, timeout=timeout), lambda: vault.with_options(timeout=timeout)):
        with pytest.raises((ValueError, TypeError)):
            call()


def test_actors_are_in_the_audit_trail(configuration: dict[str, Any], tmp_path: Path) -> None:
    trail = tmp_path / "audit.jsonl"
    with libvault.open(configuration | {"audit": {"sink": "file", "path": str(trail)}}) as vault:
        actor = vault.with_options(actor="job 17, for José")
        for size in (10, 100_000, 5_000_000):
            output = bytearray(actor.encrypted_length_limit(size, CUSTOMER))
            actor.decrypt(actor.encrypt(bytes(size), CUSTOMER), CUSTOMER)
            actor.encrypt_into(bytes(size), CUSTOMER, output)
        asyncio.run(libvault.AsyncVault(actor).encrypt(b"data", MANAGED))
        vault.encrypt(b"data", MANAGED)
        assert vault.stats().audit_events == 11
        for wrong in ("", "x" * 201):
            with pytest.raises(ValueError, match="200"):
                vault.with_options(actor=wrong)
    events = [json.loads(line) for line in trail.read_text("utf-8").splitlines()]
    assert [event.get("actor") for event in events] == ["job 17, for José"] * 10 + [None]
    assert "org_customer" not in trail.read_text("utf-8")


INTERRUPTED = """
import os, signal, sys, threading, time
import libvault

vault = libvault.open({configuration!r})
calls = [
    lambda: vault.encrypt(b"data", {context!r}),
    lambda: vault.encrypt(bytes(1_000_000), {context!r}),
    lambda: vault.encrypt_into(b"data", {context!r}, bytearray(1000)),
    lambda: vault.create_data_key({context!r}),
    lambda: vault.with_options(timeout=25).encrypt(b"data", {context!r}),
]
for call in calls:
    sent = []
    def interrupt():
        time.sleep(0.3)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt).start()
    try:
        call()
    except KeyboardInterrupt:
        print(round(1000 * (time.monotonic() - sent[0])))
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_ctrl_c_ends_a_call_that_waits_for_a_kms(configuration: dict[str, Any]) -> None:
    with FaultyKms("never_answers") as kms:
        opened = with_kms(plain(configuration), kms.endpoint)
        waited = run(INTERRUPTED.format(configuration=opened, context=IN_KMS)).split()
        assert len(kms.operations) == 5
    print("milliseconds from the signal to KeyboardInterrupt:", *waited)
    assert len(waited) == 5
    # 200 ms where the machine is idle; this is far from the 30 seconds of the vault's timeouts, however busy it is.
    assert max(map(int, waited)) < 5000, waited


def test_a_signal_handler_of_the_program_runs_and_what_it_raises_comes_out(stalled: tuple[libvault.Vault, FaultyKms]) -> None:
    vault, _ = stalled
    runs: list[int] = []

    class Reloaded(Exception):
        pass

    def handler(number: int, frame: object) -> None:
        runs.append(number)
        if len(runs) == 2:
            raise Reloaded

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(Reloaded):
            vault.encrypt(b"data", IN_KMS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(runs) >= 2
    assert vault.decrypt(vault.encrypt(b"data", MANAGED), MANAGED) == b"data"


def test_ctrl_c_is_the_main_threads_and_other_threads_wait_on(stalled: tuple[libvault.Vault, FaultyKms]) -> None:
    vault, kms = stalled
    ends: list[str] = []

    def work() -> None:
        try:
            vault.encrypt(b"data", IN_KMS, timeout=1.5)
        except libvault.Timeout as error:
            ends.append(error.name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(kms.operations) < 4:
        time.sleep(0.01)
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
        vault.encrypt(b"data", IN_KMS)
    for thread in threads:
        thread.join()
    assert ends == ["Timeout"] * 4


def test_reload_changes_the_rules_of_every_view(configuration: dict[str, Any]) -> None:
    with libvault.open(configuration) as vault:
        view, waiting = vault.with_options(timeout=5), libvault.AsyncVault(vault)
        envelope = vault.encrypt(b"data", CUSTOMER)
        suspended = {**configuration, "bindings": [{**configuration["bindings"][0], "state": "suspended"}]}
        vault.reload(suspended)
        for use in (vault, view):
            with pytest.raises(libvault.KeySuspended):
                use.decrypt(envelope, CUSTOMER)
        with pytest.raises(libvault.InvalidConfig):
            vault.reload({**configuration, "unheard_of": 1})
        with pytest.raises(libvault.KeySuspended):
            view.encrypt(b"data", CUSTOMER)
        asyncio.run(waiting.reload(configuration))
        assert view.decrypt(envelope, CUSTOMER) == b"data"
        assert vault.stats().reloads == 2


def test_log_records_have_a_level_and_a_name(configuration: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    development = {"aws": {"endpoint": "http://127.0.0.1:1"}, "development": {"allow_endpoint": True}}
    with caplog.at_level(logging.DEBUG, "libvault"), libvault.open(configuration | development | {"strict_names": False}) as vault:
        assert logged(caplog) == [(logging.WARNING, "development")] * 2
        vault.encrypt(b"data", {"organizationId": "org_1"})
        assert logged(caplog)[2:] == [(logging.WARNING, "misspelt_name")]
        asyncio.run(libvault.AsyncVault(vault).reload(configuration))
        assert logged(caplog)[3:] == [(logging.INFO, "reloaded")]
        with pytest.raises(libvault.InvalidConfig):
            vault.reload(configuration | {"root_key": {"provider": "local", "path": "/nowhere/root.key"}})
        assert logged(caplog)[4:] == [(logging.WARNING, "reload_failed")]
        assert {record.name for record in caplog.records} == {"libvault"}
        assert "org_1" not in caplog.text
    # Where a record points is where the program called.
    assert {Path(record.pathname).name for record in caplog.records[:3]} == {Path(__file__).name}


def test_a_log_handler_that_raises_breaks_no_verb(configuration: dict[str, Any]) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ZeroDivisionError

    handler = Broken()
    unraisable: list[Any] = []
    previous = sys.unraisablehook
    logging.getLogger("libvault").addHandler(handler)
    sys.unraisablehook = unraisable.append
    try:
        with libvault.open(configuration | {"strict_names": False}) as vault:
            vault.encrypt(b"data", {"organizationId": "org_1"})
    finally:
        logging.getLogger("libvault").removeHandler(handler)
        sys.unraisablehook = previous
    assert [type(one.exc_value) for one in unraisable] == [ZeroDivisionError]


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, Any]]:
    return [(record.levelno, record.__dict__["libvault_event"]) for record in caplog.records]


def plain(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration that can be written into a program."""
    plain_: dict[str, Any] = json.loads(json.dumps(configuration, default=str))
    return plain_
