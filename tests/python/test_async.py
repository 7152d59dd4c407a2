"""`AsyncVault` under asyncio and under uvloop."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import select
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvloop

import libvault
from conftest import CUSTOMER, MANAGED
from kms import IN_KMS, FaultyKms, with_kms
from libvault._libvault import LoopCalls

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine to its end in a new loop."""
    runner: Run = request.param
    return runner


def test_bytes_come_back(run: Run, configuration: dict[str, Any]) -> None:
    async def main() -> None:
        async with libvault.AsyncVault.open(configuration) as vault:
            context = vault.context(MANAGED)
            contexts: list[Any] = [context, MANAGED, CUSTOMER]
            for chosen in contexts:
                for data in (b"", b"x", bytes(70_000), bytes(3_000_000)):
                    envelope = await vault.encrypt(data, chosen, b"aad")
                    assert await vault.decrypt(bytearray(envelope), chosen, aad=memoryview(b"aad")) == data
                    assert vault.vault.decrypt(envelope, chosen, b"aad") == data
                key = await vault.create_data_key(chosen)
                assert (await vault.decrypt_data_key(key.bundle, chosen)).key == key.key
            assert vault.match_context(CUSTOMER).policy == "customer_gated"
            assert vault.stats().kms_wraps > 0
        with pytest.raises(libvault.Closed):
            await vault.encrypt(b"data", MANAGED)

    run(main())


def test_errors_are_those_of_the_plain_vault(run: Run, configuration: dict[str, Any]) -> None:
    async def main() -> None:
        vault = await libvault.AsyncVault.open(configuration)
        wrong: Any = "text"
        for length in (10, 3_000_000):
            envelope = await vault.encrypt(bytes(length), MANAGED)
            with pytest.raises(libvault.AuthenticationFailed):
                await vault.decrypt(envelope[:-1] + bytes([envelope[-1] ^ 1]), MANAGED)
            with pytest.raises(libvault.ContextMismatch):
                await vault.decrypt(envelope, CUSTOMER)
        with pytest.raises(libvault.InvalidContext):
            await vault.create_data_key({})
        with pytest.raises(TypeError):
            await vault.encrypt(wrong, MANAGED)
        await vault.close()

    run(main())
    with pytest.raises(libvault.InvalidConfig):
        run(open_nothing())


async def open_nothing() -> None:
    await libvault.AsyncVault.open()


def test_a_refusal_of_the_kms_is_heard(run: Run, configuration: dict[str, Any]) -> None:
    async def main() -> None:
        with FaultyKms("disabled") as kms:
            async with libvault.AsyncVault.open(with_kms(configuration, kms.endpoint)) as vault:
                calls: list[Awaitable[object]] = [
                    vault.encrypt(b"data", IN_KMS),
                    vault.encrypt(bytearray(1_000_000), IN_KMS),
                    vault.create_data_key(IN_KMS),
                ]
                for call in calls:
                    with pytest.raises(libvault.KeyDisabled) as caught:
                        await call
                    assert (caught.value.key_id, caught.value.operation) == ("key_aws", "wrap")

    run(main())


