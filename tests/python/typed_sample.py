"""A program that uses everything, for a type checker: it is never run."""

import array
import asyncio
import gzip
import io
import pathlib
from collections import UserDict
from collections.abc import AsyncIterator
from typing import assert_type

import libvault

made = libvault.init(pathlib.Path("vault"))
assert_type(made, libvault.Initialized)
assert_type(made.config, pathlib.Path)

with libvault.open({"store": made.store, "root_key": {"provider": "local", "path": made.root_key}}) as vault:
    assert_type(vault, libvault.Vault)
    context = vault.context({"organization_id": "org_123"})
    assert_type(context, libvault.Context)
    assert_type(vault.encrypt(b"data", context), bytes)
    assert_type(vault.encrypt(bytearray(b"data"), UserDict({"a": "b"}), aad=memoryview(b"aad")), bytes)
    assert_type(vault.decrypt(array.array("B"), {"a": "b"}, b"aad"), bytes)
    assert_type(vault.encrypt_into(b"data", context, bytearray(1000)), int)
    assert_type(vault.decrypt_into(b"data", context, memoryview(bytearray(1000)), aad=None), int)
    assert_type(vault.encrypted_length_limit(64, context), int)
    decision = vault.match_context(context)
    assert_type(decision, libvault.Decision)
    assert_type([key_id for binding in decision.bindings for key_id in binding.key_ids], list[str])
    key = vault.create_data_key(context)
    assert_type((key.key, key.bundle), tuple[bytes, bytes])
    assert_type(vault.decrypt_data_key(key.bundle, context), libvault.DataKey)
    assert_type(vault.stats().kms_unwraps, int)
    assert_type(vault.with_options(timeout=2, actor="job 17").encrypt(b"data", context, timeout=0.5), bytes)
    assert_type(vault.rewrap(b"data", context, keep_data_key=True), bytes)
    assert_type(vault.reencrypt(b"data", context, allow_downgrade=True), bytes)
    assert_type(vault.rekey(b"data", context, {"a": "b"}), bytes)
    with vault.open_encrypt(pathlib.Path("file"), context, frame_size=4096) as writer, gzip.open(writer, "wb") as zipped:
        assert_type(writer, libvault.EncryptWriter)
        assert_type(writer.write(b"data"), int)
        zipped.write(b"data")
    with vault.open_decrypt(io.BytesIO(), context) as reader, io.TextIOWrapper(reader) as text:
        assert_type(reader, libvault.DecryptReader)
        assert_type((reader.read(), reader.read_at(0, 10), reader.readinto(bytearray())), tuple[bytes, bytes, int])
        assert_type(text.read(), str)
    assert_type(asyncio.run(asyncio.to_thread(vault.encrypt, b"data", context)), bytes)


async def pieces() -> AsyncIterator[bytes]:
    yield b"data"


async def serve() -> None:
    async with libvault.AsyncVault.open("libvault.toml") as vault:
        assert_type(vault, libvault.AsyncVault)
        assert_type(vault.vault, libvault.Vault)
        envelope = await vault.encrypt(b"data", vault.context({"a": "b"}), aad=bytearray(b"aad"))
        assert_type(envelope, bytes)
        assert_type(await vault.decrypt(memoryview(envelope), {"a": "b"}), bytes)
        key = await vault.create_data_key({"a": "b"})
        assert_type(await vault.decrypt_data_key(key.bundle, {"a": "b"}), libvault.DataKey)
        async with vault.open_encrypt("file", {"a": "b"}) as writer:
            assert_type(writer, libvault.AsyncEncryptWriter)
            async for piece in vault.encrypt_stream(pieces(), {"a": "b"}):
                assert_type(piece, bytes)
                await writer.write(piece)
        reader = await vault.open_decrypt("file", {"a": "b"})
        assert_type(await reader.read(10), bytes)
    assert_type(await libvault.AsyncVault.open(), libvault.AsyncVault)
    await vault.encrypt("text", {"a": "b"})  # type: ignore[arg-type]


try:
    libvault.open("libvault.toml").close()
except libvault.KeyDisabled as error:
    assert_type(error.code, int)
    assert_type(error.request_id, str | None)
except libvault.VaultError as error:
    assert_type(error.retryable, bool)

vault.encrypt("text", context)  # type: ignore[arg-type]
vault.encrypt(b"data", {"a": 1})  # type: ignore[dict-item]
vault.decrypt_into(b"data", context, None)  # type: ignore[arg-type]
