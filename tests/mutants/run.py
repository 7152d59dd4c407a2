#!/usr/bin/env python3
"""Changes format, context and matching in every small way that cargo-mutants knows, and requires that a test notices.

    tests/mutants/run.py                               everything; hours on two cores
    tests/mutants/run.py matching                      context and matching; or: format
    MUTANTS_SHARD=0/8 tests/mutants/run.py             a part of each

A mutant that no test notices must stand in accepted.txt with a reason; one that stands there and is noticed must be taken out. Needs cargo-mutants.
The tests are those of core without the AWS provider and with matching compared to the brute-force model in 100,000 cases, in a debug build.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "mutants"
CASES = WORK / "matching.jsonl"
# What is changed, and the tests that are to notice it: each mutant is a build and a run of them.
GROUPS = {
    "matching": (["core/src/context.rs", "core/src/registry/matcher.rs", "core/src/registry/index.rs"], ["--lib", "--test", "vectors"]),
    "format": (["core/src/envelope.rs", "core/src/envelope/*.rs"], ["--lib", "--test", "vectors", "--test", "streams"]),
}


def main(groups: list[str]) -> int:
    WORK.mkdir(parents=True, exist_ok=True)
    if not CASES.exists():
        generator = ROOT / "tests" / "gen" / "make_matching.py"
        subprocess.run([sys.executable, generator, "--seed", "1", "--cases", "100000", "--out", CASES], check=True)
    return max(run(*GROUPS[group]) for group in groups or GROUPS)


def run(files: list[str], tests: list[str]) -> int:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "sabotage"
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(target),  # shared with the sabotage, which builds the same dependencies
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "LIBVAULT_MATCHING_CASES": str(CASES),
    }
    shutil.rmtree(WORK / "mutants.out", ignore_errors=True)
    command = ["cargo", "mutants", "--package", "libvault-core", "--no-default-features", "--features", "rust-crypto,sqlite"]
    command += ["--output", str(WORK), "--timeout", "300", "--colors", "never", "--no-shuffle"]
    command += [option for file in files for option in ("--file", file)]
    if shard := os.environ.get("MUTANTS_SHARD"):
        command += ["--shard", shard]
    done = subprocess.run([*command, "--", *tests, "--", "--include-ignored"], cwd=ROOT, env=environment)
    if done.returncode not in (0, 2, 3):  # 2: some were missed; 3: some timed out, which is noticed too
        return done.returncode
    return judge()


def judge() -> int:
    listed = {kind: read(WORK / "mutants.out" / f"{kind}.txt") for kind in ("caught", "missed", "timeout", "unviable")}
    accepted = [line.split("  # ")[0] for line in (HERE / "accepted.txt").read_text().splitlines() if line and not line.startswith("#")]
    new = [mutant for mutant in listed["missed"] if mutant not in accepted]
    stale = [mutant for mutant in accepted if mutant in listed["caught"] + listed["timeout"] and mutant not in listed["missed"]]
    for mutant in new:
        print(f"no test notices: {mutant}")
    for mutant in stale:
        print(f"noticed now, so take it out of accepted.txt: {mutant}")
    print(f"mutants: {', '.join(f'{len(mutants)} {kind}' for kind, mutants in listed.items())}; {len(listed['missed']) - len(new)} of the missed are accepted")
    return 1 if new or stale else 0


def read(path: Path) -> list[str]:
    """Without line numbers, which move."""
    return [re.sub(r":\d+:\d+:", ":", line) for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
