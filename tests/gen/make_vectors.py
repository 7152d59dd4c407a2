"""Writes tests/vectors/: the fixture, envelope.json, context.json, write.json, change.json and flip.json.

    python tests/gen/make_vectors.py            writes the files
    python tests/gen/make_vectors.py --check    makes them in memory and fails if a committed file differs

Everything is computed anew from fixed seeds, so that two runs give the same bytes."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import cases_bundle
import cases_change
import cases_context
import cases_crypto
import cases_enforced
import cases_flip
import cases_header
import cases_meaning
import cases_order
import cases_success
import cases_write
import fixture
import store
from cases import Bench, Vector
from vault import Vault

ROOT = Path(__file__).resolve().parents[2]
SPECIFICATION = ROOT / "docs" / "envelope.md"
VECTORS = ROOT / "tests" / "vectors"
FIXTURE = VECTORS / "fixture"
LEAST_VECTORS = 80
FIRST_RULE_WITH_CALLS, LAST_RULE_WITH_CALLS = 27, 31


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the test vectors.")
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files in place of writing them"
    )
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        fixture.write(fresh)
        made = make(Vault(fresh))
        problems = compare(fresh, made) if check else []
        if not check:
            publish(fresh, made)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        summarise(made)
    return 1 if problems else 0


def make(vault: Vault) -> dict[str, dict]:
    """File name → content of every vector file."""
    bench = Bench(vault)
    for cases in (
        cases_success,
        cases_header,
        cases_bundle,
        cases_meaning,
        cases_crypto,
        cases_order,
        cases_enforced,
    ):
        cases.add(bench)
    check_coverage(bench.vectors)
    changes = cases_change.vectors(bench)
    check_change_coverage(changes)
    return {
        "envelope.json": _file(
            "Envelopes and bare bundles that open or are refused.",
            "docs/envelope.md",
            vectors=[_entry(vector) for vector in bench.vectors],
        ),
        "context.json": _file(
            "Key contexts and their canonical form.",
            "docs/envelope.md section 2",
            vectors=cases_context.vectors(),
            utf16_vectors=cases_context.utf16_vectors(),
            bytes_vectors=cases_context.bytes_vectors(),
        ),
        "write.json": _file(
            "What a writer makes from given random bytes.",
            "docs/envelope.md sections 3 to 6",
            draws="32 bytes for each share in order (their XOR is the data key); 16 for the message id "
            "(envelopes only); 16 of salt for each wrap in order",
            vectors=cases_write.vectors(bench),
        ),
        "change.json": _file(
            "What rewrap, reencrypt and rekey make from given random bytes, or why they refuse.",
            "docs/envelope.md section 8",
            draws="rewrap and rekey: 32 bytes for each share but the last in order; reencrypt: as in write.json; "
            "then 16 of salt for each wrap in order",
            vectors=changes,
        ),
        "flip.json": _file(
            "Every byte altered in turn: errors[i] (an index into error_names) and kms_calls[i] are the outcome "
            "for byte i XOR xor.",
            "docs/envelope.md section 7",
            vectors=cases_flip.vectors(bench),
        ),
    }


def check_coverage(vectors: list[Vector]) -> None:
    """Every rule of the specification has a vector, and every vector a rule of the specification with its error."""
    rules = dict(re.findall(r"^\| (R\d+) \|.*\| `(\w+)` \|$", SPECIFICATION.read_text("utf-8"), re.MULTILINE))
    broken = {vector.rule for vector in vectors if vector.rule}
    missing, unknown = set(rules) - broken, broken - set(rules)
    wrong = [v.name for v in vectors if v.rule and rules.get(v.rule) != v.outcome.error]
    early = [v.name for v in vectors if v.rule and not _has_calls(v.rule) and v.outcome.kms_calls]
    failures = sum(vector.rule is not None for vector in vectors)
    if missing or unknown or wrong or early:
        raise SystemExit(
            f"rules without a vector: {sorted(missing)}; vectors without a rule: {sorted(unknown)}; "
            f"other error: {wrong}; calls before stage 4: {early}"
        )
    if len(vectors) < LEAST_VECTORS or failures * 2 <= len(vectors):
        raise SystemExit("too few vectors, or failures do not outnumber successes")


def check_change_coverage(changes: list[dict]) -> None:
    """Every rule of changing keys has a vector with its error, and no rule of reading or changing is too late for a call."""
    rules = dict(re.findall(r"^\| (C\d+) \|.*\| `(\w+)` \|$", SPECIFICATION.read_text("utf-8"), re.MULTILINE))
    missing = set(rules) - {entry["rule"] for entry in changes}
    wrong = [e["name"] for e in changes if e["rule"] in rules and rules[e["rule"]] != e["expect"]["error"]]
    early = [e["name"] for e in changes if "error" in e["expect"] and not _has_calls(e["rule"]) and e["kms_calls"]]
    if not rules or missing or wrong or early:
        raise SystemExit(f"rules without a change: {sorted(missing)}; other error: {wrong}; calls too early: {early}")


def _has_calls(rule: str | None) -> bool:
    return rule is not None and rule[0] == "R" and FIRST_RULE_WITH_CALLS <= int(rule[1:]) <= LAST_RULE_WITH_CALLS


def _file(about: str, spec: str, **content) -> dict:
    return {"about": f"{about} Made by tests/gen/make_vectors.py; see README.md.", "spec": spec, **content}


def _entry(vector: Vector) -> dict:
    outcome = vector.outcome
    return {
        "name": vector.name,
        "rule": vector.rule,
        "comment": vector.comment,
        "kind": vector.kind,
        "context": dict(vector.context),
        "aad_hex": None if vector.aad is None else vector.aad.hex(),
        "envelope_hex": vector.data.hex(),
        "expect": {"error": outcome.error} if outcome.error else _payload(outcome.payload),
        "kms_calls": outcome.kms_calls,
        **({"without_rule": vector.without_rule} if vector.rule else {}),
    }


def _payload(data: bytes) -> dict:
    if len(data) > 1024 and len(set(data)) == 1:
        return {"payload_repeat": {"byte": f"{data[0]:02x}", "count": len(data)}}
    return {"payload_hex": data.hex()}


def render(content: dict) -> str:
    """JSON with one line for each entry of a list, so that a change of one vector is a change of one line."""
    parts = []
    for name, value in content.items():
        if isinstance(value, list):
            entries = ",\n".join("  " + json.dumps(entry) for entry in value)
            parts.append(f" {json.dumps(name)}: [\n{entries}\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def publish(fresh: Path, made: dict[str, dict]) -> None:
    shutil.rmtree(FIXTURE, ignore_errors=True)
    shutil.copytree(fresh, FIXTURE)
    FIXTURE.chmod(0o755)  # the temporary directory is private
    for name, content in made.items():
        (VECTORS / name).write_text(render(content), "utf-8")


def compare(fresh: Path, made: dict[str, dict]) -> list[str]:
    problems = [
        f"tests/vectors/{name} is not what make_vectors.py makes"
        for name, content in made.items()
        if not (VECTORS / name).exists() or (VECTORS / name).read_text("utf-8") != render(content)
    ]
    names = {path.name for path in fresh.iterdir()} | {path.name for path in FIXTURE.glob("*")}
    for name in sorted(names):
        same = (
            (fresh / name).exists()
            and (FIXTURE / name).exists()
            and (
                _same_store(fresh / name, FIXTURE / name)
                if name.endswith(".db")
                else (fresh / name).read_bytes() == (FIXTURE / name).read_bytes()
            )
        )
        if not same:
            problems.append(f"tests/vectors/fixture/{name} is not what make_vectors.py makes")
    return problems


def _same_store(one: Path, other: Path) -> bool:
    """Equal content and journal mode; the bytes may differ between versions of SQLite."""

    def content(path: Path) -> tuple:
        db = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
        try:
            return store.describe(db), path.read_bytes()[18:20]
        finally:
            db.close()

    return content(one) == content(other)


def summarise(made: dict[str, dict]) -> None:
    for name, content in made.items():
        counts = ", ".join(f"{len(value)} {key}" for key, value in content.items() if isinstance(value, list))
        print(f"{name}: {counts}")


if __name__ == "__main__":
    sys.exit(main())
