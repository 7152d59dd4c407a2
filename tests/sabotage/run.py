#!/usr/bin/env python3
"""Breaks each promise by the smallest edit that compiles, and requires that the test named for it goes red.

    tests/sabotage/run.py            all patches
    tests/sabotage/run.py P2 P7-…    those whose names begin so
    tests/sabotage/run.py --check    only that every patch still applies

A patch begins with a header: `Promise:`, `Breaks:`, `Test:`, the last a command of bash that runs in the scratch tree. Everything happens in
build/sabotage/tree, a copy of the tracked files as they are now; the working tree is not touched. First every command must pass on the
unbroken copy: a test that is red anyway proves nothing. A patch that does not apply, or that does not compile, fails the run.
RESULTS.md has the last outcome of each patch as it is now; it is written when there is one for all of them.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "sabotage"
TREE = WORK / "tree"
SECONDS = 3600  # against a test that hangs when it is sabotaged
# What a compiler says, in whatever language: the patch is at fault and not the test.
BROKEN_BUILD = re.compile(r"^error(\[E\d+\])?: (?!test failed)|could not compile|: error: ", re.MULTILINE)


@dataclass(frozen=True)
class Patch:
    path: Path
    promise: str
    breaks: str
    test: str

    @staticmethod
    def read(path: Path) -> "Patch":
        fields = {}
        for name in ("Promise", "Breaks", "Test"):
            found = re.search(rf"^{name}: (.+)$", path.read_text(), re.MULTILINE)
            if not found:
                sys.exit(f"{path.name} has no line `{name}: …`")
            fields[name.lower()] = found[1]
        if not path.name.startswith(fields["promise"] + "-"):
            sys.exit(f"{path.name} is for {fields['promise']}")
        return Patch(path, **fields)

    @property
    def files(self) -> list[str]:
        return re.findall(r"^\+\+\+ b/(\S+)", self.path.read_text(), re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    patch: Patch
    verdict: str
    evidence: str


def main(arguments: list[str]) -> int:
    patches = [Patch.read(path) for path in sorted(HERE.glob("P*.patch"), key=lambda path: (promise_number(path), path.name))]
    copy_tree()
    stale = [patch for patch in patches if not apply(patch, check=True)]
    for patch in stale:
        print(f"{patch.path.name} does not apply any more: make it again against today's sources", file=sys.stderr)
    if stale or arguments == ["--check"]:
        print(f"sabotage: {len(patches) - len(stale)} of {len(patches)} patches apply")
        return 1 if stale else 0
    chosen = [patch for patch in patches if not arguments or any(patch.path.name.startswith(prefix) for prefix in arguments)]
    for command in dict.fromkeys(patch.test for patch in chosen):
        print(f"control: {command}", flush=True)
        passed, log = run(command, "control")
        if not passed:
            sys.exit(f"red without any sabotage: {command}\n{tail(log)}")
    outcomes = [sabotage(patch) for patch in chosen]
    known = remember(outcomes, patches)
    if all(patch.path.name in known for patch in patches):
        (HERE / "RESULTS.md").write_text(report([known[patch.path.name] for patch in patches]))
    missed = [outcome for outcome in outcomes if outcome.verdict != "red"]
    print(f"sabotage: {len(outcomes) - len(missed)} passed, {len(missed)} failed")
    return 1 if missed else 0


def promise_number(path: Path) -> int:
    return int(re.match(r"P(\d+)-", path.name)[1])


def copy_tree() -> None:
    """Only what changed is written, so that little is compiled again."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        restore(name)
    for path in TREE.rglob("*"):
        if path.is_file() and str(path.relative_to(TREE)) not in names and "/.pytest_cache/" not in str(path) and path.suffix in (".rs", ".toml"):
            path.unlink()


def restore(name: str) -> None:
    source, target = ROOT / name, TREE / name
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not its old time: cargo would take the sabotaged build for a newer one.
    shutil.copyfile(source, target)
    shutil.copymode(source, target)


