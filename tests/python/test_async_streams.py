"""The streams of `AsyncVault`."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

import libvault
from conftest import CUSTOMER, MANAGED
from kms import IN_KMS, FaultyKms, with_kms
from test_async import until

if TYPE_CHECKING:
    from typing_extensions import Buffer

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine to its end in a new loop."""
    runner: Run = request.param
    return runner


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("size", [1, 1000, 70_000, 3_000_000])
@pytest.mark.parametrize("context", [MANAGED, CUSTOMER])
def test_asynchronous_iterators(run: Run, configuration: dict[str, Any], context: dict[str, str], size: int) -> None:
    async def main() -> None:
        async with libvault.AsyncVault.open(configuration) as vault:
            data = os.urandom(1_000_003 if size > 1 else 300)
            envelope = await joined(vault.encrypt_stream(in_pieces(data, size), context, b"aad"))
            assert await vault.decrypt(envelope, context, b"aad") == data
            assert await joined(vault.decrypt_stream(in_pieces(envelope, size), context, b"aad")) == data
            one_shot = await vault.encrypt(data, context)
            assert await joined(vault.decrypt_stream(in_pieces(one_shot, size), context)) == data
            for cut in (1, 16, 17, 70_000):
                with pytest.raises(libvault.VaultError) as caught:
                    await joined(vault.decrypt_stream(in_pieces(envelope[:-cut], size), context, b"aad"))
                assert caught.value.name in ("Malformed", "AuthenticationFailed")
            with pytest.raises(libvault.ContextMismatch):
                await joined(vault.decrypt_stream(in_pieces(envelope, size), {"organization_id": "other"}, b"aad"))
            assert await joined(vault.decrypt_stream(vault.encrypt_stream(in_pieces(b"", 1), context), context)) == b""

    run(main())


