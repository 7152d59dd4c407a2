#!/usr/bin/env python3
"""The cross-language matrix: whatever one language encrypts, every language decrypts.

    tests/matrix/run_matrix.py [--only NAME,NAME]

4 writers × 4 readers × 4 policies × 2 forms × 6 payload sizes. Every writer and every reader is a process of its own (the command
line: one for each envelope), and they share only files. Each reader opens each envelope twice, in one call and as a stream; a cell
passes if both give the payload, byte for byte. Run it with the Python that has the wheel installed; the other programs must have been
built. Half of the envelopes have AAD. Exits with 1 on any difference or with fewer than 768 cells.

The programs of C, Python and Node take a configuration as their argument, read one command a line from standard input,

    VERB <tab> NAME=VALUE <tab> INPUT <tab> OUTPUT <tab> AAD_FILE or -

and answer each with `ok` or with number and name of the error. VERB is encrypt, decrypt, encrypt-stream or decrypt-stream; the last two
pass the bytes in pieces of 10,000.
"""

from __future__ import annotations

import argparse
import itertools
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/release/libvault"
CELLS = 768
FRAME = 65_536  # the default of every language
SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 1]
SECONDS = 300  # for one process; none needs more than a fraction of it

# docs/envelope.md §3: the flags at offset 5, the policy in the two most significant bits of the decision byte behind them.
FLAGS_OFFSET, DECISION_OFFSET = 5, 6
FORMS = {"one_shot": (0, "encrypt"), "framed": (0x80 | 16, "encrypt-stream")}
POLICIES = ["managed", "customer_gated", "dual_control", "any_of"]


@dataclass(frozen=True)
class Step:
    """Encrypt or decrypt one file."""

    verb: str
    policy: str
    source: Path
    target: Path
    aad: Path | None

    @property
    def context(self) -> str:
        return f"organization_id=org_{self.policy}"

    def line(self) -> str:
        return "\t".join([self.verb, self.context, str(self.source), str(self.target), str(self.aad or "-")])


@dataclass(frozen=True)
class Sealed:
    """An envelope, and what has to come out of it."""

    writer: str
    policy: str
    form: str
    payload: Path
    aad: Path | None
    envelope: Path

    def __str__(self) -> str:
        return f"{self.writer}, {self.policy}, {self.form}, {self.payload.stat().st_size} bytes"

    def mistake(self) -> str | None:
        written, payload = self.envelope.read_bytes(), self.payload.read_bytes()
        if written[FLAGS_OFFSET] != FORMS[self.form][0]:
            return f"the flags are {written[FLAGS_OFFSET]:#x}"
        if written[DECISION_OFFSET] >> 6 != POLICIES.index(self.policy):
            return "the policy is another one"
        if len(payload) >= 64 and payload[:64] in written:
            return "the payload stands in the envelope"
        return None


def run_program(command: list[str | Path], config: Path, steps: list[Step]) -> Iterable[str]:
    """One process for all steps; gives an answer for each."""
    lines = "".join(step.line() + "\n" for step in steps)
    done = subprocess.run([*command, config], input=lines, capture_output=True, text=True, timeout=SECONDS)
    answers = done.stdout.splitlines()
    ended = f"the program ended with {done.returncode}: {done.stderr.strip()[-500:]}"
    return itertools.islice(itertools.chain(answers, itertools.repeat(ended)), len(steps))


def run_command_line(_command: list[str | Path], config: Path, steps: list[Step]) -> Iterable[str]:
    for step in steps:
        verb, _, stream = step.verb.partition("-")
        command = [PROGRAM, verb, "--config", config, "--context", step.context]
        command += ["--aad-file", step.aad] if step.aad else []
        if not stream:
            done = subprocess.run([*command, "--input", step.source, "--output", step.target], capture_output=True, timeout=SECONDS)
        else:
            command += ["--frame-size", str(FRAME)] if verb == "encrypt" else []
            with step.source.open("rb") as source, step.target.open("wb") as target:
                done = subprocess.run(command, stdin=source, stdout=target, stderr=subprocess.PIPE, timeout=SECONDS)
        yield "ok" if done.returncode == 0 else done.stderr.decode().strip()


