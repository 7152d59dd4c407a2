"""Byte-exact rewraps, re-encryptions and rekeyings, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import change
import envelope
from cases import (
    ACME,
    ACME_USER,
    ACME_VAULT,
    ANY_OF,
    BETA,
    DUAL,
    DUAL_USER,
    FRAMED_4K,
    MANAGED,
    MANAGED_TWO,
    OTHER,
    PAYLOAD,
    PENDING,
    RETIRED,
    SUSPENDED,
    TWO_OWNERS,
    Bench,
    flip,
    marks,
)
from cases_success import data_key_of
from change import Order
from refusal import skipping
from seeded import SeededBytes
from writer import Recipe, ShareRecipe, write

GATED, DUAL_CONTROL = envelope.CUSTOMER_GATED, envelope.DUAL_CONTROL
SUBJECT = ("subject_id", "subject_1")
ACME_SUBJECT = [*ACME, SUBJECT]
ACME_OTHER_SUBJECT = [*ACME, ("subject_id", "subject_2")]
LEFT = [*RETIRED, ("partner_id", "partner_delta")]  # one owner has left, one is there
ENFORCED = [("organization_id", "org_enforced")]
IOTA_OPEN = [("organization_id", "org_iota"), ("project", "open")]
BARE = {"kind": envelope.DATA_KEY, "full_context": True}


def vectors(bench: Bench) -> list[dict]:
    cases = Cases(bench)
    _rewrap(cases)
    _rewrap_leaving_keys(cases)
    _rewrap_refused(cases)
    _reencrypt(cases)
    _rekey(cases)
    return cases.made


class Cases:
    def __init__(self, bench: Bench):
        self.bench, self.made = bench, []

    def managed(self, items, named=None, **changes) -> Recipe:
        return self.shares(envelope.MANAGED, items, self.bench.wrapping.managed_share(named or items), **changes)

    def gated(self, items, *texts: str, shred=None, policy: int = GATED, **changes) -> Recipe:
        shares = [self.bench.binding_share(text) for text in texts]
        if shred:
            shares.append(self.bench.wrapping.managed_share(shred))
        return self.shares(policy, items, *shares, **changes)

    def any_of(self, items, *texts: str, **changes) -> Recipe:
        wraps = [wrap for text in texts for wrap in self.bench.binding_share(text).wraps]
        return self.shares(envelope.ANY_OF, items, ShareRecipe(envelope.ANY_OF_ID, wraps), **changes)

    def shares(self, policy: int, items, *shares: ShareRecipe, **changes) -> Recipe:
        return self.bench.shares(policy, items, list(shares), **changes)

    def good(self, name: str, comment: str, order: Order, recipe: Recipe, moved: bool = False, data: bytes = PAYLOAD):
        made = write(recipe, data, order.aad, SeededBytes("change/" + name))
        is_key = recipe.kind == envelope.DATA_KEY
        expected = data_key_of(recipe) if is_key else data
        changed, random = self._change(name, order, made)
        if changed.error:
            raise AssertionError(f"{name}: {changed}")
        items = order.items if order.new_items is None else order.new_items
        if self.bench.read(recipe.kind, changed.data, items, order.aad).payload != expected:
            raise AssertionError(f"{name}: the result does not open")
        parsed = envelope.parse(recipe.kind, changed.data)
        if bool(parsed.decision & 0x20) != moved:
            raise AssertionError(f"{name}: moved is not {moved}")
        expect = {
            "output_hex": changed.data.hex(),
            "policy": envelope.POLICY_NAMES[parsed.policy],
            "moved": moved,
            **({"data_key_hex": expected.hex()} if is_key else {"payload_hex": expected.hex()}),
        }
        self._record(name, None, comment, order, made, random, expect, changed.kms_calls)

    def refused(self, rule: str | None, error: str, name: str, comment: str, order: Order, data: Recipe | bytes):
        """`rule` is None where matching refuses."""
        if isinstance(data, Recipe):
            data = write(data, PAYLOAD, order.aad, SeededBytes("change/" + name))
        changed, _ = self._change(name, order, data)
        if (changed.rule, changed.error) != (rule, error):
            raise AssertionError(f"{name}: must break {rule} with {error}, but {changed}")
        entry = self._record(name, rule, comment, order, data, b"", {"error": error}, changed.kms_calls)
        if rule and rule.startswith("C"):
            with skipping(rule):
                without, _ = self._change(name, order, data)
            entry["without_rule"] = without.error or "success"

    def _change(self, name: str, order: Order, data: bytes) -> tuple[change.Changed, bytes]:
        source = SeededBytes(f"change/{name}/random")
        return change.change(self.bench.vault, order, data, source), source.drawn

    def _record(self, name, rule, comment, order: Order, data, random, expect, kms_calls) -> dict:
        if any(name == other["name"] for other in self.made):
            raise AssertionError(f"two vectors are named {name}")
        entry = {
            "name": name,
            "rule": rule,
            "comment": comment,
            "operation": order.operation,
            "context": dict(order.items),
            "new_context": None if order.new_items is None else dict(order.new_items),
            "aad_hex": None if order.aad is None else order.aad.hex(),
            "keep_data_key": order.keep_data_key,
            "allow_downgrade": order.allow_downgrade,
            "input_hex": data.hex(),
            "random_hex": random.hex(),
            "expect": expect,
            "kms_calls": kms_calls,
        }
        self.made.append(entry)
        return entry


def _order(items, **changes) -> Order:
    return Order(change.REWRAP, items, **changes)


def _rewrap(cases: Cases) -> None:
    bench, good = cases.bench, cases.good
    for name, items, comment in [
        ("rewrap-managed", MANAGED, "the same keys, a new salt"),
        ("rewrap-managed-two-items", MANAGED_TWO, "the same keys, a new salt"),
        ("rewrap-customer-gated", ACME, "the same key"),
        ("rewrap-two-keys", BETA, "one share, two wraps"),
        ("rewrap-two-owners", TWO_OWNERS, "two new shares whose XOR is the old data key"),
        ("rewrap-dual-control", DUAL_USER, "managed share and customer share"),
        ("rewrap-any-of", ANY_OF, "one share, two wraps"),
        ("rewrap-shred-item", ACME_SUBJECT, "the managed share names the shred item alone"),
    ]:
        good(name, comment, _order(items), bench.recipe(items))
        good(f"{name}-data-key", f"bare bundle: {comment}", _order(items), bench.recipe(items, **BARE))
    old = bench.recipe(ACME)
    old.shares[0].wraps = [bench.wrapping.customer_wrap(bench.binding("bnd_acme").keys[0].id, version=1)]
    good("rewrap-key-version", "the wrap is of an older version of the key, which has the same id", _order(ACME), old)
    for name, kept in [("first", 0), ("second", 1)]:
        share = bench.binding_share("bnd_beta")
        share.wraps = share.wraps[kept : kept + 1]
        good(
            f"rewrap-repairs-{name}",
            f"only the {name} wrap is there (min_wraps); the missing one is added",
            _order(BETA),
            cases.shares(GATED, BETA, share),
        )
    good(
        "rewrap-any-of-to-each",
        "any one of two owners before, both afterwards",
        _order(TWO_OWNERS),
        cases.any_of(TWO_OWNERS, "bnd_gamma", "bnd_delta"),
    )
    good(
        "rewrap-adds-owner",
        "a second owner's binding matches now",
        _order(TWO_OWNERS),
        cases.gated(TWO_OWNERS, "bnd_gamma"),
    )
    good("rewrap-adds-managed", "dual_control matches now", _order(DUAL), cases.gated(DUAL, "bnd_dual"))
    good(
        "rewrap-adds-shred-item",
        "written before shred_items named it",
        _order(ACME_SUBJECT),
        cases.gated(ACME_SUBJECT, "bnd_acme"),
    )
    good("rewrap-moved-stays", "the moved bit is never taken back", _order(ACME), bench.recipe(ACME, moved=True), True)
    good(
        "rewrap-full-context", "the context stays in the header", _order(ACME), bench.recipe(ACME, full_context=True)
    )
    good(
        "rewrap-framed",
        "two frames, untouched",
        _order(ACME),
        bench.recipe(ACME, flags=FRAMED_4K),
        data=b"a" * 4097,
    )
    good("rewrap-aad", "the payload's AAD is not needed", replace(_order(ACME), aad=b"record 17"), bench.recipe(ACME))


def _rewrap_leaving_keys(cases: Cases) -> None:
    """C4, and what happens with `keep_data_key` instead."""
    bench, any_left = cases.bench, cases.any_of(LEFT, "bnd_delta", "bnd_retired")
    shred = cases.any_of(ACME_SUBJECT, "bnd_acme")
    for name, comment, items, recipe in [
        ("managed-to-customer", "managed data comes under a customer's key", ACME, lambda: cases.managed(ACME)),
        ("managed-to-dual", "managed data comes under a customer's key as well", DUAL, lambda: cases.managed(DUAL)),
        (
            "key-left-out",
            "another key of the same owner protects the context now",
            ACME_VAULT,
            lambda: cases.gated(ACME_VAULT, "bnd_acme"),
        ),
        ("any-of-narrowed", "any one of two owners before; one of them has left", LEFT, lambda: any_left),
        (
            "managed-to-shred",
            "managed data comes under a customer's key, beside which one item's managed key stays",
            ACME_SUBJECT,
            lambda: cases.managed(ACME_SUBJECT),
        ),
    ]:
        cases.refused("C4", "DowngradeRefused", f"rewrap-{name}", comment, _order(items), recipe())
        kept = replace(_order(items), keep_data_key=True)
        cases.good(f"rewrap-{name}-kept", f"{comment}; keep_data_key", kept, recipe(), True)
        bare = replace(recipe(), **BARE)
        cases.refused("C4", "DowngradeRefused", f"rewrap-{name}-data-key", f"bare bundle: {comment}", _order(items), bare)
    two = cases.gated(LEFT, "bnd_delta", "bnd_retired")
    cases.good(
        "rewrap-owner-left-allowed",
        "two owners before, one afterwards; allow_downgrade and keep_data_key",
        replace(_order(LEFT), keep_data_key=True, allow_downgrade=True),
        two,
        True,
    )
    cases.refused(
        "C4",
        "DowngradeRefused",
        "rewrap-owner-left-allowed-only",
        "allow_downgrade does not imply keep_data_key",
        replace(_order(LEFT), allow_downgrade=True),
        cases.gated(LEFT, "bnd_delta", "bnd_retired"),
    )
    cases.good(
        "rewrap-retired-allowed",
        "the customer left; allow_downgrade and keep_data_key",
        replace(_order(RETIRED), keep_data_key=True, allow_downgrade=True),
        cases.gated(RETIRED, "bnd_retired"),
        True,
    )
    cases.good(
        "rewrap-kept-for-nothing",
        "keep_data_key where no key is left behind sets no bit",
        replace(_order(ACME), keep_data_key=True),
        bench.recipe(ACME),
    )
    cases.good(
        "rewrap-any-of-adds-shred-item",
        "any_of by one key before, its owner's share and a managed share afterwards",
        _order(ACME_SUBJECT),
        shred,
    )


def _rewrap_refused(cases: Cases) -> None:
    bench = cases.bench
    any_1, any_2 = "bnd_any_1", "bnd_any_2"
    kept = {"keep_data_key": True}
    for name, comment, items, recipe in [
        ("retired", "a retired binding: the data would become managed", RETIRED, cases.gated(RETIRED, "bnd_retired")),
        (
            "retired-any-of",
            "any_of by a retired binding's key: the data would become managed",
            RETIRED,
            cases.any_of(RETIRED, "bnd_retired"),
        ),
        (
            "owner-left",
            "two owners before, one afterwards",
            LEFT,
            cases.gated(LEFT, "bnd_delta", "bnd_retired"),
        ),
        (
            "each-to-any-of",
            "both owners before, any one of them afterwards",
            ANY_OF,
            cases.gated(ANY_OF, any_1, any_2),
        ),
        ("one-to-any-of", "one owner before, any one of two afterwards", ANY_OF, cases.gated(ANY_OF, any_1)),
        ("any-of-widened", "any_of one owner before, of two afterwards", ANY_OF, cases.any_of(ANY_OF, any_1)),
        (
            "retired-data-key",
            "bare bundle of a retired binding",
            RETIRED,
            cases.gated(RETIRED, "bnd_retired", **BARE),
        ),
    ]:
        cases.refused(
            "C2", "DowngradeRefused", f"rewrap-{name}", f"{comment}, also with keep_data_key", _order(items, **kept), recipe
        )
    for name, comment, items, recipe in [
        (
            "dual-to-gated",
            "the vendor and the customer before, the customer alone afterwards",
            ACME,
            cases.gated(ACME, "bnd_acme", shred=ACME, policy=DUAL_CONTROL),
        ),
        (
            "shred-item-lost",
            "a managed share of an item that is not in shred_items (any more)",
            ACME_USER,
            cases.gated(ACME_USER, "bnd_acme", shred=ACME_USER[1:]),
        ),
        (
            "shred-item-fewer",
            "managed keys of two items before, of one afterwards",
            [*ACME, SUBJECT, ("user_id", "user_1")],
            cases.gated(
                [*ACME, SUBJECT, ("user_id", "user_1")], "bnd_acme", shred=[SUBJECT, ("user_id", "user_1")]
            ),
        ),
    ]:
        cases.refused(
            "C3", "DowngradeRefused", f"rewrap-{name}", f"{comment}, also with keep_data_key", _order(items, **kept), recipe
        )
        cases.good(
            f"rewrap-{name}-allowed",
            f"{comment}; allow_downgrade and keep_data_key",
            replace(_order(items, **kept), allow_downgrade=True),
            recipe,
            True,
        )
    _read_rules(cases, bench)


def _read_rules(cases: Cases, bench: Bench) -> None:
    """A change reads by the rules of decryption, and matches by those of encryption."""
    refused = cases.refused
    good = bench.honest(ACME, "change-read-rules")
    refused("R2", "UnsupportedFormat", "rewrap-other-magic", "no envelope and no bundle", _order(ACME), b"LVX" + good[3:])
    refused("R1", "Malformed", "rewrap-truncated", "ends inside the bundle", _order(ACME), good[:60])
    bare = write(bench.recipe(ACME, **BARE), b"", None, SeededBytes("change/bare"))
    refused("R21", "Malformed", "rewrap-trailing", "a byte after a bare bundle", _order(ACME), bare + b"\x00")
    refused("R22", "ContextMismatch", "rewrap-other-context", "another tenant's context", _order(BETA), good)
    refused(
        "R23",
        "KeySuspended",
        "rewrap-suspended",
        "the binding is suspended",
        _order(SUSPENDED),
        cases.gated(SUSPENDED, "bnd_suspended"),
    )
    refused(
        "R23",
        "KeySuspended",
        "rewrap-suspended-managed",
        "managed data of a context with a suspended binding",
        _order(SUSPENDED, keep_data_key=True),
        cases.managed(SUSPENDED),
    )
    refused(
        "R26",
        "KeyNotReady",
        "rewrap-pending-named",
        "the bundle names a pending binding",
        _order(PENDING),
        cases.gated(PENDING, "bnd_pending"),
    )
    refused(
        "R32",
        "PolicyMismatch",
        "rewrap-enforced",
        "managed data under an enforced binding, also with keep_data_key",
        _order(ENFORCED, keep_data_key=True),
        cases.managed(ENFORCED),
    )
    deny = [("organization_id", "org_pending_deny")]
    refused(
        None,
        "KeyNotReady",
        "rewrap-pending-deny",
        "managed data; a pending binding denies managed keys now",
        _order(deny),
        cases.managed(deny),
    )
    misspelt = [("organizationId", "org_managed")]
    refused(
        None,
        "UnknownContextName",
        "rewrap-misspelt",
        "readable, but nothing new is protected under a misspelt name",
        _order(misspelt),
        cases.managed(misspelt),
    )
    cases.good("rewrap-pending", "managed keys serve while the binding is pending", _order(PENDING), cases.managed(PENDING))
    ends = marks(good)
    refused(
        "R27", "AuthenticationFailed", "rewrap-bad-wrap", "the wrap was altered", _order(ACME), flip(good, ends["commitment"] + 60)
    )
    recipe = bench.recipe(ACME, change_mac=lambda mac: flip(mac, 3))
    refused("R30", "AuthenticationFailed", "rewrap-bad-mac", "the bundle MAC is verified first", _order(ACME), recipe)
    recipe = bench.recipe(ACME, **BARE, change_mac=lambda mac: flip(mac, 3))
    refused("R30", "AuthenticationFailed", "rewrap-bad-mac-data-key", "bare bundle", _order(ACME), recipe)


def _reencrypt(cases: Cases) -> None:
    bench = cases.bench

    def order(items, **changes) -> Order:
        return Order(change.REENCRYPT, items, **changes)

    def good(name: str, comment: str, items, recipe: Recipe, data: bytes = PAYLOAD, aad: bytes | None = None) -> None:
        cases.good(f"reencrypt-{name}", comment, order(items, aad=aad), recipe, data=data)

    good("managed", "the same managed keys", MANAGED, bench.recipe(MANAGED))
    good("customer-gated", "the same key", ACME, bench.recipe(ACME))
    good("two-owners", "two shares", TWO_OWNERS, bench.recipe(TWO_OWNERS))
    good("dual-control", "managed share and customer share", DUAL_USER, bench.recipe(DUAL_USER))
    good("any-of", "one share, two wraps", ANY_OF, bench.recipe(ANY_OF))
    good("shred-item", "the managed share names the shred item alone", ACME_SUBJECT, bench.recipe(ACME_SUBJECT))
    good("managed-to-customer", "managed data comes under a customer's key", ACME, cases.managed(ACME))
    good("key-left-out", "another key of the owner", ACME_VAULT, cases.gated(ACME_VAULT, "bnd_acme"))
    good("moved", "the moved bit is cleared: the data key is new", ACME, bench.recipe(ACME, moved=True))
    good("aad", "the AAD stays", ACME, bench.recipe(ACME), aad=b"record 17")
    good("empty", "no payload", ACME, bench.recipe(ACME), data=b"")
    good("full-context", "the context mode is the configuration's", ACME, bench.recipe(ACME, full_context=True))
    good("framed", "frames of 2^12 bytes stay so", ACME, bench.recipe(ACME, flags=FRAMED_4K), b"a" * 4097, b"stream 3")
    good("framed-empty", "one empty frame", MANAGED, bench.recipe(MANAGED, flags=FRAMED_4K), b"")
    good("framed-largest", "frames of 2^20 bytes stay so", MANAGED, bench.recipe(MANAGED, flags=0x94))
    cases.good(
        "reencrypt-retired-allowed",
        "the customer left; allow_downgrade",
        order(RETIRED, allow_downgrade=True),
        cases.gated(RETIRED, "bnd_retired"),
    )
    refused = cases.refused
    retired = cases.gated(RETIRED, "bnd_retired")
    refused("C2", "DowngradeRefused", "reencrypt-retired", "the data would become managed", order(RETIRED), retired)
    dual = cases.gated(ACME, "bnd_acme", shred=ACME, policy=DUAL_CONTROL)
    refused("C3", "DowngradeRefused", "reencrypt-dual-to-gated", "the vendor's share would go", order(ACME), dual)
    refused(
        "R32",
        "PolicyMismatch",
        "reencrypt-enforced",
        "managed data under an enforced binding is refused like everywhere",
        order(ENFORCED),
        cases.managed(ENFORCED),
    )
    data = bench.write(bench.recipe(ACME), "change-aad", PAYLOAD, b"record 17")
    for name, aad in [("other-aad", b"record 18"), ("no-aad", None)]:
        refused("R31", "AuthenticationFailed", f"reencrypt-{name}", "not the AAD it was encrypted with", order(ACME, aad=aad), data)
    bare = write(bench.recipe(ACME, **BARE), b"", None, SeededBytes("change/bare"))
    refused("R2", "UnsupportedFormat", "reencrypt-data-key", "a bare bundle has no payload", order(ACME), bare)


def _rekey(cases: Cases) -> None:
    bench = cases.bench

    def order(items, new_items, **changes) -> Order:
        return Order(change.REKEY, items, new_items, **changes)

    def good(name: str, comment: str, items, new_items, moved: bool, recipe: Recipe | None = None, **changes) -> None:
        recipe = replace(recipe or bench.recipe(items), **BARE)
        cases.good(f"rekey-{name}", comment, order(items, new_items, **changes), recipe, moved)

    def refused(rule: str, name: str, comment: str, items, new_items, recipe: Recipe | None = None, **changes) -> None:
        error = {"C1": "InvalidContext"}.get(rule, "DowngradeRefused")
        recipe = replace(recipe or bench.recipe(items), **BARE)
        cases.refused(rule, error, f"rekey-{name}", comment, order(items, new_items, **changes), recipe)

    good("adds-item", "the same key protects both contexts", ACME, ACME_USER, False)
    good("managed", "another managed key", MANAGED, OTHER, True)
    good("managed-adds-item", "the old managed key and one more", MANAGED, MANAGED_TWO, False)
    good("managed-to-customer", "managed data comes under a customer's key", MANAGED, ACME, True)
    good("key-left-out", "another key of the same owner", ACME, ACME_VAULT, True)
    good("dual-adds-item", "the managed share names one item more", DUAL, DUAL_USER, False)
    good("dual-drops-item", "the new context lacks an item, whose managed key is left behind", DUAL_USER, DUAL, True)
    good("other-shred-item", "another subject of the same customer", ACME_SUBJECT, ACME_OTHER_SUBJECT, True)
    good("adds-shred-item", "a managed share of the shred item is added", ACME, ACME_SUBJECT, False)
    good("two-owners-adds-item", "both owners stay", TWO_OWNERS, [*TWO_OWNERS, ("user_id", "user_1")], False)
    good("moved-stays", "the moved bit is never taken back", ACME, ACME_USER, True, bench.recipe(ACME, moved=True))
    good("other-tenant-allowed", "another customer; allow_downgrade", ACME, BETA, True, allow_downgrade=True)
    good("to-managed-allowed", "no customer any more; allow_downgrade", ACME, MANAGED, True, allow_downgrade=True)

    refused("C1", "same-context", "one and the same context, in another order", ACME_USER, list(reversed(ACME_USER)))
    refused("C2", "other-tenant", "another customer", ACME, BETA)
    refused("C2", "to-managed", "no customer any more", ACME, MANAGED)
    refused("C2", "owner-dropped", "one of two owners", TWO_OWNERS, TWO_OWNERS[:1])
    refused("C3", "shred-item-dropped", "the new context has nothing to shred", ACME_SUBJECT, ACME)
    dual = cases.gated(ACME, "bnd_acme", shred=ACME, policy=DUAL_CONTROL)
    refused("C3", "dual-to-gated", "the vendor's share would go", ACME, ACME_USER, dual)
    data = bench.honest(ACME, "change-rekey-envelope")
    cases.refused("R2", "UnsupportedFormat", "rekey-envelope", "an envelope", order(ACME, ACME_USER), data)
    data = write(bench.recipe(ACME, **BARE), b"", None, SeededBytes("change/bare"))
    cases.refused(
        "R22", "ContextMismatch", "rekey-other-old-context", "not its context", order(ACME_USER, ACME_VAULT), data
    )
    cases.refused(
        "R23",
        "KeySuspended",
        "rekey-suspended",
        "the old binding is suspended",
        order(SUSPENDED, ACME),
        cases.gated(SUSPENDED, "bnd_suspended", **BARE),
    )
    cases.refused(
        "R23",
        "KeySuspended",
        "rekey-to-suspended",
        "a suspended binding matches the new context",
        order(MANAGED, SUSPENDED),
        cases.managed(MANAGED, **BARE),
    )