def test_files(run: Run, configuration: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        data = os.urandom(1_000_003)
        async with libvault.AsyncVault.open(configuration) as vault:
            async with vault.open_encrypt(tmp_path / "file.lve", CUSTOMER, b"aad") as writer:
                for start in range(0, len(data), 999):
                    await writer.write(data[start : start + 999])
                assert not (tmp_path / "file.lve").exists()
            async with vault.open_decrypt(tmp_path / "file.lve", CUSTOMER, aad=b"aad") as reader:
                assert await reader.read(10) == data[:10] and reader.tell() == 10
                assert await reader.read_at(500_000, 100) == data[500_000:500_100]
                assert await reader.seek(-5, os.SEEK_END) == len(data) - 5 and await reader.read() == data[-5:]
                await reader.seek(0)
                assert b"".join([piece async for piece in reader]) == data
            writer = await vault.open_encrypt(io.BytesIO(), MANAGED)
            await writer.close()
            with pytest.raises(ValueError, match="closed"):
                await writer.write(b"")
            with pytest.raises(ZeroDivisionError):
                async with vault.open_encrypt(tmp_path / "other.lve", MANAGED) as writer:
                    await writer.write(data)
                    raise ZeroDivisionError
            with pytest.raises(FileNotFoundError):
                await vault.open_decrypt(tmp_path / "nothing", MANAGED)
            (tmp_path / "plain").write_bytes(data)
            await vault.encrypt_file(tmp_path / "plain", tmp_path / "plain.lve", MANAGED)
            await vault.decrypt_file(tmp_path / "plain.lve", tmp_path / "copy", MANAGED)
            assert (tmp_path / "copy").read_bytes() == data
            (tmp_path / "cut.lve").write_bytes((tmp_path / "plain.lve").read_bytes()[:-1])
            with pytest.raises(libvault.AuthenticationFailed):
                await vault.decrypt_file(tmp_path / "cut.lve", tmp_path / "plain", MANAGED, replace=True)
        assert (tmp_path / "plain").read_bytes() == data
        assert {entry.name for entry in tmp_path.iterdir()} == {"vault", "file.lve", "plain", "plain.lve", "copy", "cut.lve"}

    run(main())


class Blocked(io.BytesIO):
    """A file object that does nothing until it may."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(data)
        self.used, self.may = threading.Event(), threading.Event()

    def write(self, data: Buffer, /) -> int:
        self._wait()
        return super().write(data)

    def read(self, size: int | None = -1, /) -> bytes:
        self._wait()
        return super().read(size)

    def _wait(self) -> None:
        self.used.set()
        assert self.may.wait(60)


def test_tasks_that_write_at_once_write_in_order(run: Run, configuration: dict[str, Any]) -> None:
    async def main() -> None:
        pieces = [bytes([number]) * size for number, size in enumerate([300_000, 10, 700_000, 0, 262_144, 5_000_000, 1])]
        async with libvault.AsyncVault.open(configuration) as vault:
            target = io.BytesIO()
            writer = await vault.open_encrypt(target, MANAGED)
            written = asyncio.gather(*(writer.write(piece) for piece in pieces))
            await asyncio.sleep(0)
            await writer.close()
            assert await written == [len(piece) for piece in pieces]
            assert await vault.decrypt(target.getvalue(), MANAGED) == b"".join(pieces)

    run(main())


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_what_a_cancelled_task_wrote_has_its_place(run: Run, configuration: dict[str, Any], cancelled: int) -> None:
    async def main() -> None:
        pieces = [bytes([number]) * 400_000 for number in range(3)]
        async with libvault.AsyncVault.open(configuration) as vault:
            target = Blocked()
            async with vault.open_encrypt(target, MANAGED) as writer:
                tasks = [asyncio.create_task(writer.write(piece)) for piece in pieces]
                await until(target.used.is_set)
                tasks[cancelled].cancel()
                await asyncio.sleep(0.01)
                target.may.set()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
                assert [type(end) for end in ends].index(asyncio.CancelledError) == cancelled
            assert await vault.decrypt(target.getvalue(), MANAGED) == b"".join(pieces)

    run(main())


def test_a_loop_that_ends_over_a_write_loses_nothing(run: Run, configuration: dict[str, Any]) -> None:
    """Its tasks are cancelled before the only thread comes to the write."""
    writers = []
    target, may = io.BytesIO(), threading.Event()

    async def begin(vault: libvault.AsyncVault) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        writers.append(await vault.open_encrypt(target, MANAGED))
        loop.run_in_executor(None, may.wait, 60)
        task = asyncio.create_task(writers[0].write(bytes(400_000)))
        await asyncio.sleep(0.01)
        assert not task.done()
        loop.call_later(0.1, may.set)

    async def end(vault: libvault.AsyncVault) -> None:
        await writers[0].write(b"the end")
        await writers[0].close()
        assert await vault.decrypt(target.getvalue(), MANAGED) == bytes(400_000) + b"the end"

    with libvault.open(configuration) as plain:
        run(begin(libvault.AsyncVault(plain)))
        run(end(libvault.AsyncVault(plain)))


def test_a_write_that_was_left_alone_leaves_no_envelope(configuration: dict[str, Any], tmp_path: Path) -> None:
    """A loop that is thrown away with its tasks waits for nothing."""
    with libvault.open(configuration) as plain:
        vault, target = libvault.AsyncVault(plain), Blocked()
        loop = asyncio.new_event_loop()
        writer = loop.run_until_complete(vault.open_encrypt(target, MANAGED)._open())
        task = loop.create_task(writer.write(bytes(400_000)))
        loop.run_until_complete(until(target.used.is_set))
        loop.close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        del task, loop
        gc.collect()
        with pytest.raises((OSError, RuntimeError)):
            asyncio.run(writer.close())
        target.may.set()
        with pytest.raises(libvault.VaultError):
            plain.decrypt(target.getvalue(), MANAGED)


def test_a_cancelled_read_ends_at_once(run: Run, configuration: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with libvault.AsyncVault.open(configuration) as vault:
            source = Blocked(await vault.encrypt(bytes(100_000), MANAGED))
            reader = await vault.open_decrypt(source, MANAGED)
            task, queued = asyncio.create_task(reader.read()), asyncio.create_task(reader.read(5))
            await until(source.used.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            for late in (queued, reader.read(1), reader.read_at(0, 1), reader.seek(0)):
                with pytest.raises(ValueError, match="cancelled"):
                    await late
            with pytest.raises(ValueError, match="cancelled"):
                reader.tell()
            await reader.close()
            assert not source.may.is_set()
            source.may.set()
            assert not source.closed

    run(main())


def test_the_file_of_a_cancelled_read_is_closed_when_the_read_returns(run: Run, configuration: dict[str, Any], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    other_end = os.open(pipe, os.O_RDWR)

    def opened() -> int:
        links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
        return sum(os.path.realpath(link) == str(pipe) for link in links)

    async def main() -> None:
        async with libvault.AsyncVault.open(configuration) as vault:

            async def read() -> None:
                async with vault.open_decrypt(pipe, MANAGED) as reader:
                    await reader.read()

            task = asyncio.create_task(read())
            await until(lambda: opened() == 2)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            os.write(other_end, b"LVE")
            await until(lambda: opened() == 1)

    try:
        run(main())
    finally:
        os.close(other_end)


def test_a_task_that_waits_for_its_turn_may_be_cancelled(run: Run, configuration: dict[str, Any]) -> None:
    async def main() -> None:
        data = os.urandom(100_000)
        async with libvault.AsyncVault.open(configuration) as vault:
            source = Blocked(await vault.encrypt(data, MANAGED))
            async with vault.open_decrypt(source, MANAGED) as reader:
                first, waiting = asyncio.create_task(reader.read(10)), asyncio.create_task(reader.read(10))
                await until(source.used.is_set)
                waiting.cancel()
                source.may.set()
                assert await first == data[:10]
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert reader.tell() == 10 and await reader.read() == data[10:]

    run(main())


def test_a_cancelled_copy_leaves_nothing(run: Run, configuration: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        with open(tmp_path / "plain", "wb") as file:
            file.truncate(1 << 30)
        async with libvault.AsyncVault.open(configuration) as vault:
            task = asyncio.create_task(vault.encrypt_file(tmp_path / "plain", tmp_path / "plain.lve", MANAGED))
            await until(lambda: vault.stats().streams_opened == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert {entry.name for entry in tmp_path.iterdir()} == {"vault", "plain"}

    run(main())


def test_streams_wait_for_a_kms_without_a_thread_each(run: Run, configuration: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        with FaultyKms("never_answers") as kms:
            async with libvault.AsyncVault.open(with_kms(configuration, kms.endpoint)) as vault:
                waiting: list[Coroutine[Any, Any, Any]] = [joined(vault.encrypt_stream(in_pieces(b"data", 1), IN_KMS)) for _ in range(20)]
                waiting += [open_(vault, tmp_path / f"file-{number}") for number in range(20)]
                tasks = [asyncio.create_task(one) for one in waiting]
                await until(lambda: len(kms.operations) == 40)
                for task in tasks:
                    task.cancel()
                assert {type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)} == {asyncio.CancelledError}
        with FaultyKms("disabled") as kms:
            async with libvault.AsyncVault.open(with_kms(configuration, kms.endpoint)) as vault:
                with pytest.raises(libvault.KeyDisabled):
                    await joined(vault.encrypt_stream(in_pieces(b"data", 1), IN_KMS))
                with pytest.raises(libvault.KeyDisabled):
                    await vault.encrypt_file(__file__, tmp_path / "file", IN_KMS)
        assert [entry.name for entry in tmp_path.iterdir()] == ["vault"]

    run(main())


async def open_(vault: libvault.AsyncVault, path: Path) -> None:
    async with vault.open_encrypt(path, IN_KMS):
        raise AssertionError("it opened")
