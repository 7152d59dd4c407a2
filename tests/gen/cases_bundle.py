"""Vectors that stage 1 refuses for the shares and what follows them, R12 to R21."""

from __future__ import annotations

from dataclasses import replace

import envelope
from cases import (
    ACME,
    ACME_USERS,
    ANY_OF,
    BETA,
    DUAL,
    FRAMED_4K,
    MANAGED,
    PAYLOAD,
    TWO_OWNERS,
    Bench,
    marks,
)
from cases_header import BARE, DATA_KEY, unknown_wrap
from refusal import skipping
from seeded import SeededBytes
from writer import Recipe, ShareRecipe


def add(bench: Bench) -> None:
    _key_counts(bench)
    _blob_lengths(bench)
    _repeated_keys(bench)
    _share_order_and_policy(bench)
    _sizes(bench)
    _ends(bench)


def _key_counts(bench: Bench) -> None:
    beta, managed = bench.binding("bnd_beta"), bench.wrapping.managed_wrap
    two = ShareRecipe(envelope.MANAGED_ID, [managed(ACME_USERS[1:2]), managed(ACME_USERS[2:])])
    bench.refused(
        "R12",
        "managed-two-wraps",
        "a managed share with two wraps, either of which opens: OR in place of AND",
        ACME_USERS,
        bench.shares(envelope.CUSTOMER_GATED, ACME_USERS, [two, bench.binding_share("bnd_acme")]),
    )
    wrap = bench.wrapping.customer_wrap(beta.keys[0].id)
    wrap.key_ids = [key.id for key in beta.keys]
    bench.refused(
        "R13",
        "customer-wrap-two-keys",
        "a customer wrap that names both keys of its binding",
        BETA,
        bench.shares(envelope.CUSTOMER_GATED, BETA, [ShareRecipe(beta.id, [wrap])]),
    )


def _blob_lengths(bench: Bench) -> None:
    for rule, name, length, comment in [
        ("R14", "second-blob-empty", 0, "the second wrap, which no reader opens here, is empty"),
        ("R15", "second-blob-1025", 1025, "the second wrap, which no reader opens here, is one byte too long"),
        (
            "R15",
            "second-blob-65535",
            65535,
            "the second wrap announces the largest length a field can hold, and the input ends there",
        ),
    ]:
        share = bench.binding_share("bnd_beta")
        share.wraps[1].change_blob = lambda blob, length=length: bytes(length)
        data = bench.write(bench.shares(envelope.CUSTOMER_GATED, BETA, [share]), name)
        if length == 65535:  # the bytes themselves do not matter: the length alone is refused
            data = data[: -65535 - 16 - 16 - 16 - len(PAYLOAD)]
        bench.refused(rule, name, comment, BETA, data)
    for rule, name, change, comment in [
        ("R14", "managed-blob-95", lambda blob: blob[:-1], "one byte short"),
        ("R14", "managed-blob-97", lambda blob: blob + b"\x00", "one byte long"),
        ("R14", "managed-blob-0", lambda blob: b"", "empty"),
        ("R15", "managed-blob-1025", lambda blob: blob + bytes(1025 - 96), "R15 comes before R14"),
    ]:
        recipe = bench.recipe(MANAGED)
        recipe.shares[0].wraps[0].change_blob = change
        bench.refused(rule, name, comment, MANAGED, recipe)


def _repeated_keys(bench: Bench) -> None:
    acme = bench.binding("bnd_acme")
    key = acme.keys[0].id
    twice = ShareRecipe(acme.id, [bench.wrapping.customer_wrap(key), bench.wrapping.customer_wrap(key, version=1)])
    bench.refused(
        "R16",
        "key-twice-in-share",
        "two wraps of one key, both good",
        ACME,
        bench.shares(envelope.CUSTOMER_GATED, ACME, [twice]),
    )
    bench.refused(
        "R16",
        "managed-key-twice",
        "one managed key named twice in a wrap",
        MANAGED,
        bench.shares(envelope.MANAGED, MANAGED, [bench.wrapping.managed_share(MANAGED * 2)]),
    )


