"""Every byte of a small envelope altered in turn: the outcome at each offset, by the reader of this directory."""

from __future__ import annotations

import envelope
from cases import ACME, ANY_OF, DUAL, MANAGED, Bench, flip

MASKS = (0x01, 0x80)
NEVER = (None, "Internal")


def vectors(bench: Bench) -> list[dict]:
    bare = {"kind": envelope.DATA_KEY, "full_context": True}
    return [
        _table(bench, name, items, **how)
        for name, items, how in [
            ("managed", MANAGED, {}),
            ("customer_gated", ACME, {}),
            ("dual_control", DUAL, {}),
            ("any_of", ANY_OF, {}),
            ("managed-data-key", MANAGED, bare),
            ("customer_gated-data-key", ACME, bare),
        ]
    ]


def _table(bench: Bench, name: str, items, **how) -> dict:
    recipe = bench.recipe(items, **how)
    data = bench.write(recipe, "flip/" + name, b"abc")
    names: list[str] = []
    tables = []
    for mask in MASKS:
        errors, calls = [], []
        for at in range(len(data)):
            outcome = bench.read(recipe.kind, flip(data, at, mask), items)
            if outcome.error in NEVER:
                raise AssertionError(f"{name}: byte {at} xor {mask:02x} gives {outcome}")
            if outcome.error not in names:
                names.append(outcome.error)
            errors.append(names.index(outcome.error))
            calls.append(outcome.kms_calls)
        tables.append({"xor": f"{mask:02x}", "errors": errors, "kms_calls": calls})
    return {
        "name": name,
        "kind": recipe.kind,
        "context": dict(items),
        "aad_hex": None,
        "envelope_hex": data.hex(),
        "error_names": names,
        "tables": tables,
    }
