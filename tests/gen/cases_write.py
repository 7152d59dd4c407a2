"""Byte-exact encryption: what a writer makes from given random bytes."""

from __future__ import annotations

import canon as contexts
import envelope
from cases import (
    ACME,
    ACME_VAULT,
    ANY_OF,
    BETA,
    DUAL_USER,
    MANAGED,
    MANAGED_TWO,
    OLD_ROOT,
    PENDING,
    RETIRED,
    TWO_OWNERS,
    UNICODE,
    Bench,
)
from cases_success import data_key_of
from seeded import SeededBytes
from writer import write


SUBJECT = ("subject_id", "subject_1")


def vectors(bench: Bench) -> list[dict]:
    result = []
    for name, items, data, aad in [
        ("managed", MANAGED, b"attack at dawn", None),
        ("managed-two-items", MANAGED_TWO, b"attack at dawn", None),
        ("managed-empty", MANAGED, b"", None),
        ("managed-one-byte", MANAGED, b"\x00", None),
        ("managed-64", MANAGED, bytes(range(64)), None),
        ("managed-1024", MANAGED, b"a" * 1024, None),
        ("managed-unicode", UNICODE, "Ünïcödé".encode(), None),
        ("managed-aad", MANAGED, b"attack at dawn", b"record 17"),
        ("managed-aad-empty", MANAGED, b"attack at dawn", b""),
        ("managed-old-root-key", OLD_ROOT, b"attack at dawn", None),
        ("managed-while-pending", PENDING, b"attack at dawn", None),
        ("managed-after-retired", RETIRED, b"attack at dawn", None),
        ("customer-gated", ACME, b"attack at dawn", None),
        ("customer-gated-aad", ACME, b"attack at dawn", b"record 17"),
        ("customer-gated-most-specific", ACME_VAULT, b"attack at dawn", None),
        ("customer-gated-two-keys", BETA, b"attack at dawn", None),
        ("customer-gated-two-owners", TWO_OWNERS, b"attack at dawn", None),
        ("dual-control", DUAL_USER, b"attack at dawn", None),
        ("any-of", ANY_OF, b"attack at dawn", None),
    ]:
        result.append(_vector(bench, name, items, data, aad))
    for name, items in [("full-context", MANAGED_TWO), ("full-context-customer-gated", ACME)]:
        result.append(_vector(bench, name, items, b"attack at dawn", None, full_context=True))
    for name, items, size in [
        ("framed", MANAGED, 4097),
        ("framed-customer-gated", ACME, 14),
        ("framed-empty", MANAGED, 0),
    ]:
        result.append(_vector(bench, name, items, b"a" * size, None, flags=0x8C))
    for name, items in [
        ("data-key-managed", MANAGED_TWO),
        ("data-key-customer-gated", ACME),
        ("data-key-two-owners", TWO_OWNERS),
        ("data-key-dual-control", DUAL_USER),
        ("data-key-any-of", ANY_OF),
    ]:
        result.append(_vector(bench, name, items, b"", None, kind=envelope.DATA_KEY, full_context=True))
    for name, items in [
        ("shred-item", [*ACME, SUBJECT]),
        ("shred-item-two-owners", [*TWO_OWNERS, SUBJECT]),
        ("shred-item-any-of", [*ANY_OF, SUBJECT]),
        ("shred-item-dual-control", [("organization_id", "org_dual"), SUBJECT]),
        ("shred-item-managed", [*MANAGED, SUBJECT]),
    ]:
        result.append(_vector(bench, name, items, b"attack at dawn", None))
    items = [*ACME, SUBJECT]
    result.append(_vector(bench, "data-key-shred-item", items, b"", None, kind=envelope.DATA_KEY, full_context=True))
    return result


def _vector(bench: Bench, name: str, items: contexts.Items, data: bytes, aad: bytes | None, **how) -> dict:
    source = SeededBytes("write/" + name)
    recipe = bench.recipe(items, **how)
    written = write(recipe, data, aad, source)
    is_key = recipe.kind == envelope.DATA_KEY
    expected = data_key_of(recipe) if is_key else data
    if bench.read(recipe.kind, written, items, aad).payload != expected:
        raise AssertionError(f"{name}: what was written does not open")
    return {
        "name": name,
        "kind": recipe.kind,
        "context": dict(items),
        "context_in_header": "full" if recipe.full_context else "tag",
        "frame_size_log2": recipe.flags & 0x1F or None,
        "aad_hex": None if aad is None else aad.hex(),
        **({"data_key_hex": expected.hex()} if is_key else {"payload_hex": data.hex()}),
        "random_hex": source.drawn.hex(),
        "envelope_hex": written.hex(),
    }