Runner = Callable[[list[str | Path], Path, list[Step]], Iterable[str]]
LANGUAGES: dict[str, tuple[Runner, list[str | Path]]] = {
    "cli": (run_command_line, []),
    "c": (run_program, [ROOT / "build/c-tests/matrix"]),
    "python": (run_program, [sys.executable, ROOT / "tests/python/matrix.py"]),
    "node": (run_program, ["node", ROOT / "bindings/node/test/matrix.mjs"]),
}


def run(language: str, config: Path, steps: list[Step]) -> list[str]:
    runner, command = LANGUAGES[language]
    return list(runner(command, config, steps))


def make_vault(directory: Path) -> Path:
    """A vault with one binding for each policy, its keys local key files; gives the path of the configuration."""
    subprocess.run([PROGRAM, "init", directory], check=True, capture_output=True, timeout=SECONDS)
    config = directory / "libvault.toml"
    with config.open("a") as file:
        for policy in POLICIES[1:]:
            file.write(
                f'\n[[bindings]]\nid = "bnd_{policy}"\nowner = "{policy}"\npolicy = "{policy}"\n'
                f'selector = {{ organization_id = "org_{policy}" }}\n'
            )
            for number in [1, 2]:
                key = directory / f"{policy}-{number}.key"
                key.touch(mode=0o600)
                key.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")
                file.write(f'\n[[bindings.keys]]\nid = "key_{policy}_{number}"\nprovider = "local"\npath = "{key.name}"\n')
    return config


def write_all(languages: list[str], config: Path, directory: Path) -> tuple[list[Sealed], int]:
    """Every envelope of every language that is as it should be, and the number of the others."""
    associated = directory / "aad"
    associated.write_bytes(b'{"record": 17}')
    payloads = [directory / f"payload-{size}" for size in SIZES]
    for payload, size in zip(payloads, SIZES):
        payload.write_bytes(secrets.token_bytes(size))
    sealed, failures = [], 0
    for writer in languages:
        envelopes = [
            Sealed(writer, policy, form, payload, associated if number % 2 else None, directory / f"{writer}-{policy}-{form}-{payload.name}")
            for number, (policy, form, payload) in enumerate(itertools.product(POLICIES, FORMS, payloads))
        ]
        steps = [Step(FORMS[each.form][1], each.policy, each.payload, each.envelope, each.aad) for each in envelopes]
        for each, answer in zip(envelopes, run(writer, config, steps)):
            mistake = each.mistake() if answer == "ok" else answer
            if mistake:
                failures += 1
                print(f"FAIL {each}: {mistake}")
            else:
                sealed.append(each)
    return sealed, failures


def read_all(reader: str, config: Path, sealed: list[Sealed]) -> tuple[int, int]:
    """How many envelopes the reader opens, and how many it does not."""
    pairs = [(each, verb, each.envelope.with_name(f"{each.envelope.name}.{reader}.{verb}")) for each in sealed for verb in ["decrypt", "decrypt-stream"]]
    answers = run(reader, config, [Step(verb, each.policy, each.envelope, opened, each.aad) for each, verb, opened in pairs])
    failed = set()
    for (each, verb, opened), answer in zip(pairs, answers):
        if answer == "ok" and opened.read_bytes() == each.payload.read_bytes():
            opened.unlink()
            continue
        failed.add(each)
        print(f"FAIL {each} → {reader} {verb}: {'other bytes came out' if answer == 'ok' else answer}")
    return len(sealed) - len(failed), len(failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(LANGUAGES), metavar="NAME,NAME", help="some of the languages: always exits with 1")
    languages = parser.parse_args().only.split(",")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="libvault-matrix-") as scratch:
        directory = Path(scratch)
        config = make_vault(directory / "vault")
        sealed, unwritten = write_all(languages, config, directory)
        cells, failures = 0, unwritten * len(languages)
        for reader in languages:
            passed, failed = read_all(reader, config, sealed)
            cells, failures = cells + passed, failures + failed
    print(
        f"matrix: {cells} cells passed ({len(languages)} writers × {len(languages)} readers × {len(POLICIES)} policies × "
        f"{len(FORMS)} forms × {len(SIZES)} sizes), {failures} failed, {time.monotonic() - began:.0f} s"
    )
    return 0 if failures == 0 and cells >= CELLS else 1


if __name__ == "__main__":
    sys.exit(main())
