"""Vectors of stage 3 for enforced bindings (R32), and bundles of them and of shred items that open."""

from __future__ import annotations

import envelope
from cases import ACME, PAYLOAD, Bench
from writer import ShareRecipe

GATED = envelope.CUSTOMER_GATED
ENFORCED = [("organization_id", "org_enforced")]
ENFORCED_ANY = [("partner_id", "partner_enforced")]
IOTA = [("organization_id", "org_iota")]
IOTA_OPEN = [*IOTA, ("project", "open")]
TOLERANT = [("organization_id", "org_tolerant")]
SUBJECT = ("subject_id", "subject_1")


def add(bench: Bench) -> None:
    _opens(bench)
    _refused(bench)
    _order(bench)


def _opens(bench: Bench) -> None:
    share, managed = bench.binding_share, bench.wrapping.managed_share

    def opens(name: str, comment: str, items, recipe=None) -> None:
        data = bench.write(recipe or bench.recipe(items), name)
        bench.opens(name, comment, items, data, PAYLOAD)

    opens("enforced", "the share of the enforced binding is there", ENFORCED)
    opens("enforced-any-of", "any_of: the wraps are of the enforced binding's keys", ENFORCED_ANY)
    one = ShareRecipe(envelope.ANY_OF_ID, share("bnd_enforced_any").wraps[1:])
    opens(
        "enforced-any-of-one-key",
        "any_of: a wrap by one of the enforced binding's keys is enough",
        ENFORCED_ANY,
        bench.shares(envelope.ANY_OF, ENFORCED_ANY, [one]),
    )
    opens(
        "enforced-not-most-specific",
        "the enforced binding is not in the match: its owner's narrower one is, which is not enforced",
        IOTA_OPEN,
    )
    opens(
        "enforced-not-in-match-managed",
        "managed data; the enforced binding is not in the match",
        IOTA_OPEN,
        bench.shares(envelope.MANAGED, IOTA_OPEN, [managed(IOTA_OPEN)]),
    )
    two = [*ENFORCED, ("partner_id", "partner_delta")]
    opens("enforced-beside", "the share of the enforced binding and one more", two)
    opens("missing-wrap", "one of two wraps is missing (min_wraps); the other opens", TOLERANT, _second_only(bench))
    opens("shred-item", "customer_gated with the managed share of a shred item", [*ACME, SUBJECT])
    opens("shred-item-managed", "managed data names all items, shred items or not", [("organization_id", "org_managed"), SUBJECT])
    opens("shred-item-dual", "dual_control names all items", [("organization_id", "org_dual"), SUBJECT])
    opens("shred-item-any-of", "any_of with the managed share of a shred item", [("organization_id", "org_any"), SUBJECT])
    opens(
        "shred-item-absent",
        "written before shred_items named the item: nothing is missing",
        [*ACME, SUBJECT],
        bench.shares(GATED, [*ACME, SUBJECT], [share("bnd_acme")]),
    )


def _second_only(bench: Bench):
    share = bench.binding_share("bnd_tolerant")
    return bench.shares(GATED, TOLERANT, [ShareRecipe(share.binding_id, share.wraps[1:])])


def _refused(bench: Bench) -> None:
    share, managed = bench.binding_share, bench.wrapping.managed_share

    def refused(name: str, comment: str, items, policy: int, *parts) -> None:
        bench.refused("R32", name, comment, items, bench.write(bench.shares(policy, items, list(parts)), name))

    refused("enforced-managed", "managed data of a context with an enforced binding", ENFORCED, envelope.MANAGED, managed(ENFORCED))
    both = [*ENFORCED, *ENFORCED_ANY]
    any_wraps = [*share("bnd_enforced").wraps, *share("bnd_enforced_any").wraps]
    refused(
        "enforced-gated-any-of",
        "any_of: a wrap by the enforced binding's key is there, but its policy is customer_gated, and the other owner's key opens without it",
        both,
        envelope.ANY_OF,
        ShareRecipe(envelope.ANY_OF_ID, any_wraps),
    )
    any_of = ENFORCED_ANY
    refused("enforced-any-of-managed", "the enforced binding says any_of", any_of, envelope.MANAGED, managed(any_of))
    beside = [*ENFORCED, ("partner_id", "partner_delta")]
    refused("enforced-other-owner", "a share of another owner's binding only", beside, GATED, share("bnd_delta"))
    wraps = ShareRecipe(envelope.ANY_OF_ID, share("bnd_delta").wraps)
    refused("enforced-any-of-other-owner", "any_of without a wrap by its keys", beside, envelope.ANY_OF, wraps)
    refused(
        "enforced-narrower-only",
        "a share of another binding of the same owner",
        IOTA,
        GATED,
        share("bnd_enforced_narrow"),
    )
    bare = bench.shares(envelope.MANAGED, ENFORCED, [managed(ENFORCED)], kind=envelope.DATA_KEY, full_context=True)
    bench.refused(
        "R32",
        "enforced-bare",
        "bare bundle, managed",
        ENFORCED,
        bench.write(bare, "enforced-bare"),
        kind=envelope.DATA_KEY,
    )


def _order(bench: Bench) -> None:
    share, managed = bench.binding_share, bench.wrapping.managed_share
    both = [*ENFORCED, ("partner_id", "partner_delta")]
    bench.refused(
        "R32",
        "order-enforced-and-unknown",
        "R32 comes before the shares and their R24",
        both,
        bench.shares(GATED, both, [ShareRecipe(bytes(15) + b"\x07", share("bnd_delta").wraps)]),
    )
    suspended = [("organization_id", "org_suspended"), ("partner_id", "partner_enforced")]
    bench.refused(
        "R23",
        "order-suspended-and-enforced",
        "R23 comes before R32",
        suspended,
        bench.shares(envelope.MANAGED, suspended, [managed(suspended)]),
    )
