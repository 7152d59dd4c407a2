"""Vectors that break two rules: section 7 says which one decides. Their names begin with `order-`."""

from __future__ import annotations

import envelope
from cases import ACME, BETA, MANAGED, MANAGED_TWO, OTHER, PENDING, SUSPENDED, Bench, marks
from registry import key_id
from seeded import SeededBytes
from writer import Recipe, ShareRecipe, WrapRecipe

GATED = envelope.CUSTOMER_GATED
BARE = {"kind": envelope.DATA_KEY, "full_context": True}


def add(bench: Bench) -> None:
    _parsing(bench)
    _later_stages(bench)


def _parsing(bench: Bench) -> None:
    bench.refused(
        "R6",
        "order-reserved-and-purpose",
        "R6 before R7",
        MANAGED,
        bench.recipe(MANAGED, reserved=1, purpose=1, full_context=True),
    )
    good = bench.honest(MANAGED, "order-parsing")
    at = marks(good)["share-count"]
    bench.refused(
        "R9",
        "order-share-count-and-end",
        "R9 as soon as the count is read, before R1",
        MANAGED,
        good[: at - 1] + b"\x0b",
    )
    two = bench.binding_share("bnd_beta")
    two.wraps = two.wraps * 6
    lower = ShareRecipe(bytes(15) + b"\x01", two.wraps)
    recipe = bench.shares(GATED, BETA, [])
    recipe.shares = [bench.binding_share("bnd_beta"), lower]
    bench.refused(
        "R17",
        "order-share-order-and-wrap-count",
        "R17 when the binding id is read, before R9 for its wraps",
        BETA,
        recipe,
    )
    managed = bench.wrapping.managed_wrap
    wraps = [managed(MANAGED_TWO[:1]), managed(MANAGED_TWO[1:])]
    wraps[0].change_blob = lambda blob: bytes(1025)
    bench.refused(
        "R12",
        "order-managed-wrap-count-and-blob",
        "R12 when the wrap count is read, before R15 for the blob",
        MANAGED_TWO,
        bench.shares(envelope.MANAGED, MANAGED_TWO, [ShareRecipe(envelope.MANAGED_ID, wraps)]),
    )
    acme = bench.binding("bnd_acme")
    twice = [bench.wrapping.customer_wrap(acme.keys[0].id) for _ in range(2)]
    twice[1].change_blob = lambda blob: bytes(1025)
    bench.refused(
        "R15",
        "order-key-twice-and-blob",
        "R16 speaks of a whole share and is applied at its end, after R15",
        ACME,
        bench.shares(GATED, ACME, [ShareRecipe(acme.id, twice)]),
    )
    shares = [bench.wrapping.managed_share(MANAGED), bench.binding_share("bnd_acme")]
    shares[1].wraps[0].change_blob = lambda blob: bytes(1025)
    bench.refused(
        "R15",
        "order-policy-and-blob",
        "R18 speaks of all shares and is applied after the last, after R15",
        MANAGED,
        bench.shares(envelope.MANAGED, MANAGED, shares),
    )


def _later_stages(bench: Bench) -> None:
    source = SeededBytes("order")
    share = bench.binding_share

    def gated(items, *parts) -> Recipe:
        return bench.shares(GATED, items, list(parts))

    def stranger(text: str) -> ShareRecipe:
        binding = bench.binding(text)
        return ShareRecipe(binding.id, [WrapRecipe([key_id("key_stranger")], lambda bind, salt, plaintext: bytes(100))])

    bare = bench.write(bench.recipe(MANAGED, **BARE), "order-bare")
    bench.refused(
        "R21", "order-trailing-and-context", "stage 1 before stage 2", OTHER, bare + b"\x00", kind=envelope.DATA_KEY
    )
    bench.refused(
        "R22",
        "order-context-and-suspended",
        "stage 2 before stage 3: the expected context is suspended",
        SUSPENDED,
        bench.honest(MANAGED, "order-context"),
    )
    bench.refused(
        "R23",
        "order-suspended-match-and-unknown",
        "the match before the shares",
        SUSPENDED,
        gated(SUSPENDED, ShareRecipe(source.take(16), share("bnd_acme").wraps)),
    )
    bench.refused(
        "R25",
        "order-other-tenant-and-suspended",
        "within a binding R25 before R23",
        ACME,
        gated(ACME, share("bnd_suspended")),
    )
    bench.refused(
        "R25",
        "order-other-tenant-and-pending",
        "within a binding R25 before R26",
        ACME,
        gated(ACME, share("bnd_pending")),
    )
    bench.refused(
        "R25",
        "order-other-tenant-and-unknown-key",
        "within a binding R25 before R24 for its keys",
        ACME,
        gated(ACME, stranger("bnd_beta")),
    )
    bench.refused(
        "R26",
        "order-pending-and-unknown-key",
        "within a binding R26 before R24 for its keys",
        PENDING,
        gated(PENDING, stranger("bnd_pending")),
    )
    reversed_keys = bench.wrapping.managed_wrap(list(reversed(MANAGED_TWO)))
    reversed_keys.key_ids[1] = source.take(16)
    bench.refused(
        "R24",
        "order-managed-key-unknown-and-order",
        "within the managed share R24 before R25",
        MANAGED_TWO,
        bench.shares(envelope.MANAGED, MANAGED_TWO, [ShareRecipe(envelope.MANAGED_ID, [reversed_keys])]),
    )
    wraps = share("bnd_beta").wraps[:1] + stranger("bnd_acme").wraps
    bench.refused(
        "R25",
        "order-any-of-tenant-and-unknown",
        "any_of: one wrap after the other, the first one decides",
        ACME,
        bench.shares(envelope.ANY_OF, ACME, [ShareRecipe(envelope.ANY_OF_ID, wraps)]),
    )
    first, second = stranger("bnd_acme"), share("bnd_delta")  # bnd_delta sorts before bnd_acme
    bench.refused(
        "R25",
        "order-two-shares",
        "the shares in their order: the first one's rule decides",
        ACME,
        gated(ACME, first, second),
    )
