"""The streams of `AsyncVault`."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

import libvault
from conftest import CUSTOMER, MANAGED
from kms import IN_KMS, FaultyKms, with_kms
from test_async import until

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
