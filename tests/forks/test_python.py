"""Forks of a Python program: multiprocessing, os.fork during a KMS call, and gunicorn --preload."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import libvault
import pytest
from conftest import check_disjoint

from servers import HonestKms

CONTEXTS = [{"organization_id": organization} for organization in ("org_managed", "org_local", "org_kms")]
CHILD_SECONDS = 60


def use(vault: libvault.Vault) -> list[tuple[bytes, bytes]]:
    """An envelope and a data key of each kind of context; what was encrypted is decrypted, too."""
    made = []
    for context in CONTEXTS:
        envelope = vault.encrypt(b"x", context)
        assert vault.decrypt(envelope, context) == b"x"
        made.append((envelope, vault.create_data_key(context).key))
    return made


def check(made: list[tuple[bytes, bytes]]) -> None:
    check_disjoint((envelope for envelope, _ in made), (key for _, key in made))


inherited: libvault.Vault


def use_inherited(_turn: int) -> tuple[int, list[tuple[bytes, bytes]]]:
    return os.getpid(), use(inherited)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_multiprocessing_with_fork(config: Path) -> None:
    global inherited
    with libvault.open(config) as inherited:
        made, stop = use(inherited), threading.Event()
        busy = [threading.Thread(target=lambda: [use(inherited) for _ in iter(stop.is_set, True)]) for _ in range(2)]
        for thread in busy:
            thread.start()
        try:
            with multiprocessing.get_context("fork").Pool(3) as pool:
                results = pool.map_async(use_inherited, range(30), chunksize=1).get(CHILD_SECONDS)
        finally:
            stop.set()
            for thread in busy:
                thread.join()
        assert os.getpid() not in {process for process, _ in results}
        made += [one for _, of_child in results for one in of_child] + use(inherited)
        check(made)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_while_another_thread_waits_for_its_kms(config: Path, kms: HonestKms) -> None:
    with libvault.open(config) as vault:
        made = use(vault)
        kms.hold()
        results: list[bytes] = []
        waiting = threading.Thread(target=lambda: results.append(vault.encrypt(b"x", CONTEXTS[2])))
        waiting.start()
        kms.wait_for_held()
        held = kms.answer_new()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                for envelope, key in use(vault):
                    os.write(writer, f"{envelope.hex()} {key.hex()}\n".encode())
                os._exit(0)
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader) as lines:
            made += [tuple(map(bytes.fromhex, line.split())) for line in lines]
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert waiting.is_alive(), "the parent's call was held all the time"
        held.set()
        waiting.join()
        check([*made, (results[0], os.urandom(32)), *use(vault)])


def test_gunicorn_with_preload(config: Path, tmp_path: Path) -> None:
    check(serve_with_gunicorn(config, tmp_path))


def serve_with_gunicorn(config: Path, tmp_path: Path) -> list[tuple[bytes, bytes]]:
    """Has several workers of one preloaded program encrypt, and decrypts it here; gives what they made."""
    workers, log = 3, tmp_path / "gunicorn.log"
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(workers), "--bind", "127.0.0.1:0", "preloaded:application"]
    environment = os.environ | {"LIBVAULT_CONFIG": str(config)}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=Path(__file__).parent, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        port = _listening_port(server, log)
        made, processes = [], set()
        for turn in range(300):
            organization = CONTEXTS[turn % 3]["organization_id"]
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CHILD_SECONDS)
            connection.request("POST", f"/{organization}", b"attack at dawn")
            response = connection.getresponse()
            body = response.read().decode()
            connection.close()
            assert response.status == 200, log.read_text()
            process, envelope, key = body.split()
            processes.add(int(process))
            made.append((bytes.fromhex(envelope), bytes.fromhex(key)))
            if len(processes) == workers and turn >= 30:
                break
        assert len(processes) > 1, "only one worker ever answered"
        with libvault.open(config) as vault:
            assert {vault.decrypt(envelope, CONTEXTS[turn % 3]) for turn, (envelope, _) in enumerate(made)} == {b"attack at dawn"}
        return made
    finally:
        server.terminate()
        server.wait()


def _listening_port(server: subprocess.Popen, log: Path) -> int:
    while server.poll() is None:
        if found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(found[1])
        threading.Event().wait(0.05)
    raise AssertionError(log.read_text())