def _share_order_and_policy(bench: Bench) -> None:
    def shares(rule: str, name: str, comment: str, policy: int, items, parts, ordered=True) -> None:
        recipe = bench.shares(policy, items, parts)
        bench.refused(rule, name, comment, items, recipe if ordered else replace(recipe, shares=parts))

    def any_share() -> ShareRecipe:
        return ShareRecipe(envelope.ANY_OF_ID, bench.binding_share("bnd_any_1").wraps)

    managed, acme = bench.wrapping.managed_share, bench.binding_share
    gated, dual, any_of = envelope.CUSTOMER_GATED, envelope.DUAL_CONTROL, envelope.ANY_OF
    descending = list(reversed(bench.recipe(TWO_OWNERS).shares))
    shares("R17", "shares-descending", "two good shares in descending order", gated, TWO_OWNERS, descending, False)
    shares("R17", "share-twice", "two shares of one binding", gated, ACME, [acme("bnd_acme"), acme("bnd_acme")], False)
    shares(
        "R17",
        "managed-share-last",
        "the managed share after the customer's",
        dual,
        DUAL,
        [acme("bnd_dual"), managed(DUAL)],
        False,
    )
    shares(
        "R17",
        "managed-share-twice",
        "two managed shares",
        envelope.MANAGED,
        MANAGED,
        [managed(MANAGED), managed(MANAGED)],
        False,
    )

    shares(
        "R18",
        "gated-without-customer",
        "policy customer_gated with a managed share only: the vendor alone opens it",
        gated,
        ACME,
        [managed(ACME)],
    )
    shares(
        "R18",
        "managed-with-customer",
        "policy managed with a customer share",
        envelope.MANAGED,
        ACME,
        [managed(ACME), acme("bnd_acme")],
    )
    shares(
        "R18",
        "managed-without-managed",
        "policy managed with a customer share only",
        envelope.MANAGED,
        ACME,
        [acme("bnd_acme")],
    )
    shares(
        "R18", "dual-without-managed", "policy dual_control without the managed share", dual, DUAL, [acme("bnd_dual")]
    )
    shares("R18", "dual-without-customer", "policy dual_control without a customer share", dual, DUAL, [managed(DUAL)])
    shares("R18", "gated-with-any-of", "policy customer_gated with the all-ones share", gated, ANY_OF, [any_share()])
    shares(
        "R18",
        "gated-with-binding-and-any-of",
        "policy customer_gated with a binding's share and the all-ones share",
        gated,
        ANY_OF,
        [acme("bnd_any_2"), any_share()],
    )
    shares(
        "R18",
        "dual-with-any-of",
        "policy dual_control with the all-ones share",
        dual,
        [("organization_id", "org_any")],
        [managed([("organization_id", "org_any")]), any_share()],
    )
    shares(
        "R18",
        "managed-with-any-of",
        "policy managed with the all-ones share only",
        envelope.MANAGED,
        ANY_OF,
        [any_share()],
    )
    shares(
        "R18",
        "any-of-with-binding",
        "policy any_of with a binding's share beside",
        any_of,
        ANY_OF,
        [acme("bnd_any_2"), any_share()],
    )
    shares("R18", "any-of-as-binding", "policy any_of with a binding's share only", any_of, ANY_OF, [acme("bnd_any_1")])
    shares("R18", "any-of-managed-only", "policy any_of with a managed share only", any_of, ACME, [managed(ACME)])


def _sizes(bench: Bench) -> None:
    bench.refused("R19", "bundle-65537", "one byte above the limit, in the bundle MAC", ACME, bundle_of(bench, 65537))
    over = bench.write(bundle_of(bench, 65536 + 200), "bundle-over-inside")
    cut = over[: 65537 + 1]
    bench.refused(
        "R1",
        "bundle-over-inside-truncated",
        "would be too long, but ends inside the blob that goes over",
        ACME,
        cut,
    )
    last_blob = max(at for field, at in marks_of_shares(over).items() if field.endswith("blob"))
    bench.refused(
        "R19",
        "bundle-over-after-wrap",
        "ends right after the wrap that goes over the limit",
        ACME,
        over[:last_blob],
    )
    bench.refused(
        "R24",
        "bundle-65536",
        "the longest bundle: parsed, then refused for its unknown bindings",
        ACME,
        bundle_of(bench, 65536),
    )
    # The bundle of an envelope begins before its flags, a bare one where it begins.
    bench.refused("R19", "bare-65537", "a bare bundle one byte above the limit", ACME, bare_of(bench, 65537), **DATA_KEY)
    bench.refused("R24", "bare-65536", "the longest bare bundle: parsed, then refused", ACME, bare_of(bench, 65536), **DATA_KEY)


def bare_of(bench: Bench, size: int) -> Recipe:
    """A bare bundle of exactly `size` bytes, with its context in full."""
    longer = len(bench.write(replace(bundle_of(bench, size), **BARE), "bare-of")) - size
    return replace(bundle_of(bench, size - longer), **BARE)


def bundle_of(bench: Bench, size: int) -> Recipe:
    """A bundle of exactly `size` bytes, of unknown bindings."""
    source = SeededBytes("bundle-of")
    fixed = 5 + 2 + 32 + 8 + 16 + 7 * 17 + 70 * 19
    each, rest = divmod(size - fixed, 70)
    lengths = [each] * 69 + [each + rest]
    shares = [
        ShareRecipe(source.take(16), [unknown_wrap(source, lengths[10 * s + w]) for w in range(10)]) for s in range(7)
    ]
    return bench.shares(envelope.CUSTOMER_GATED, ACME, sorted(shares, key=lambda share: share.binding_id))


def marks_of_shares(data: bytes) -> dict[str, int]:
    with skipping("R19"):
        return marks(data)


def _ends(bench: Bench) -> None:
    framed = bench.honest(MANAGED, "framed-ends", b"a" * 5000, flags=FRAMED_4K)
    frames = marks(framed)["message-id"]
    bench.refused("R20", "framed-last-15", "the last frame has 15 bytes", MANAGED, framed[: frames + 4112 + 15])
    bench.refused("R20", "framed-last-1", "the last frame has one byte", MANAGED, framed[: frames + 4112 + 1])
    bench.refused(
        "R20",
        "framed-last-empty",
        "a full frame and an empty last one, both with good tags",
        MANAGED,
        bench.recipe(MANAGED, flags=FRAMED_4K, pieces=[b"a" * 4096, b""]),
    )
    bare = bench.write(bench.recipe(MANAGED, **BARE), "bare-ends")
    bench.refused("R21", "bare-trailing-byte", "a zero byte after the bundle", MANAGED, bare + b"\x00", **DATA_KEY)
    bench.refused(
        "R21",
        "bare-trailing-payload",
        "a message id and a tag after the bundle",
        MANAGED,
        bare + bytes(32),
        **DATA_KEY,
    )
    bench.refused("R21", "bare-twice", "two bundles", MANAGED, bare + bare, **DATA_KEY)
