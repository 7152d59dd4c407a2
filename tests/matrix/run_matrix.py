#!/usr/bin/env python3
"""The cross-language matrix: whatever one language encrypts, every language decrypts.

    tests/matrix/run_matrix.py [--only NAME,NAME]

4 producers × 4 consumers × 2 policies × 5 payload sizes. Producer and consumer are processes of their own and share only
files. Run it with the Python that has the wheel installed; the other programs must have been built. Half of the
envelopes have AAD. Exits with 1 on any difference or with fewer than 160 cells.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CELLS = 160
SIZES = [0, 1, 64, 65_536, 1_048_577]
SECONDS = 60  # for one process; none needs more than a fraction of one


@dataclass(frozen=True)
class Policy:
    name: str
    context: str
    decision_bits: int  # docs/envelope.md §3: the two most significant bits of the decision byte


POLICIES = [Policy("managed", "organization_id=org_managed", 0), Policy("customer_gated", "organization_id=org_customer", 1)]
DECISION_OFFSET = 6


@dataclass(frozen=True)
class Step:
    """Encrypt or decrypt one file."""

    verb: str
    config: Path
    context: str
    source: Path
    target: Path
    aad: Path | None

    def positional(self) -> list[str]:
        words = [self.verb, self.config, self.context, self.source, self.target]
        return [str(word) for word in words + ([self.aad] if self.aad else [])]

    def options(self) -> list[str]:
        words = [self.verb, "--config", self.config, "--context", self.context, "--input", self.source, "--output", self.target]
        return [str(word) for word in words + (["--aad-file", self.aad] if self.aad else [])]


LANGUAGES: dict[str, tuple[list[Path | str], Callable[[Step], list[str]]]] = {
    "cli": ([ROOT / "target/release/libvault"], Step.options),
    "c": ([ROOT / "build/c-tests/matrix"], Step.positional),
    "python": ([sys.executable, ROOT / "tests/python/matrix.py"], Step.positional),
    "node": (["node", ROOT / "bindings/node/test/matrix.mjs"], Step.positional),
}


class Difference(Exception):
    """A cell that is not as it must be."""


def run(language: str, step: Step) -> None:
    program, arguments = LANGUAGES[language]
    command = [str(word) for word in program] + arguments(step)
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        raise Difference(f"{language} {step.verb}: exit code {done.returncode}: {(done.stdout + done.stderr).strip()}")


def make_vault(directory: Path) -> Path:
    """A vault with one binding whose customer key is a local key file; gives the path of the configuration."""
    program = str(LANGUAGES["cli"][0][0])
    subprocess.run([program, "init", str(directory)], check=True, capture_output=True, timeout=SECONDS)
    customer = directory / "customer.key"
    customer.touch(mode=0o600)
    customer.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")
    config = directory / "libvault.toml"
    with config.open("a") as file:
        file.write(
            '\n[[bindings]]\nid = "bnd_customer"\nowner = "customer"\nselector = { organization_id = "org_customer" }\n'
            '\n[[bindings.keys]]\nid = "key_customer"\nprovider = "local"\npath = "customer.key"\n'
        )
    return config


def produce(producer: str, policy: Policy, config: Path, payload: Path, aad: Path | None, envelope: Path) -> None:
    run(producer, Step("encrypt", config, policy.context, payload, envelope, aad))
    written = envelope.read_bytes()
    if written[DECISION_OFFSET] >> 6 != policy.decision_bits:
        raise Difference(f"{producer}: the envelope is not {policy.name}")
    if payload.stat().st_size >= 64 and payload.read_bytes()[:64] in written:
        raise Difference(f"{producer}: the payload stands in the envelope")


def consume(consumer: str, policy: Policy, config: Path, payload: Path, aad: Path | None, envelope: Path) -> None:
    opened = envelope.with_suffix(f".{consumer}")
    run(consumer, Step("decrypt", config, policy.context, envelope, opened, aad))
    if opened.read_bytes() != payload.read_bytes():
        raise Difference(f"{consumer}: other bytes came out")
    opened.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(LANGUAGES), metavar="NAME,NAME", help="some of the languages: always exits with 1")
    languages = parser.parse_args().only.split(",")
    cells = failures = 0
    with tempfile.TemporaryDirectory(prefix="libvault-matrix-") as scratch:
        directory = Path(scratch)
        config = make_vault(directory / "vault")
        associated = directory / "aad"
        associated.write_bytes(json.dumps({"record": 17}).encode())
        for size in SIZES:
            payload = directory / f"payload-{size}"
            payload.write_bytes(secrets.token_bytes(size))
            for index, policy in enumerate(POLICIES):
                aad = associated if (SIZES.index(size) + index) % 2 else None
                for producer in languages:
                    envelope = directory / f"{producer}-{policy.name}-{size}"
                    try:
                        produce(producer, policy, config, payload, aad, envelope)
                    except (Difference, subprocess.SubprocessError, OSError) as trouble:
                        failures += len(languages)
                        print(f"FAIL {producer} → all, {policy.name}, {size} bytes: {trouble}")
                        continue
                    for consumer in languages:
                        try:
                            consume(consumer, policy, config, payload, aad, envelope)
                            cells += 1
                        except (Difference, subprocess.SubprocessError, OSError) as trouble:
                            failures += 1
                            print(f"FAIL {producer} → {consumer}, {policy.name}, {size} bytes: {trouble}")
    print(f"matrix: {cells} cells passed ({len(languages)}×{len(languages)} languages × {len(POLICIES)} policies × {len(SIZES)} sizes), {failures} failed")
    return 0 if failures == 0 and cells >= CELLS else 1


if __name__ == "__main__":
    sys.exit(main())