def test_local_work_starts_no_runtime_and_small_work_no_thread(configuration: dict[str, Any]) -> None:
    program = f"""
import asyncio, os
import libvault

async def main():
    vault = libvault.AsyncVault(libvault.open({({**configuration, "store": str(configuration["store"]), "root_key": {"provider": "local", "path": str(configuration["root_key"]["path"])}, "bindings": []})!r}))
    vault.vault.encrypt(b"data", {MANAGED!r})
    for _ in range(100):
        envelope = await vault.encrypt(b"data", {MANAGED!r})
        assert await vault.decrypt(envelope, {MANAGED!r}) == b"data"
    assert len(os.listdir("/proc/self/task")) == 1
    await vault.encrypt(bytes(3_000_000), {MANAGED!r})
    names = [open(f"/proc/self/task/{{task}}/comm").read().strip() for task in os.listdir("/proc/self/task")]
    assert "libvault" not in names, names

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_a_hundred_calls_wait_for_a_kms_without_a_thread_each_and_the_loop_goes_on(run: Run, configuration: dict[str, Any]) -> None:
    async def main() -> None:
        with FaultyKms("never_answers") as kms:
            async with libvault.AsyncVault.open(with_kms(configuration, kms.endpoint)) as vault:
                threads = native_threads()
                tasks = [asyncio.create_task(vault.encrypt(b"data", IN_KMS)) for _ in range(100)]
                # So many calls to one key are under way at once (docs/leases.md); the others wait for their turn.
                await until(lambda: len(kms.operations) == 64)
                # The server is in this process and has a thread for each connection, which Python knows; the library's are the others.
                assert native_threads() - threads <= 2
                assert await vault.decrypt(await vault.encrypt(b"other", MANAGED), MANAGED) == b"other"
                for task in tasks:
                    task.cancel()
                assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))

    run(main())


def test_cancelling_a_task_ends_its_call_to_the_kms(run: Run, configuration: dict[str, Any]) -> None:
    """The server sees the connection close long before the timeouts of the vault, which are half a minute."""

    async def main() -> None:
        with FaultyKms("never_answers") as kms:
            async with libvault.AsyncVault.open(with_kms(configuration, kms.endpoint)) as vault:
                for call in (vault.encrypt(b"data", IN_KMS), vault.encrypt(bytes(500_000), IN_KMS), vault.create_data_key(IN_KMS)):
                    asked = len(kms.operations)
                    task = asyncio.create_task(asyncio.wait_for(call, 300))
                    await until(lambda: len(kms.operations) > asked)
                    assert connections_to(kms.endpoint) == 1
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                    await until(lambda: connections_to(kms.endpoint) == 0)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await vault.encrypt(b"data", IN_KMS)

    run(main())


def test_a_result_that_races_with_a_cancel_hurts_nobody(run: Run, configuration: dict[str, Any]) -> None:
    async def main() -> None:
        with FaultyKms("disabled") as kms:
            async with libvault.AsyncVault.open(with_kms(configuration, kms.endpoint)) as vault:
                ends: list[object] = []
                for turn in range(60):
                    task = asyncio.create_task(vault.create_data_key(IN_KMS))
                    await asyncio.sleep(turn * 0.0001)
                    task.cancel()
                    ends += await asyncio.gather(task, return_exceptions=True)
                assert {type(end) for end in ends} <= {asyncio.CancelledError, libvault.KeyDisabled}
                with pytest.raises(libvault.KeyDisabled):
                    await vault.create_data_key(IN_KMS)

    run(main())


def test_a_result_that_nobody_wants_any_more_does_not_wait(configuration: dict[str, Any]) -> None:
    on_runtime = 2
    with libvault.open(configuration) as vault:
        calls = LoopCalls()

        def start() -> int:
            number = calls.decrypt(on_runtime, vault, vault.encrypt(b"secret", MANAGED), MANAGED, None, None)
            assert isinstance(number, int)
            return number

        unwanted = start()
        select.select([calls], [], [], 30)
        calls.cancel(unwanted)
        assert calls.ended() == []
        # One that is cancelled before its end does not come either, and one that was not does.
        calls.cancel(start())
        wanted = start()
        ended: list[Any] = []
        while not ended and select.select([calls], [], [], 30)[0]:
            ended += calls.ended()
        assert ended == [(wanted, b"secret", None)]


def test_a_loop_that_is_closed_over_a_running_call(configuration: dict[str, Any]) -> None:
    with FaultyKms("never_answers") as kms, libvault.open(with_kms(configuration, kms.endpoint)) as plain:
        vault = libvault.AsyncVault(plain)
        for new_loop in (asyncio.new_event_loop, uvloop.new_event_loop):
            asked = len(kms.operations)
            loop = new_loop()
            task = loop.create_task(vault.encrypt(b"data", IN_KMS))
            while len(kms.operations) == asked:
                loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            del task, loop
            gc.collect()
            deadline = time.monotonic() + 30
            while connections_to(kms.endpoint) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert connections_to(kms.endpoint) == 0
        asyncio.run(finish(vault))


async def finish(vault: libvault.AsyncVault) -> None:
    assert await vault.decrypt(await vault.encrypt(b"data", MANAGED), MANAGED) == b"data"


def test_many_loops_in_many_threads_share_a_vault(configuration: dict[str, Any]) -> None:
    failures: list[BaseException] = []

    async def work(vault: libvault.AsyncVault) -> None:
        for _ in range(20):
            await finish(vault)
            with pytest.raises(libvault.KeyDisabled):
                await vault.encrypt(b"data", IN_KMS)

    def one_loop(run: Run, vault: libvault.AsyncVault) -> None:
        try:
            run(work(vault))
        except BaseException as failure:
            failures.append(failure)

    with FaultyKms("disabled") as kms, libvault.open(with_kms(configuration, kms.endpoint)) as plain:
        vault = libvault.AsyncVault(plain)
        threads = [threading.Thread(target=one_loop, args=(runner, vault)) for runner in (asyncio.run, uvloop.run) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_no_descriptor_is_left_behind(configuration: dict[str, Any]) -> None:
    async def ask(vault: libvault.AsyncVault) -> None:
        with pytest.raises(libvault.KeyDisabled):
            await vault.encrypt(b"data", IN_KMS)

    with FaultyKms("disabled") as kms, libvault.open(with_kms(configuration, kms.endpoint)) as plain:
        vault = libvault.AsyncVault(plain)
        counts = []
        for _ in range(10):
            asyncio.run(ask(vault))
            gc.collect()
            counts.append(len(os.listdir("/proc/self/fd")))
    assert counts[-1] <= counts[1]


def test_an_interpreter_that_ends_over_a_running_call(configuration: dict[str, Any]) -> None:
    with FaultyKms("never_answers") as kms:
        paths = {"store": str(configuration["store"]), "root_key": {"provider": "local", "path": str(configuration["root_key"]["path"])}, "bindings": []}
        program = f"""
import asyncio, threading, time
import libvault

async def forget(vault):
    asyncio.create_task(vault.encrypt(b"data", {IN_KMS!r}))
    await asyncio.sleep(0.3)

vault = libvault.open({with_kms(paths, kms.endpoint)!r})
# A daemon thread whose loop is still running when the interpreter goes away.
def run():
    loop = asyncio.new_event_loop()
    loop.create_task(forget(libvault.AsyncVault(vault)))
    loop.run_forever()
threading.Thread(target=run, daemon=True).start()
time.sleep(0.5)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        assert kms.operations == ["Encrypt"]


def test_it_does_not_travel(configuration: dict[str, Any]) -> None:
    with libvault.open(configuration) as plain:
        vault = libvault.AsyncVault(plain)
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            pickle.dumps(vault)
        assert repr(vault) == "<libvault.AsyncVault>" and vault.vault is plain


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that happens soon, or fails the test."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


def native_threads() -> int:
    """The threads of the process that Python did not start."""
    return len(os.listdir("/proc/self/task")) - threading.active_count()


def connections_to(endpoint: str) -> int:
    """This process's established connections to a port, as the kernel lists them."""
    port = f":{int(endpoint.rpartition(':')[2]):04X}"
    with open("/proc/self/net/tcp", encoding="ascii") as table:
        return sum(fields[2].endswith(port) and fields[3] == "01" for fields in map(str.split, table))