def apply(patch: Patch, check: bool = False) -> bool:
    # The scratch tree lies inside a repository, whose root would otherwise be what paths are relative to.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(WORK)}
    command = ["git", "apply", "-C1", *(["--check"] if check else []), str(patch.path)]
    done = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, text=True)
    if not check and any((TREE / name).read_bytes() == (ROOT / name).read_bytes() for name in patch.files):
        return False
    return done.returncode == 0


def sabotage(patch: Patch) -> Outcome:
    started = time.monotonic()
    try:
        if not apply(patch):
            outcome = Outcome(patch, "does not apply", "")
        else:
            passed, log = run(patch.test, patch.path.stem)
            outcome = judge(patch, passed, log)
    finally:
        for name in patch.files:
            restore(name)
    print(f"{outcome.verdict:14} {patch.path.name}  ({time.monotonic() - started:.0f} s)  {outcome.evidence}", flush=True)
    return outcome


def judge(patch: Patch, passed: bool, log: str) -> Outcome:
    if passed:
        return Outcome(patch, "GREEN", "no test noticed")
    if BROKEN_BUILD.search(log):
        return Outcome(patch, "DOES NOT BUILD", tail(log))
    failed = re.findall(r"^(?:test (\S+) \.\.\. FAILED|FAILED (\S+)|(\S+): FAILED.*)$", log, re.MULTILINE)
    names = list(dict.fromkeys("".join(names).split("/")[-1] for names in failed))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return Outcome(patch, "red", ", ".join(f"`{name}`" for name in names[:3]) + more or f"`{tail(log).splitlines()[-1]}`")


def run(command: str, name: str) -> tuple[bool, str]:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "sabotage"
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(target),
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_TERM_COLOR": "never",
        "PYTHON": sys.executable,
    }
    log = WORK / f"{name}.log"
    with log.open("w") as output:
        try:
            done = subprocess.run(
                ["bash", "-eu", "-o", "pipefail", "-c", command],
                cwd=TREE, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=SECONDS,
            )  # fmt: skip
            passed = done.returncode == 0
        except subprocess.TimeoutExpired:
            passed = False
    return passed, log.read_text(errors="replace")


def tail(log: str) -> str:
    return "\n".join(log.strip().splitlines()[-12:])


def remember(outcomes: list[Outcome], patches: list[Patch]) -> dict[str, Outcome]:
    """The last outcome of each patch, by its name, unless the patch was changed since."""
    path = WORK / "outcomes.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept |= {digest(outcome.patch): [outcome.verdict, outcome.evidence] for outcome in outcomes}
    path.write_text(json.dumps(kept, indent=1))
    return {patch.path.name: Outcome(patch, *kept[digest(patch)]) for patch in patches if digest(patch) in kept}


def digest(patch: Patch) -> str:
    """Of what is changed and of the test, but not of line numbers and what stands around it."""
    changes = [line for line in patch.path.read_text().splitlines() if line[:1] in "+-"]
    return hashlib.sha256("\n".join([patch.path.name, patch.breaks, patch.test, *changes]).encode()).hexdigest()


def report(outcomes: list[Outcome]) -> str:
    lines = [
        "# Sabotage",
        "",
        "Written by `make sabotage`. Each patch in this directory breaks a promise of the threat model by the smallest edit that compiles; the test",
        "named in its header must go red, and passes without the edit.",
        "",
        "| promise | patch | what it breaks | outcome | what went red |",
        "|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        patch = outcome.patch
        lines.append(f"| {patch.promise} | [{patch.path.stem}]({patch.path.name}) | {patch.breaks} | {outcome.verdict} | {outcome.evidence} |")
    red = sum(outcome.verdict == "red" for outcome in outcomes)
    return "\n".join([*lines, "", f"{red} of {len(outcomes)} went red; every command passed without sabotage.", ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
