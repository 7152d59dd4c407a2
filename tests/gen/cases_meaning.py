"""Vectors that stages 2 and 3 refuse, R22 to R26: well-formed bytes that are not for this context or this registry."""

from __future__ import annotations

import canon as contexts
import envelope
import keys
from cases import (
    ACME,
    ACME_VAULT,
    ANY_OF,
    BETA,
    DUAL_USER,
    EPSILON_OPEN,
    MANAGED,
    MANAGED_TWO,
    OTHER,
    PENDING,
    SUSPENDED,
    TWO_OWNERS,
    Bench,
    flip,
    marks,
)
from registry import key_id
from seeded import SeededBytes
from writer import ShareRecipe, WrapRecipe

GATED = envelope.CUSTOMER_GATED
DATA_KEY = {"kind": envelope.DATA_KEY}
BARE = {"kind": envelope.DATA_KEY, "full_context": True}


def add(bench: Bench) -> None:
    _context(bench)
    _suspended(bench)
    _unknown(bench)
    _not_of_this_context(bench)
    _pending(bench)


def _context(bench: Bench) -> None:
    good, full = bench.honest(ACME, "context"), bench.honest(ACME, "context-full", full_context=True)
    bare = bench.write(bench.recipe(MANAGED, **BARE), "context-bare")
    for name, items in {
        "other-value": [("organization_id", "org_beta")],
        "other-case": [("organization_id", "Org_acme")],
        "item-more": ACME_VAULT,
        "other-name": [("organisation_id", "org_acme")],
    }.items():
        bench.refused("R22", f"context-{name}", "context tag of another context", items, good)
        bench.refused("R22", f"full-context-{name}", "stored context is another one", items, full)
    bench.refused("R22", "bare-context", "bare bundle of another context", OTHER, bare, kind=envelope.DATA_KEY)
    for name, recipe in {
        "context-tag-altered": bench.recipe(MANAGED, context_tag=bytes(8)),
        "stored-context-of-other": bench.recipe(MANAGED, full_context=True, stored_context=contexts.canonical(OTHER)),
    }.items():
        bench.refused(
            "R22",
            name,
            "all keys fit the expected context, only the header speaks of another",
            MANAGED,
            bench.write(recipe, name),
        )
    managed = bench.honest(MANAGED, "commitment-altered")
    bench.refused(
        "R22",
        "commitment-altered",
        "the tag is computed from the commitment",
        MANAGED,
        flip(managed, marks(managed)["commitment"] - 1),
    )
    normalised = [("organization_id", "Größe 大 🔐"), ("ключ", "\u00e9")]
    decomposed = bench.honest([normalised[0], (normalised[1][0], "e\u0301")], "context-normalised")
    bench.refused(
        "R22", "context-normalised", "canonically equivalent Unicode is another context", normalised, decomposed
    )
    mine, theirs = bench.honest(ACME, "spliced-mine"), bench.honest(BETA, "spliced-theirs")
    spliced = mine[:6] + theirs[6 : marks(theirs)["bundle-mac"]] + mine[marks(mine)["bundle-mac"] :]
    bench.refused("R22", "spliced-bundle", "the bundle of another tenant in this envelope", ACME, spliced)


