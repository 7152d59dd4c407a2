"""Nothing secret is left (promise P5): the memory of a process that did the main job is searched for every key and for the plaintext."""

from __future__ import annotations

import base64
import ctypes
import os
import resource
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests"), str(ROOT / "tests" / "gen")]

import expected  # noqa: E402
import process_memory  # noqa: E402

from servers import HonestKms  # noqa: E402

# Under the vendor's keys, under the customer's, and under both.
KINDS = ("managed", "customer", "dual")
LONG = 100_000
PR_CAPBSET_DROP, CAP_IPC_LOCK = 24, 14


@dataclass(frozen=True)
class Program:
    """A program that does the main job, and what it makes beyond the common."""

    command: list[str]
    kinds: tuple[str, ...]
    framed: bool

    @property
    def messages(self) -> dict[str, tuple[str, list[tuple[str, str]]]]:
        forms = ["short", "long", *(["framed"] if self.framed else [])]
        made = {}
        for name in self.kinds:
            context = [("organization_id", f"org_{name}")]
            made |= {f"{name}-{form}.envelope": ("envelope", context) for form in forms}
            made[f"{name}.bundle"] = ("data_key", context)
        return made


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Program]:
    binary = tmp_path_factory.mktemp("bin") / "main_job"
    source = Path(__file__).parent / "main_job.c"
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}", str(source)]
        + [str(TARGET / "libvault.a"), "-lpthread", "-ldl", "-lm", "-o", str(binary)],
        check=True,
    )
    here, rust = Path(__file__).parent, str(TARGET / "examples" / "main_job")
    return {
        "c": Program([str(binary)], KINDS, False),
        "rust": Program([rust], KINDS, True),
        "python": Program([sys.executable, str(here / "main_job.py")], KINDS, False),
        "node": Program(["node", str(here / "main_job.mjs")], KINDS, False),
        "sdk": Program([rust], ("kms",), True),
    }


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A vault with bindings to customers' key files."""
    vault = tmp_path / "vault"
    subprocess.run([TARGET / "libvault", "init", vault], check=True, stdout=subprocess.DEVNULL)
    with (vault / "libvault.toml").open("a") as config:
        for name, policy in (("customer", "customer_gated"), ("dual", "dual_control")):
            key = vault / f"{name}.key"
            key.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")
            key.chmod(0o600)
            config.write(
                f'\n[[bindings]]\nid = "bnd_{name}"\nowner = "{name}"\npolicy = "{policy}"\n'
                f'selector = {{ organization_id = "org_{name}" }}\n'
                f'[[bindings.keys]]\nid = "key_{name}"\nprovider = "local"\npath = "{name}.key"\n'
            )
    return vault


@dataclass
class Running:
    process: subprocess.Popen
    said: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def go_on(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.said = self.process.stdout.readline()


@contextmanager
def running(program: Program, directory: Path, lockable: int | None = None) -> Iterator[Running]:
    """The program, up to its line `held`. `lockable` is how many bytes it may lock."""
    libc = ctypes.CDLL(None)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (lockable, lockable))
        # Root is above the limit unless it gives this up; others cannot and need not.
        libc.prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)

    command = [*program.command, str(directory / "libvault.toml"), str(directory), *program.kinds]
    preparation = None if lockable is None else limit
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=preparation) as process:
        try:
            yield Running(process, process.stdout.readline())
        finally:
            process.kill()


def plaintext(seed: int, length: int) -> bytes:
    """What the programs encrypt."""
    state, made = seed, bytearray()
    for _ in range(length):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        made.append(state >> 33 & 0xFF)
    return bytes(made)


def all_secrets(program: Program, directory: Path, copy: Path) -> expected.Secrets:
    found = expected.of_vault(directory, copy, program.messages)
    for seed in range(1, 1 + 2 * len(program.kinds)):
        # The beginning, which every program handles, and the end of the long ones.
        content = plaintext(seed, 100 if seed % 2 else LONG)
        found.add(f"plaintext {seed}", content[:96] + content[-96:])
    return found


@pytest.mark.parametrize("name", ["c", "rust"])
def test_nothing_is_left_after_closing(name: str, programs: dict[str, Program], directory: Path, tmp_path: Path) -> None:
    program = programs[name]
    with running(program, directory) as child:
        assert child.said.startswith("held"), child.said
        secrets_by_name = all_secrets(program, directory, tmp_path / "copy")
        held = {hit.secret for hit in process_memory.search(child.pid, secrets_by_name)}
        hits = process_memory.search(child.pid, secrets_by_name)
        held = {hit.secret for hit in hits}
        # The search finds what has to be there now …
        needed = {name for name in secrets_by_name if name == "lookup key" or name.endswith((", extracted", ".bundle: data key"))}
        assert needed <= held, f"not in memory while the vault is open, so the search does not work: {needed - held}"
        # … and besides it only the keys of the cache and the data of open streams: nothing of a message, no root key as in its file, no state of HMAC.
        allowed = needed | {name for name in secrets_by_name if name.endswith(": chain key")}
        if program.framed:
            allowed |= {"plaintext 1", "plaintext 3", "plaintext 5"}
        assert held <= allowed, process_memory.summary(hit for hit in hits if hit.secret not in allowed)
        child.go_on()
        assert child.said == "closed\n"
        left = process_memory.search(child.pid, secrets_by_name)
        assert not left, process_memory.summary(left)
        print(f"{name}: {len(secrets_by_name)} secrets, {len(held)} in memory while open, 0 after closing")


