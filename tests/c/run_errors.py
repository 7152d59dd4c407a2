#!/usr/bin/env python3
"""Provokes every error code that tests/vectors/reachable.json says C can reach, with test_errors.c.

    run_errors.py PROGRAM DIRECTORY

Fails if a code is not provoked, or if test_errors.c has a recipe that the table does not know. Needs no packages.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CODES = json.loads((TESTS / "vectors/reachable.json").read_text(encoding="utf-8"))["codes"]
VECTORS = {vector["name"]: vector for vector in json.loads((TESTS / "vectors/envelope.json").read_text(encoding="utf-8"))["vectors"]}
LONGEST_SECONDS = 300  # a bound against hanging


def faulty_kms(fault: str):
    """The servers' package imports what only the other tests need, so the one file is loaded by itself."""
    spec = importlib.util.spec_from_file_location("faulty_kms", TESTS / "servers/faulty_kms.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["faulty_kms"] = module
    spec.loader.exec_module(module)
    return module.FaultyKms(fault)


def provoke(program: str, directory: Path, name: str, recipe: dict) -> str:
    directory.mkdir(parents=True)
    if "vector" in recipe:
        vector = VECTORS[recipe["vector"]]
        (directory / "input.bin").write_bytes(bytes.fromhex(vector["envelope_hex"]))
        (directory / "input-context.txt").write_text(",".join(f"{name}={value}" for name, value in vector["context"].items()))
        shutil.copytree(TESTS / "vectors/fixture", directory / "fixture")
        for path in (directory / "fixture").iterdir():
            path.chmod(0o600)
    with faulty_kms(recipe["kms_fault"]) if "kms_fault" in recipe else nullcontext() as kms:
        endpoint = kms.endpoint if kms else "-"
        run = subprocess.run([program, directory, name, endpoint], capture_output=True, text=True, timeout=LONGEST_SECONDS)
    if run.returncode:
        return run.stderr.strip() or f"exit status {run.returncode}"
    return run.stdout.strip()


def main() -> int:
    program, directory = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve()
    shutil.rmtree(directory, ignore_errors=True)
    expected = {name: recipe for name, recipe in CODES.items() if recipe["reachable"] and "c" not in recipe.get("not_in", {})}
    with ThreadPoolExecutor(8) as pool:
        runs = {name: pool.submit(provoke, program, directory / name, name, recipe) for name, recipe in expected.items()}
    wrong = {name: run.result() for name, run in runs.items() if run.result() != name}
    for name, got in wrong.items():
        print(f"{name}: {CODES[name]['how']}: got {got}", file=sys.stderr)
    others = [f"{name} ({recipe.get('arrives_with') or recipe['not_in']['c']})" for name, recipe in CODES.items() if name not in expected]
    print(f"errors: {len(expected) - len(wrong)} of {len(expected)} reachable codes provoked; not in C: {', '.join(others)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
