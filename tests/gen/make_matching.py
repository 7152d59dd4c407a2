"""Random registries and contexts with the decision that a brute-force model of docs/matching.md takes.

    python tests/gen/make_matching.py --seed 1 --cases 100000 --out cases.jsonl

Each line is {"registry": …, "cases": [{"context": …, "expect": …}, …]}. A registry has the shape of
docs/configuration.md (without `root_key` and `store`). `expect` is {"policy", "bindings": text ids, "keys": text ids
of each, "managed": names of items} or {"error"}; "unshared" is the error of reading a bundle without any share. The alphabets are small, so that subsets, overlaps of owners, misspelt names and crowded
matches are frequent."""

from __future__ import annotations

import argparse
import collections
import json
import sys

import canon
import matching
import registry as registries
from refusal import Refused
from seeded import SeededBytes

CASES_PER_REGISTRY = 50
NAMES = ["organization_id", "user_id", "a", "b", "region"]
LOOKALIKES = [
    "organizationId",
    "Organization_Id",
    "organization-id",
    "ORGANIZATIONID",
    "userid",
    "user-id",
    "A",
    "_a",
    "a-",
    "B",
    "_",
    "-",
    "é",
    "É",
]
VALUES = ["x", "y", "X"]
STATES = ["active"] * 6 + ["suspended", "pending", "pending", "retired"]
POLICIES = ["customer_gated"] * 4 + ["dual_control"] * 2 + ["any_of"] * 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    tally: collections.Counter[str] = collections.Counter()
    written = 0
    with open(arguments.out, "w", encoding="utf-8") as out:
        while written < arguments.cases:
            source = SeededBytes(f"matching/{arguments.seed}/{written}")
            config = _registry(source)
            model = registries.from_mapping(config)
            count = min(CASES_PER_REGISTRY, arguments.cases - written)
            cases = [_case(source, config, model) for _ in range(count)]
            tally.update(_kind(case["expect"]) for case in cases)
            out.write(json.dumps({"registry": config, "cases": cases}) + "\n")
            written += count
    print(f"{written} cases: {dict(sorted(tally.items()))}")
    return 0


def _kind(expected: dict) -> str:
    return expected.get("error") or f"{expected['policy']} of {len(expected['bindings'])}"


def _case(source: SeededBytes, config: dict, model: registries.Registry) -> dict:
    context = _context(source, config)
    canon.canonical(list(context.items()))  # the contexts are all valid
    return {"context": context, "expect": _expected(model, context), "unshared": _unshared(model, context)}


def _expected(model: registries.Registry, context: dict[str, str]) -> dict:
    try:
        decision = matching.decide(model, context)
    except Refused as refused:
        return {"error": refused.error} | ({"names": list(refused.names)} if refused.names else {})
    return {
        "policy": decision.policy,
        "bindings": [b.text for b in decision.bindings],
        "keys": [[key.text for key in b.keys] for b in decision.bindings],
        "managed": list(decision.managed),
    }


def _unshared(model: registries.Registry, context: dict[str, str]) -> str | None:
    try:
        matching.refuse_suspended(model, context)
        matching.refuse_unenforced(model, context, lambda binding: False)
    except Refused as refused:
        return refused.error
    return None


def _registry(source: SeededBytes) -> dict:
    while True:
        config = {
            "fallback": "deny" if source.chance(25) else "managed",
            "strict_names": source.chance(50),
            "required_names": [source.pick(NAMES)] if source.chance(15) else [],
            "shred_items": [source.pick(NAMES) for _ in range(1 + source.below(2))] if source.chance(30) else [],
            "bindings": _crowd(source) if source.chance(12) else _bindings(source),
        }
        try:
            registries.from_mapping(config)
        except ValueError:
            continue  # breaks a rule across records: draw again
        return config


def _bindings(source: SeededBytes) -> list[dict]:
    names = NAMES[: 2 + source.below(4)] + ([source.pick(LOOKALIKES)] if source.chance(40) else [])
    owners = [f"owner-{i}" for i in range(1 + source.below(4))]
    any_of_only = source.chance(25)
    bindings: list[dict] = []
    for _ in range(source.below(16)):
        selector = _items(source, names, 1 + source.below(4))
        entry = _binding(source, len(bindings), source.pick(owners), selector)
        if any_of_only:
            entry["policy"] = "any_of"
        twins = [b for b in bindings if b["selector"] == selector]
        if any(b["owner"] == entry["owner"] and "retired" not in (b["state"], entry["state"]) for b in twins):
            continue
        if any(b["owner"] != entry["owner"] for b in twins):
            for twin in (entry, *twins):
                twin["shared"] = True
        bindings.append(entry)
    return bindings


def _crowd(source: SeededBytes) -> list[dict]:
    """Eight to thirteen owners that share one selector: the match is about as large as it may be."""
    policy = source.pick([None, "customer_gated", "any_of", "dual_control"])
    bindings = []
    for number in range(8 + source.below(6)):
        entry = _binding(source, number, f"owner-{number}", {"organization_id": "x"})
        entry |= {"shared": True, "state": "retired" if source.chance(5) else "active"}
        entry["enforced"] &= entry["state"] == "active"
        if policy:
            entry["policy"] = policy
        if source.chance(70):
            entry["keys"] = entry["keys"][:1]
        if source.chance(20):
            entry["selector"] = {"user_id": source.pick(VALUES)}
        bindings.append(entry)
    return bindings


def _binding(source: SeededBytes, number: int, owner: str, selector: dict[str, str]) -> dict:
    text = f"bnd_{source.take(3).hex()}-{number}"
    keys = [
        {
            "id": f"key_{source.take(3).hex()}.{number}.{k}",
            "provider": "local",
            "path": f"{owner}-{source.below(8)}.key",
        }
        for k in range(1 + (source.below(3) if source.chance(40) else 0))
    ]
    state = source.pick(STATES)
    return {
        "id": text,
        "owner": owner,
        "selector": selector,
        "state": state,
        "enforced": state in ("active", "suspended") and source.chance(20),
        "policy": source.pick(POLICIES),
        "while_pending": "deny" if source.chance(40) else "managed",
        "shared": source.chance(5),
        "keys": keys,
    }


def _context(source: SeededBytes, config: dict) -> dict[str, str]:
    """A few selectors put together, some items more, and now and then a name bent."""
    bindings = config["bindings"]
    context: dict[str, str] = {}
    for _ in range(source.below(4) if bindings else 0):
        context |= source.pick(bindings)["selector"]
    context |= _items(source, NAMES, source.below(3) + (not context))
    if source.chance(25):
        context |= _items(source, LOOKALIKES, 1)
    if source.chance(5):
        context |= {f"extra-{i}": "v" for i in range(10 - len(context))}
    for name in list(context):
        if len(context) > 1 and source.chance(4):
            del context[name]
    return dict(list(context.items())[:10])


def _items(source: SeededBytes, names: list[str], count: int) -> dict[str, str]:
    return {source.pick(names): VALUES[0] if source.chance(60) else source.pick(VALUES) for _ in range(count)}


if __name__ == "__main__":
    sys.exit(main())
