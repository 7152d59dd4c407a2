"""`open_encrypt`, `open_decrypt`, `encrypt_file` and `decrypt_file`."""

from __future__ import annotations

import csv
import gzip
import io
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import libvault
from conftest import CUSTOMER, MANAGED
from kms import IN_KMS, FaultyKms, with_kms

FRAME = 65536
SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 1, 1_000_003]


def sample(size: int) -> bytes:
    return (b"%07d" * (size // 7 + 1) % tuple(range(size // 7 + 1)))[:size] if size < 10_000 else os.urandom(size)


def sealed(vault: libvault.Vault, data: bytes, context: dict[str, str] = MANAGED, **options: Any) -> bytes:
    memory = io.BytesIO()
    with vault.open_encrypt(memory, context, **options) as writer:
        writer.write(data)
    return memory.getvalue()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("context", [MANAGED, CUSTOMER])
def test_what_was_written_is_read(gated: libvault.Vault, tmp_path: Path, context: dict[str, str], size: int) -> None:
    data, path = sample(size), tmp_path / "file.lve"
    with gated.open_encrypt(path, context, b"aad") as writer:
        assert writer.writable() and not writer.readable() and not writer.seekable()
        for start in range(0, size, 10_007):
            piece = data[start : start + 10_007]
            assert writer.write(piece) == len(piece)
        assert not path.exists()
    assert writer.closed
    with gated.open_decrypt(str(path), context, aad=memoryview(b"aad")) as reader:
        assert reader.read() == data and reader.read() == reader.read(5) == b""
    assert gated.decrypt(path.read_bytes(), context, b"aad") == data
    with gated.open_decrypt(io.BytesIO(gated.encrypt(data, context)), context) as one_shot:
        assert one_shot.read() == data
    with pytest.raises(libvault.AuthenticationFailed), gated.open_decrypt(path, context) as reader:
        reader.read()
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith((".lve", ".tmp"))] == ["file.lve"]


def test_every_sort_of_read_and_write(vault: libvault.Vault) -> None:
    memory = io.BytesIO()
    with vault.open_encrypt(memory, MANAGED, frame_size=4096) as writer:
        writer.writelines([b"first\n", bytearray(b"second\n"), memoryview(b"third")])
        assert writer.write(memoryview(bytes(range(12))).cast("B", (3, 4))) == 12
        writer.flush()
        with pytest.raises(TypeError):
            writer.write("text")  # type: ignore[arg-type]
        with pytest.raises(io.UnsupportedOperation):
            writer.read()
    assert not memory.closed
    memory.seek(0)
    with vault.open_decrypt(memory, MANAGED) as reader:
        assert reader.readable() and reader.seekable() and not reader.writable()
        assert reader.readline() == b"first\n"
        assert next(reader) == b"second\n"
        assert (reader.read(2), reader.peek(1)[:1], reader.tell()) == (b"th", b"i", 15)
        buffer = bytearray(5)
        assert reader.readinto(buffer) == 5 and buffer == b"ird\x00\x01"
        assert reader.seek(0) == 0 and reader.readlines()[:2] == [b"first\n", b"second\n"]
        assert reader.seek(-2, os.SEEK_END) == 28 and reader.read() == bytes([10, 11])
        assert reader.seek(1) == 1 and reader.seek(4, os.SEEK_CUR) == 5 and reader.read(3) == b"\nse"
        assert reader.seek(1000) == 1000 and reader.read() == b""
        with pytest.raises((OSError, ValueError)):
            reader.seek(-1)
    assert not memory.closed
    for use in (reader.read, lambda: reader.read_at(0, 1), lambda: reader.seek(0), lambda: writer.write(b""), writer.writable):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_read_at(vault: libvault.Vault, tmp_path: Path) -> None:
    data = sample(300_007)
    vault_file = tmp_path / "file.lve"
    vault_file.write_bytes(sealed(vault, data, frame_size=4096))
    with vault.open_decrypt(vault_file, MANAGED) as reader:
        assert reader.read(100) == data[:100]
        for offset, length in [(0, 10), (4095, 2), (4096, 4096), (100_000, 150_000), (300_000, 100), (300_007, 1), (10**15, 5), (5, 0)]:
            assert reader.read_at(offset, length) == data[offset : offset + length]
        assert reader.read(100) == data[100:200]
        for wrong in [(-1, 5), (0, -1)]:
            with pytest.raises(ValueError):
                reader.read_at(*wrong)
    with vault.open_decrypt(io.BytesIO(vault_file.read_bytes()[:-5000]), MANAGED) as reader, pytest.raises(libvault.VaultError):
        reader.read_at(0, 10)


def test_other_modules_work_on_top(vault: libvault.Vault, tmp_path: Path) -> None:
    rows = [[str(number), f"name {number}", "ü"] for number in range(20_000)]
    with vault.open_encrypt(tmp_path / "rows.csv.gz.lve", MANAGED) as file, gzip.open(file, "wt", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows(rows)
    with vault.open_decrypt(tmp_path / "rows.csv.gz.lve", MANAGED) as reader, gzip.open(reader, "rt", encoding="utf-8", newline="") as text:
        assert list(csv.reader(text)) == rows
    with vault.open_encrypt(tmp_path / "objects.lve", MANAGED) as file:
        pickle.dump(rows, file)
    with vault.open_decrypt(tmp_path / "objects.lve", MANAGED) as reader:
        assert pickle.load(reader) == rows
    with vault.open_encrypt(tmp_path / "archive.zip.lve", MANAGED) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/b.txt", b"in the archive")
    with vault.open_decrypt(tmp_path / "archive.zip.lve", MANAGED) as reader, zipfile.ZipFile(reader) as archive:
        assert archive.read("a/b.txt") == b"in the archive"
    with vault.open_decrypt(io.BytesIO(sealed(vault, "zwölf\nBoxkämpfer\n".encode())), MANAGED) as reader:
        assert list(io.TextIOWrapper(reader, "utf-8")) == ["zwölf\n", "Boxkämpfer\n"]


def test_pipes_and_sockets(vault: libvault.Vault) -> None:
    """From end to end, with neither side able to seek."""
    data = sample(500_000)
    left, right = socket.socketpair()

    def send() -> None:
        with left, left.makefile("wb", buffering=0) as raw, vault.open_encrypt(raw, MANAGED) as writer:
            writer.write(data)

    sender = threading.Thread(target=send)
    sender.start()
    with right, right.makefile("rb") as source, vault.open_decrypt(source, MANAGED) as reader:
        assert not reader.seekable()
        with pytest.raises(io.UnsupportedOperation):
            reader.seek(10)
        with pytest.raises(io.UnsupportedOperation):
            reader.read_at(0, 1)
        assert reader.read(1000) + reader.read() == data
    sender.join()


@pytest.mark.parametrize("cut", [1, 16, 17, 4111, 4112, 4113, 50_000])
def test_a_truncated_envelope_never_ends_well(vault: libvault.Vault, tmp_path: Path, cut: int) -> None:
    data = sample(100_000)
    envelope = sealed(vault, data, frame_size=4096)
    (tmp_path / "cut.lve").write_bytes(envelope[:-cut])
    with vault.open_decrypt(tmp_path / "cut.lve", MANAGED) as reader, pytest.raises(libvault.VaultError) as caught:
        got = b""
        while piece := reader.read1():
            got += piece
        raise AssertionError("it ended")
    assert data.startswith(got)
    assert caught.value.name in ("AuthenticationFailed", "Malformed")
    with pytest.raises(libvault.VaultError):
        vault.decrypt_file(tmp_path / "cut.lve", tmp_path / "plain", MANAGED)
    (tmp_path / "long.lve").write_bytes(envelope + b"x")
    with pytest.raises(libvault.VaultError):
        vault.decrypt_file(tmp_path / "long.lve", tmp_path / "plain", MANAGED)
    assert {entry.name for entry in tmp_path.iterdir()} - {"vault"} == {"cut.lve", "long.lve"}


def test_whole_files(gated: libvault.Vault, tmp_path: Path) -> None:
    source, target, copy = tmp_path / "plain", tmp_path / "plain.lve", tmp_path / "copy"
    source.write_bytes(sample(700_001))
    gated.encrypt_file(source, str(target), CUSTOMER, b"aad")
    gated.decrypt_file(str(target), copy, CUSTOMER, b"aad")
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600
    for change in (gated.encrypt_file, gated.decrypt_file):
        with pytest.raises(libvault.Conflict):
            change(target, copy, CUSTOMER, b"aad")
    gated.decrypt_file(target, copy, CUSTOMER, b"aad", replace=True)
    with pytest.raises(libvault.AuthenticationFailed):
        gated.decrypt_file(target, copy, CUSTOMER, b"other", replace=True)
    assert copy.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("end", ["an exception", "thrown away", "discard", "a failing source"])
def test_a_writer_that_does_not_complete_leaves_nothing(vault: libvault.Vault, tmp_path: Path, end: str) -> None:
    path = tmp_path / "file.lve"
    match end:
        case "an exception":
            with pytest.raises(ZeroDivisionError), vault.open_encrypt(path, MANAGED) as writer:
                writer.write(bytes(200_000))
                raise ZeroDivisionError
        case "thrown away":
            writer = vault.open_encrypt(path, MANAGED)
            writer.write(bytes(200_000))
            with pytest.warns(ResourceWarning, match="discarded"):
                del writer
        case "discard":
            with vault.open_encrypt(path, MANAGED) as writer:
                writer.write(bytes(200_000))
                writer.discard()
        case _:
            with pytest.raises(IsADirectoryError):
                vault.encrypt_file(tmp_path, path, MANAGED)
    assert [entry.name for entry in tmp_path.iterdir()] == ["vault"]


def test_paths_that_cannot_be_written_or_read(vault: libvault.Vault, tmp_path: Path) -> None:
    uses = vault.stats().managed_wraps
    taken = tmp_path / "taken"
    taken.write_bytes(b"mine")
    with pytest.raises(FileNotFoundError):
        vault.open_encrypt(tmp_path / "no" / "such" / "directory", MANAGED)
    with pytest.raises(NotADirectoryError):
        vault.open_encrypt(taken / "file", MANAGED)
    with pytest.raises(libvault.Conflict):
        vault.open_encrypt(taken, MANAGED)
    with pytest.raises(IsADirectoryError):
        vault.open_encrypt(tmp_path, MANAGED, replace=True)
    with pytest.raises(FileNotFoundError) as caught:
        vault.open_decrypt(tmp_path / "nothing", MANAGED)
    assert caught.value.filename == str(tmp_path / "nothing") or caught.value.filename == tmp_path / "nothing"
    for wrong in (7, None, io.StringIO()):
        bad: Any = wrong
        with pytest.raises(TypeError):
            vault.open_encrypt(bad, MANAGED)
        with pytest.raises(TypeError):
            vault.open_decrypt(bad, MANAGED)
    for size in (0, 1000, 65537, 1 << 21):
        with pytest.raises(ValueError):
            vault.open_encrypt(io.BytesIO(), MANAGED, frame_size=size)
    assert (taken.read_bytes(), vault.stats().managed_wraps) == (b"mine", uses)


def test_a_full_disk(vault: libvault.Vault, tmp_path: Path) -> None:
    """The file may not grow beyond a limit, which is what a full disk says as well: the system refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    source = tmp_path / "source"
    source.write_bytes(bytes(2_000_000))
    envelope = sealed(vault, bytes(2_000_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OSError, match="large"), vault.open_encrypt(tmp_path / "file.lve", MANAGED) as writer:
            writer.write(bytes(2_000_000))
        with pytest.raises(OSError, match="large"):
            vault.encrypt_file(source, tmp_path / "file.lve", MANAGED)
        with pytest.raises(OSError, match="large"):
            with vault.open_decrypt(io.BytesIO(envelope), MANAGED) as reader, open(tmp_path / "file", "wb") as target:
                target.write(reader.read())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert {entry.name for entry in tmp_path.iterdir()} == {"vault", "source", "file"}
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="space"):
        with vault.open_encrypt(full, MANAGED) as writer:
            writer.write(bytes(200_000))


KILLED = """
import sys, time
import libvault
vault = libvault.open({config!r})
writer = vault.open_encrypt({path!r}, {context!r})
writer.write(bytes(1_000_000))
print("written", flush=True)
try:
    while True:
        writer.write(bytes(100_000))
        time.sleep(0.01)
except KeyboardInterrupt:
    writer.__exit__(*sys.exc_info())
    raise
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_killed(made: libvault.Initialized, tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "file.lve"
    program = KILLED.format(config=str(made.config), path=str(path), context=MANAGED)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        process.send_signal(number)
    assert not path.exists()
    # Where the file system has no files without a name, a process that is killed leaves one behind.
    assert len(list(tmp_path.glob(".libvault-*.tmp"))) <= (number == signal.SIGKILL)


def test_an_interrupted_write_is_never_completed(vault: libvault.Vault, tmp_path: Path) -> None:
    class Interrupting(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if self.tell() > 100_000:
                raise KeyboardInterrupt
            return super().write(data)

    writer = vault.open_encrypt(Interrupting(), MANAGED)
    with pytest.raises(KeyboardInterrupt):
        writer.write(bytes(1_000_000))
    with pytest.raises(OSError, match="gap"):
        writer.close()
    assert writer.closed


def test_an_interruption_between_encryption_and_write_is_a_gap_too(vault: libvault.Vault, tmp_path: Path) -> None:
    class Interrupted:
        """The signal handler runs when the encryption returns: its result is lost, but the encryptor has gone on."""

        def __init__(self, encryptor: Any) -> None:
            self.encryptor = encryptor

        def update(self, data: Any) -> bytes:
            self.encryptor.update(data)
            raise KeyboardInterrupt

    path = tmp_path / "envelope"
    path.write_bytes(b"what was there")
    writer: Any = vault.open_encrypt(path, MANAGED, replace=True)
    writer.write(b"the beginning")
    encryptor, writer._encryptor = writer._encryptor, Interrupted(writer._encryptor)
    with pytest.raises(KeyboardInterrupt):
        writer.write(bytes(1_000_000))
    writer._encryptor = encryptor
    with pytest.raises(OSError, match="gap"):
        writer.close()
    assert path.read_bytes() == b"what was there"


def test_errors_of_the_other_file_come_out_as_they_are(vault: libvault.Vault) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1, /) -> Any:
            raise LookupError("mine")

    with vault.open_decrypt(Broken(), MANAGED) as reader, pytest.raises(LookupError, match="mine"):
        reader.read()
    wrong: list[tuple[Any, type[Exception]]] = [("text", TypeError), (b"x" * 10_000_000, ValueError), (None, BlockingIOError)]
    for answer, error in wrong:

        class Odd:
            def read(self, size: int) -> Any:
                return answer

        with vault.open_decrypt(Odd(), MANAGED) as reader, pytest.raises(error):
            reader.read()


def test_a_source_that_reads_its_own_reader_does_not_hang(vault: libvault.Vault) -> None:
    readers: list[Any] = []

    class Circular:
        def read(self, size: int) -> bytes:
            return bytes(readers[0]._raw.readinto(bytearray(10)))

    with vault.open_decrypt(Circular(), MANAGED) as reader:
        readers.append(reader)
        with pytest.raises(RuntimeError, match="in use"):
            reader.read(1)
    readers.clear()


def test_streams_obey_suspension_and_closing(configuration: dict[str, Any]) -> None:
    with libvault.open(configuration) as vault:
        envelope = sealed(vault, sample(500_000), CUSTOMER)
        writer, reader = vault.open_encrypt(io.BytesIO(), CUSTOMER), vault.open_decrypt(io.BytesIO(envelope), CUSTOMER)
        writer.write(bytes(100_000))
        reader.read(10)
        vault.reload({**configuration, "bindings": [{**configuration["bindings"][0], "state": "suspended"}]})
        with pytest.raises(libvault.KeySuspended):
            writer.write(bytes(100_000))
        with pytest.raises(libvault.KeySuspended):
            reader.read()
        with pytest.raises(libvault.KeySuspended):
            writer.close()
        vault.reload(configuration)
        late = vault.open_encrypt(io.BytesIO(), CUSTOMER)
    with pytest.raises(libvault.Closed):
        late.write(bytes(100_000))
    late.discard()
    reader.close()


def test_ctrl_c_and_timeouts_reach_the_kms_call_of_a_stream(configuration: dict[str, Any], tmp_path: Path) -> None:
    with FaultyKms("never_answers") as kms, libvault.open(with_kms(configuration, kms.endpoint)) as vault:
        with pytest.raises(libvault.Timeout):
            vault.with_options(timeout=0.1).open_encrypt(tmp_path / "file.lve", IN_KMS)
        interrupt_when(lambda: len(kms.operations) == 2)
        with pytest.raises(KeyboardInterrupt):
            vault.open_encrypt(tmp_path / "file.lve", IN_KMS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["vault"]


def interrupt_when(condition: Callable[[], bool]) -> None:
    def watch() -> None:
        deadline = time.monotonic() + 30
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()


def test_what_others_write_is_read(gated: libvault.Vault) -> None:
    """A one-shot envelope through a stream, and a stream as one envelope."""
    data = sample(200_000)
    assert gated.open_decrypt(io.BytesIO(gated.encrypt(data, CUSTOMER)), CUSTOMER).read() == data
    assert gated.decrypt(sealed(gated, data, CUSTOMER, frame_size=1 << 20), CUSTOMER) == data
    stats = gated.stats()
    assert (stats.streams_opened, stats.encryptions, stats.decryptions) == (2, 2, 2)
