"""Bytes-like arguments of every sort, as input and as output."""

from __future__ import annotations

import array
import ctypes
import mmap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import libvault
from conftest import MANAGED

SIZES = [5, 70_000, 5_000_000]  # below, between and above the sizes at which the interpreter is released


def mapped(data: bytes) -> mmap.mmap:
    memory = mmap.mmap(-1, len(data))
    memory.write(data)
    return memory


READABLE: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "a subclass of bytes": type("Bytes", (bytes,), {}),
    "bytearray": bytearray,
    "memoryview of bytes": memoryview,
    "memoryview of bytearray": lambda data: memoryview(bytearray(data)),
    "part of a memoryview": lambda data: memoryview(b"before" + data + b"after")[6:-5],
    "array": lambda data: array.array("B", data),
    "mmap": mapped,
    "ctypes array": lambda data: (ctypes.c_ubyte * len(data)).from_buffer_copy(data),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", READABLE)
def test_every_bytes_like_object_is_read(vault: libvault.Vault, kind: str, size: int) -> None:
    make, data = READABLE[kind], bytes(i % 251 for i in range(size))
    envelope = vault.encrypt(make(data), MANAGED, make(b"aad"))
    assert vault.decrypt(make(envelope), MANAGED, make(b"aad")) == data
    assert libvault.decrypted_length(make(envelope)) == size
    assert libvault.inspect(make(envelope))["policy"] == "managed"


def test_wider_items_are_read_as_their_bytes(vault: libvault.Vault) -> None:
    numbers = array.array("I", [1, 2**31, 3])
    assert vault.decrypt(vault.encrypt(numbers, MANAGED), MANAGED) == numbers.tobytes()
    grid = memoryview(bytes(range(12))).cast("B", (3, 4))
    assert vault.decrypt(vault.encrypt(grid, MANAGED), MANAGED) == bytes(range(12))


def test_empty_buffers(vault: libvault.Vault) -> None:
    for empty in (b"", bytearray(), memoryview(b""), array.array("B")):
        envelope = vault.encrypt(empty, MANAGED, empty)
        assert vault.decrypt(envelope, MANAGED) == b""
        assert vault.decrypt_into(envelope, MANAGED, bytearray()) == 0
        with pytest.raises(libvault.Malformed):
            vault.decrypt(empty, MANAGED)


@pytest.mark.parametrize("wrong", ["text", None, 7, 1.5, [1, 2], ("a",), object(), {"a": "b"}])
def test_what_is_not_bytes_is_a_type_error(vault: libvault.Vault, wrong: Any) -> None:
    envelope = vault.encrypt(b"data", MANAGED)
    calls: list[Callable[[], object]] = [
        lambda: vault.encrypt(wrong, MANAGED),
        lambda: vault.decrypt(wrong, MANAGED),
        lambda: vault.encrypt_into(b"data", MANAGED, wrong),
        lambda: vault.decrypt_into(envelope, MANAGED, wrong),
        lambda: vault.decrypt_data_key(wrong, MANAGED),
        lambda: libvault.inspect(wrong),
        lambda: libvault.decrypted_length(wrong),
    ]
    if wrong is not None:
        calls.append(lambda: vault.encrypt(b"data", MANAGED, wrong))
    for call in calls:
        with pytest.raises(TypeError, match="bytes-like object is required, not"):
            call()


def test_memory_with_gaps_is_refused(vault: libvault.Vault) -> None:
    gaps = memoryview(bytearray(2000))[::2]
    for call in (
        lambda: vault.encrypt(gaps, MANAGED),
        lambda: vault.encrypt(b"data", MANAGED, gaps),
        lambda: vault.encrypt_into(b"data", MANAGED, gaps),
    ):
        with pytest.raises(BufferError, match="contiguous"):
            call()


def test_a_released_memoryview_is_refused(vault: libvault.Vault) -> None:
    view = memoryview(b"data")
    view.release()
    with pytest.raises(ValueError, match="released"):
        vault.encrypt(view, MANAGED)


@pytest.mark.parametrize("output", [b"x" * 1000, memoryview(b"x" * 1000)])
def test_read_only_output_is_a_type_error(vault: libvault.Vault, output: Any) -> None:
    with pytest.raises(TypeError, match="output: a writable bytes-like object is required"):
        vault.encrypt_into(b"data", MANAGED, output)
    assert bytes(output) == b"x" * 1000


def writable(size: int) -> Iterator[Any]:
    yield bytearray(size)
    yield memoryview(bytearray(size + 2))[1:-1]
    yield array.array("B", bytes(size))
    yield mapped(bytes(size))
    yield (ctypes.c_ubyte * size)()


@pytest.mark.parametrize("size", SIZES)
def test_every_writable_object_is_written(vault: libvault.Vault, size: int) -> None:
    data = b"d" * size
    length = vault.encrypted_length_limit(size, MANAGED)
    for envelope in writable(length):
        assert vault.encrypt_into(data, MANAGED, envelope) == length
        for opened in writable(size):
            assert vault.decrypt_into(envelope, MANAGED, opened) == size
            assert bytes(opened) == data


@pytest.mark.parametrize("size", SIZES)
def test_input_and_output_may_be_the_same_memory(vault: libvault.Vault, size: int) -> None:
    memory = bytearray(b"d" * vault.encrypted_length_limit(size, MANAGED))
    written = vault.encrypt_into(memoryview(memory)[:size], MANAGED, memory, memory)
    assert vault.decrypt_into(memory, MANAGED, memory, b"d" * written) == size
    assert memory[:size] == b"d" * size


def test_a_bytearray_is_free_again_after_the_call(vault: libvault.Vault) -> None:
    data, output = bytearray(b"data"), bytearray(1000)
    vault.encrypt_into(data, MANAGED, output)
    with pytest.raises(libvault.BufferTooSmall):
        vault.encrypt_into(data, MANAGED, bytearray(1))
    data.extend(b"more")
    output.clear()


def test_a_negative_length_is_refused(vault: libvault.Vault) -> None:
    with pytest.raises(OverflowError):
        vault.encrypted_length_limit(-1, MANAGED)