@pytest.mark.parametrize("name", ["python", "node"])
def test_a_language_leaves_no_key(name: str, programs: dict[str, Program], directory: Path, tmp_path: Path) -> None:
    """With the calls that write into the program's own memory. What the languages' own values hold is theirs (docs/threat-model.md)."""
    with running(programs[name], directory) as child:
        assert child.said.startswith("held"), child.said
        secrets_by_name = all_secrets(programs[name], directory, tmp_path / "copy")
        held = {hit.secret for hit in process_memory.search(child.pid, secrets_by_name)}
        assert "root key, version 1, extracted" in held
        child.go_on()
        assert child.said == "closed\n"
        left = process_memory.search(child.pid, secrets_by_name)
        print(f"{name}: {len(secrets_by_name)} secrets, {len(held)} in memory while open, {len({hit.secret for hit in left})} after closing")
        assert not left, process_memory.summary(left)


def test_what_the_sdk_leaves_is_the_share_and_nothing_else(programs: dict[str, Program], directory: Path) -> None:
    """The SDK and what is below it copy what goes to the KMS and comes back, and do not wipe it (docs/threat-model.md)."""
    program = programs["sdk"]
    with HonestKms() as kms:
        with (directory / "libvault.toml").open("a") as config:
            config.write(
                f'\n[aws]\ncredentials = "static"\naccess_key_id = "test"\nsecret_access_key = "test"\nendpoint = "{kms.endpoint}"\n'
                "[development]\nallow_endpoint = true\n"
                '[[bindings]]\nid = "bnd_kms"\nowner = "kms"\nselector = { organization_id = "org_kms" }\n'
                '[[bindings.keys]]\nid = "key_kms"\nprovider = "aws"\narn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"\n'
            )
        with running(program, directory) as child:
            child.go_on()
            assert child.said == "closed\n"
            shares, derived = expected.Secrets(), expected.Secrets()
            for number, sent in enumerate(kms.plaintexts):
                shares.add(f"share {number}", sent[:32])
                shares.add(f"share {number} in base64", base64.b64encode(sent[:30]))
            for name, (kind, items) in program.messages.items():
                expected.add_derived(name, kind, (directory / name).read_bytes(), items, kms.plaintexts, derived)
            for seed in (1, 2):
                derived.add(f"plaintext {seed}", plaintext(seed, LONG)[:96])
            left = process_memory.search(child.pid, derived)
            assert not left, process_memory.summary(left)
            # A secret counts once for each place, though it is found in pieces of 16 bytes.
            copies = Counter("in base64" if "base64" in hit.secret else "as they are" for hit in process_memory.search(child.pid, shares))
            print(f"sdk: {len(kms.plaintexts)} shares wrapped; pieces of 16 bytes that are left: {dict(copies)}")


def test_memory_of_keys_is_locked_guarded_and_not_dumped(programs: dict[str, Program], directory: Path, tmp_path: Path) -> None:
    with running(programs["rust"], directory) as child:
        _, locked, unlocked = child.said.split()
        secrets_by_name = all_secrets(programs["rust"], directory, tmp_path / "copy")
        for hit in process_memory.search(child.pid, secrets_by_name):
            if not hit.secret.startswith("plaintext"):
                flags = process_memory.flags_at(child.pid, hit.address)
                assert "dd" in flags, f"{hit.secret} would be in a core dump"
                assert "lo" in flags or int(unlocked) > 0, f"{hit.secret} is not locked, and stats do not say so"
                assert process_memory.has_guards(child.pid, hit.address)
        assert int(locked) + int(unlocked) > 0


def test_without_lockable_memory_everything_works_and_stats_say_so(programs: dict[str, Program], directory: Path, tmp_path: Path) -> None:
    with running(programs["rust"], directory, lockable=0) as child:
        word, locked, unlocked = child.said.split()
        assert (word, locked) == ("held", "0")
        assert int(unlocked) > 0
        child.go_on()
        assert child.said == "closed\n"
        secrets_by_name = all_secrets(programs["rust"], directory, tmp_path / "copy")
        left = process_memory.search(child.pid, secrets_by_name)
        assert not left, process_memory.summary(left)