def _suspended(bench: Bench) -> None:
    def refused(name: str, comment: str, items, *parts, policy=GATED) -> None:
        bench.refused("R23", name, comment, items, bench.write(bench.shares(policy, items, list(parts)), name))

    managed, share = bench.wrapping.managed_share, bench.binding_share
    refused("suspended", "the bundle's own binding is suspended", SUSPENDED, share("bnd_suspended"))
    refused(
        "suspended-managed-data",
        "managed data of a context with a suspended binding",
        SUSPENDED,
        managed(SUSPENDED),
        policy=envelope.MANAGED,
    )
    beside = [*SUSPENDED, ("partner_id", "partner_delta")]
    refused(
        "suspended-beside",
        "the bundle names an active binding; a suspended one matches too",
        beside,
        share("bnd_delta"),
    )
    refused(
        "suspended-second-share",
        "two shares, the second binding suspended",
        beside,
        share("bnd_delta"),
        share("bnd_suspended"),
    )
    refused(
        "suspended-named-only",
        "the bundle names a suspended binding of which a more specific one of its owner is active",
        EPSILON_OPEN,
        share("bnd_wide"),
    )
    refused(
        "suspended-wider",
        "the bundle names the active binding; its owner's less specific one is suspended, which stops both",
        EPSILON_OPEN,
        share("bnd_narrow"),
    )
    refused(
        "suspended-any-of",
        "a wrap under any_of is of a suspended binding's key",
        SUSPENDED,
        ShareRecipe(envelope.ANY_OF_ID, share("bnd_suspended").wraps),
        policy=envelope.ANY_OF,
    )
    bare = bench.shares(GATED, SUSPENDED, [share("bnd_suspended")], **BARE)
    bench.refused(
        "R23",
        "suspended-bare",
        "bare bundle of a suspended binding",
        SUSPENDED,
        bench.write(bare, "suspended-bare"),
        kind=envelope.DATA_KEY,
    )


def _unknown(bench: Bench) -> None:
    source = SeededBytes("unknown")
    acme = bench.binding("bnd_acme")

    def refused(name: str, comment: str, items, *parts, policy=GATED) -> None:
        bench.refused("R24", name, comment, items, bench.write(bench.shares(policy, items, list(parts)), name))

    refused(
        "unknown-binding",
        "a binding that is not in the registry",
        ACME,
        ShareRecipe(source.take(16), bench.binding_share("bnd_acme").wraps),
    )
    refused(
        "unknown-second-binding",
        "one share more than the registry knows",
        ACME,
        bench.binding_share("bnd_acme"),
        ShareRecipe(source.take(16), [bench.wrapping.customer_wrap(bench.binding("bnd_beta").keys[0].id)]),
    )
    stranger = bench.wrapping.customer_wrap(acme.keys[0].id)
    stranger.key_ids = [key_id("key_stranger")]
    refused("unknown-key", "a key that is not in the registry", ACME, ShareRecipe(acme.id, [stranger]))
    refused(
        "unknown-second-key",
        "the first wrap opens; the second names an unknown key",
        ACME,
        ShareRecipe(acme.id, [bench.wrapping.customer_wrap(acme.keys[0].id), stranger]),
    )
    refused(
        "key-of-other-binding",
        "a key of another tenant's binding, which would open the wrap",
        ACME,
        ShareRecipe(acme.id, [bench.wrapping.customer_wrap(bench.binding("bnd_beta").keys[0].id)]),
    )
    refused(
        "key-of-own-other-binding",
        "a key of another binding of the same owner",
        ACME_VAULT,
        ShareRecipe(acme.id, [bench.wrapping.customer_wrap(bench.binding("bnd_acme_vault").keys[0].id)]),
    )
    refused(
        "any-of-unknown-key",
        "any_of with a key that is not in the registry",
        ACME,
        ShareRecipe(envelope.ANY_OF_ID, [stranger]),
        policy=envelope.ANY_OF,
    )
    refused(
        "managed-key-of-other-item",
        "a managed key that exists, of an item that is not in the context",
        MANAGED,
        bench.wrapping.managed_share(OTHER),
        policy=envelope.MANAGED,
    )
    refused(
        "managed-key-shredded",
        "a managed key that is not in the store",
        MANAGED,
        ShareRecipe(
            envelope.MANAGED_ID,
            [
                WrapRecipe(
                    [source.take(16)],
                    lambda bind, salt, plaintext: keys.seal_managed([bytes(32)], bind, salt, plaintext),
                )
            ],
        ),
        policy=envelope.MANAGED,
    )
    refused(
        "shredded-item",
        "one of two items has no managed key (any more)",
        [*MANAGED, ("user_id", "user_gone")],
        ShareRecipe(
            envelope.MANAGED_ID,
            [
                WrapRecipe(
                    [bench.vault.managed_key(MANAGED[0]).id, source.take(16)],
                    lambda bind, salt, plaintext: keys.seal_managed([bytes(32)] * 2, bind, salt, plaintext),
                )
            ],
        ),
        policy=envelope.MANAGED,
    )
    bare = bench.shares(envelope.MANAGED, MANAGED, [bench.wrapping.managed_share(OTHER)], **BARE)
    bench.refused(
        "R24",
        "bare-managed-key-of-other-item",
        "bare bundle",
        MANAGED,
        bench.write(bare, "bare-managed-key-of-other-item"),
        **DATA_KEY,
    )


