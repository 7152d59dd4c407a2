#!/usr/bin/env python3
"""Changes format, context and matching in every small way that cargo-mutants knows, and requires that a test notices.

    tests/mutants/run.py                               everything; hours on two cores
    tests/mutants/run.py matching                      context and matching; or: format
    MUTANTS_SHARD=0/8 tests/mutants/run.py             a part of each
    MUTANTS_CONTINUE=1 tests/mutants/run.py            what an interrupted run left

Each mutant first meets the fast tests; who survives them meets the slow ones of its group: matching compared to the brute-force model in 100,000 cases, streams.
A mutant that no test notices must stand in accepted.txt with a reason, once for each place; one that stands there and is noticed must be taken out.
Needs cargo-mutants. The tests are those of core without providers that need a network, in a debug build.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "mutants"
CASES = WORK / "matching.jsonl"
# Only the crate itself is built with little optimization or none: most of the time of a run is spent in the cryptography of the dependencies.
OPTIMIZED_DEPENDENCIES = '--config=profile.dev.package."*".opt-level=2'
# What is built, and what of it is run.
FAST = ["--lib", "--test=vectors"], ["--skip", "lease", "--skip", "isolation", "--skip", "fork", "--skip", "brute_force"]
GROUPS = {
    "matching": ["core/src/context.rs", "core/src/registry/matcher.rs", "core/src/registry/index.rs"],
    "format": ["core/src/envelope.rs", "core/src/envelope/*.rs"],
}
WHOLE = {
    "matching": (["--lib", "--test=vectors", "--test=streams"], []),
    "format": (["--lib", "--test=vectors", "--test=streams"], ["--skip", "brute_force"]),
}


def main(groups: list[str]) -> int:
    WORK.mkdir(parents=True, exist_ok=True)
    if not CASES.exists():
        generator = ROOT / "tests" / "gen" / "make_matching.py"
        subprocess.run([sys.executable, generator, "--seed", "1", "--cases", "100000", "--out", CASES], check=True)
    return max(run_group(group) for group in groups or GROUPS)


def run_group(group: str) -> int:
    output = WORK / group
    if not os.environ.get("MUTANTS_CONTINUE"):
        shutil.rmtree(output, ignore_errors=True)
    for (built, chosen), optimization in (FAST, "0"), (WHOLE[group], "1"):
        if code := run(output, GROUPS[group], built, chosen, optimization):
            return code
    return judge(output / "mutants.out")


def run(output: Path, files: list[str], built: list[str], chosen: list[str], optimization: str) -> int:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "sabotage"
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(target),  # shared with the sabotage, which builds the same dependencies
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_PROFILE_DEV_OPT_LEVEL": optimization,
        "LIBVAULT_MATCHING_CASES": str(CASES),
    }
    output.mkdir(exist_ok=True)
    # With --iterate, what an earlier run caught is not run again.
    command = ["cargo", "mutants", "--iterate", "--package", "libvault-core", "--no-default-features", "--features", "rust-crypto,sqlite"]
    command += ["--output", str(output), "--timeout", "120", "--colors", "never", "--no-shuffle"]
    command += [f"--cargo-arg={argument}" for argument in [OPTIMIZED_DEPENDENCIES, *built]]
    command += [option for file in files for option in ("--file", file)]
    if shard := os.environ.get("MUTANTS_SHARD"):
        command += ["--shard", shard]
    done = subprocess.run([*command, "--", "--", "--include-ignored", *chosen], cwd=ROOT, env=environment)
    return 0 if done.returncode in (0, 2, 3) else done.returncode  # 2: some were missed; 3: some timed out, which is noticed too


def judge(output: Path) -> int:
    listed = {kind: read(output / f"{kind}.txt") for kind in ("caught", "previously_caught", "missed", "timeout", "unviable")}
    lines = (HERE / "accepted.txt").read_text().splitlines()
    accepted = Counter(line.split("  # ")[0] for line in lines if line and not line.startswith("#"))
    missed = Counter(listed["missed"])
    new = missed - accepted
    known = set(itertools.chain.from_iterable(listed.values()))
    stale = Counter({mutant: count for mutant, count in accepted.items() if mutant in known}) - missed
    for mutant in new.elements():
        print(f"no test notices: {mutant}")
    for mutant in stale.elements():
        print(f"noticed now, so take it out of accepted.txt: {mutant}")
    counts = ", ".join(f"{len(mutants)} {kind.replace('_', ' ')}" for kind, mutants in listed.items())
    print(f"mutants: {counts}; {missed.total() - new.total()} of the missed are accepted")
    return 1 if new or stale else 0


def read(path: Path) -> list[str]:
    """Without line numbers, which move."""
    return [re.sub(r":\d+:\d+:", ":", line) for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
