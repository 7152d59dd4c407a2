#!/usr/bin/env python3
"""Checks the table of errors, and that every language's copy of it is up to date.

The copies (Rust core, C codes, Python exceptions, Node classes) are made by tools/generate_errors.py, which is asked
whether it would write them again as they are. The table itself must keep what programs rely on: a code and a name
stand once; the hundreds of a code say its kind; every kind ends the command line with an exit code of its own, which is
neither success nor clap's 2; `retryable` is true for all of kind `unavailable` and for nothing else. reachable.json says of
every code how it is provoked, or what will bring it.

Exits with 1 and says why on the first thing that does not hold.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HUNDREDS = {1: "input", 2: "policy", 3: "key", 4: "unavailable", 5: "integrity", 6: "usage", 9: "internal"}
CLAP_USAGE = 2


def problems(table: dict):
    rows, kinds = table["errors"], table["kinds"]
    exit_codes = {kind["name"]: kind["exit_code"] for kind in kinds}
    if set(exit_codes) != set(HUNDREDS.values()):
        yield f"the kinds are {sorted(exit_codes)}"
    if len(set(exit_codes.values())) != len(kinds) or {0, CLAP_USAGE} & set(exit_codes.values()):
        yield f"the exit codes are not distinct or not free: {exit_codes}"
    for column in ("code", "name"):
        values = [row[column] for row in rows]
        yield from (f"{column} {value} stands twice" for value in sorted(set(values)) if values.count(value) > 1)
    for row in rows:
        if row.keys() != {"code", "name", "kind", "retryable", "action"}:
            yield f"{row['name']} has the fields {sorted(row)}"
        if HUNDREDS.get(row["code"] // 100) != row["kind"]:
            yield f"{row['name']}: code {row['code']} does not belong to the kind {row['kind']}"
        if row["retryable"] != (row["kind"] == "unavailable"):
            yield f"{row['name']}: retryable is {row['retryable']}, but its kind is {row['kind']}"
        if not re.fullmatch(r"([A-Z][a-z]+)+", row["name"]):
            yield f"{row['name']} is not a name of words"
        if not row["action"].endswith("."):
            yield f"{row['name']}: the action is not a sentence"


def unreachable(table: dict, codes: dict):
    if list(codes) != [row["name"] for row in table["errors"]]:
        yield "it does not have the names of errors.json in their order"
    for name, entry in codes.items():
        if entry.keys() - {"kms_fault", "vector", "binding", "not_in"} != {"reachable", "how" if entry["reachable"] else "arrives_with"}:
            yield f"{name} has the fields {sorted(entry)}"


def main() -> int:
    table = json.loads((ROOT / "tests/vectors/errors.json").read_text(encoding="utf-8"))
    for problem in problems(table):
        print(f"tests/vectors/errors.json: {problem}", file=sys.stderr)
        return 1
    reachable = json.loads((ROOT / "tests/vectors/reachable.json").read_text(encoding="utf-8"))
    for problem in unreachable(table, reachable["codes"]):
        print(f"tests/vectors/reachable.json: {problem}", file=sys.stderr)
        return 1
    # From the root, since rustfmt looks for its configuration upwards from the working directory.
    copies = subprocess.run([sys.executable, ROOT / "tools/generate_errors.py", "--check"], cwd=ROOT, check=False)
    if copies.returncode:
        return 1
    print(f"errors: {len(table['errors'])} rows, every language up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