def _not_of_this_context(bench: Bench) -> None:
    def refused(name: str, comment: str, items, *parts, policy=GATED) -> None:
        bench.refused("R25", name, comment, items, bench.write(bench.shares(policy, items, list(parts)), name))

    managed, share = bench.wrapping.managed_share, bench.binding_share
    refused(
        "binding-of-other-tenant",
        "everything made for this context, but under another tenant's binding",
        ACME,
        share("bnd_beta"),
    )
    refused(
        "binding-too-specific", "a binding of the same owner that needs an item more", ACME, share("bnd_acme_vault")
    )
    refused(
        "second-binding-of-other-tenant",
        "one share fits, the other does not",
        ACME,
        share("bnd_acme"),
        share("bnd_delta"),
    )
    refused(
        "any-of-key-of-other-tenant",
        "any_of: the second wrap's binding does not match",
        [ANY_OF[0]],
        ShareRecipe(envelope.ANY_OF_ID, share("bnd_any_1").wraps + share("bnd_any_2").wraps),
        policy=envelope.ANY_OF,
    )
    refused(
        "managed-items-reversed",
        "the keys of both items, in the wrong order",
        MANAGED_TWO,
        managed(list(reversed(MANAGED_TWO))),
        policy=envelope.MANAGED,
    )
    refused(
        "managed-item-missing",
        "the key of one of two items: shredding the other would not shred the data",
        MANAGED_TWO,
        managed(MANAGED_TWO[:1]),
        policy=envelope.MANAGED,
    )
    refused(
        "dual-item-missing",
        "dual_control with the key of one of two items",
        DUAL_USER,
        managed(DUAL_USER[:1]),
        share("bnd_dual"),
        policy=envelope.DUAL_CONTROL,
    )
    three = [("organization_id", "org_acme"), ("project", "vault"), ("user_id", "user_1")]
    refused(
        "shred-items-reversed",
        "the optional managed share names its items in the wrong order",
        three,
        managed([three[2], three[1]]),
        share("bnd_acme"),
    )
    bare = bench.shares(GATED, ACME, [share("bnd_beta")], **BARE)
    bench.refused(
        "R25",
        "bare-binding-of-other-tenant",
        "bare bundle",
        ACME,
        bench.write(bare, "bare-binding-of-other-tenant"),
        **DATA_KEY,
    )


def _pending(bench: Bench) -> None:
    named = bench.shares(GATED, PENDING, [bench.binding_share("bnd_pending")])
    bench.refused("R26", "pending", "the bundle names a pending binding", PENDING, bench.write(named, "pending"))
    deny = [("organization_id", "org_pending_deny")]
    named = bench.shares(GATED, deny, [bench.binding_share("bnd_pending_deny")])
    bench.refused(
        "R26",
        "pending-deny",
        "the bundle names a pending binding that denies",
        deny,
        bench.write(named, "pending-deny"),
    )
    any_of = bench.shares(
        envelope.ANY_OF, PENDING, [ShareRecipe(envelope.ANY_OF_ID, bench.binding_share("bnd_pending").wraps)]
    )
    bench.refused(
        "R26",
        "pending-any-of",
        "a wrap under any_of is of a pending binding's key",
        PENDING,
        bench.write(any_of, "pending-any-of"),
    )
    beside = [*PENDING, TWO_OWNERS[1]]
    second = bench.shares(GATED, beside, [bench.binding_share("bnd_pending"), bench.binding_share("bnd_delta")])
    bench.refused(
        "R26",
        "pending-second-share",
        "an active binding and a pending one",
        beside,
        bench.write(second, "pending-second-share"),
    )
