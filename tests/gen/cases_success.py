"""Vectors that open."""

from __future__ import annotations

from dataclasses import replace

import canon as contexts
import envelope
import keys
from cases import (
    ACME,
    ACME_USER,
    ACME_USERS,
    ACME_VAULT,
    ANY_OF,
    BETA,
    DUAL,
    DUAL_USER,
    FRAMED_4K,
    MANAGED,
    MANAGED_TWO,
    OLD_ROOT,
    PAYLOAD,
    PENDING,
    RETIRED,
    TWO_OWNERS,
    UNICODE,
    Bench,
)
from writer import ShareRecipe

FULL = {"full_context": True}


def add(bench: Bench) -> None:
    _policies(bench)
    _sizes_and_aad(bench)
    _contexts(bench)
    _older_keys(bench)
    _frames(bench)
    _data_keys(bench)


def _opens(bench: Bench, name: str, comment: str, items, payload: bytes = PAYLOAD, aad=None, **changes) -> None:
    data = bench.write(bench.recipe(items, **changes), name, payload, aad)
    bench.opens(name, comment, items, data, payload, aad=aad)


def _policies(bench: Bench) -> None:
    _opens(bench, "managed", "policy managed, one item", MANAGED)
    _opens(bench, "managed-two-items", "policy managed: one wrap under the keys of both items", MANAGED_TWO)
    _opens(bench, "customer-gated", "one binding, one key", ACME)
    _opens(bench, "customer-gated-two-keys", "one binding, two wraps; the first one is used", BETA)
    longest = bench.binding_share("bnd_beta")
    longest.wraps[1].change_blob = lambda blob: bytes(1024)
    data = bench.write(bench.shares(envelope.CUSTOMER_GATED, BETA, [longest]), "second-blob-1024")
    bench.opens("second-blob-1024", "the second wrap, which no reader opens here, is as long as one can be", BETA, data, PAYLOAD)
    _opens(bench, "customer-gated-two-owners", "two bindings of two owners: two shares, two calls", TWO_OWNERS)
    _opens(
        bench, "most-specific-binding", "two bindings of one owner match; the one with more items is used", ACME_VAULT
    )
    _opens(bench, "dual-control", "managed share and customer share", DUAL)
    _opens(bench, "dual-control-two-items", "the managed share names the keys of both items", DUAL_USER)
    _opens(bench, "any-of", "two bindings that both say any_of: one share, two wraps", ANY_OF)
    shred = bench.shares(
        envelope.CUSTOMER_GATED,
        ACME_USER,
        [bench.wrapping.managed_share(ACME_USER[1:]), bench.binding_share("bnd_acme")],
    )
    bench.opens(
        "customer-gated-with-managed-share",
        "the managed share names one of two items (shred_items)",
        ACME_USER,
        bench.write(shred, "customer-gated-with-managed-share"),
        PAYLOAD,
    )
    items = [("organization_id", "org_any"), ("user_id", "user_1")]
    any_of = bench.shares(
        envelope.ANY_OF,
        items,
        [
            bench.wrapping.managed_share(items[1:]),
            ShareRecipe(envelope.ANY_OF_ID, bench.binding_share("bnd_any_1").wraps),
        ],
    )
    bench.opens(
        "any-of-with-managed-share",
        "any_of with a managed share of one item",
        items,
        bench.write(any_of, "any-of-with-managed-share"),
        PAYLOAD,
    )
    _opens(bench, "moved", "the moved bit is set; it changes nothing for a reader", ACME, moved=True)


def _sizes_and_aad(bench: Bench) -> None:
    _opens(bench, "empty-payload", "0 bytes", MANAGED, b"")
    _opens(bench, "one-byte", "1 byte", ACME, b"\x00")
    _opens(bench, "64-bytes", "64 bytes", MANAGED, bytes(range(64)))
    _opens(bench, "65536-bytes", "65,536 bytes", MANAGED, b"a" * 65536)
    _opens(bench, "aad", "the AAD of every frame is the hash of the caller's AAD", MANAGED, aad=b"record 17")
    _opens(bench, "aad-long", "AAD longer than a hash block, with every byte value", ACME, aad=bytes(range(256)))
    _opens(bench, "aad-empty", "written with no AAD, read with an empty one", MANAGED, aad=b"")
    data = bench.write(bench.recipe(MANAGED), "aad-none-for-empty", PAYLOAD, b"")
    bench.opens("aad-none-for-empty", "written with an empty AAD, read with none", MANAGED, data, PAYLOAD)


def _contexts(bench: Bench) -> None:
    _opens(bench, "unicode-context", "non-ASCII names and values, a combining character, an astral character", UNICODE)
    unordered = list(reversed(TWO_OWNERS))
    data = bench.honest(TWO_OWNERS, "context-order")
    bench.opens(
        "context-order", "the order in which a caller gives the items does not matter", unordered, data, PAYLOAD
    )
    _opens(bench, "full-context", "context in the header", MANAGED_TWO, **FULL)
    _opens(bench, "full-context-unicode", "context in the header, non-ASCII", UNICODE, **FULL)
    _opens(bench, "full-context-customer-gated", "context in the header, two owners", TWO_OWNERS, **FULL)
    largest = context_of(contexts.MAX_BYTES)
    _opens(bench, "full-context-8192", "the largest canonical context, in the header", largest, **FULL)
    misspelt = [("organizationId", "org_managed")]
    managed = bench.shares(envelope.MANAGED, misspelt, [bench.wrapping.managed_share(misspelt)])
    bench.opens(
        "misspelt-name",
        "organizationId beside a bound organization_id: refused at encryption, readable afterwards",
        misspelt,
        bench.write(managed, "misspelt-name"),
        PAYLOAD,
    )


def _older_keys(bench: Bench) -> None:
    _opens(bench, "old-root-key-version", "the managed key is wrapped by version 1 of the root key", OLD_ROOT)
    old = bench.recipe(ACME)
    old.shares[0].wraps = [bench.wrapping.customer_wrap(bench.binding("bnd_acme").keys[0].id, version=1)]
    bench.opens(
        "old-customer-key-version",
        "the wrap is of version 1 of the customer's key file",
        ACME,
        bench.write(old, "old-customer-key-version"),
        PAYLOAD,
    )
    for name, text, items, comment in [
        ("retired-binding", "bnd_retired", RETIRED, "a retired binding still serves decryption"),
        (
            "dropped-binding-named",
            "bnd_acme",
            ACME_VAULT,
            "the bundle names the less specific binding: it decides, not the match",
        ),
    ]:
        recipe = bench.shares(envelope.CUSTOMER_GATED, items, [bench.binding_share(text)])
        bench.opens(name, comment, items, bench.write(recipe, name), PAYLOAD)
    for name, items, comment in [
        ("managed-before-binding", ACME, "managed data written before the binding existed"),
        ("managed-while-pending", PENDING, "managed data of a context with a pending binding"),
        ("managed-after-retired", RETIRED, "managed data of a context with a retired binding"),
    ]:
        recipe = bench.shares(envelope.MANAGED, items, [bench.wrapping.managed_share(items)])
        bench.opens(name, comment, items, bench.write(recipe, name), PAYLOAD)


def _frames(bench: Bench) -> None:
    for name, size, comment in [
        ("framed-empty", 0, "one empty frame"),
        ("framed-one", 4095, "one frame, one byte short of full"),
        ("framed-one-full", 4096, "one full frame, which is the last"),
        ("framed-two", 4097, "two frames"),
        ("framed-three-full", 3 * 4096, "three frames, all full"),
    ]:
        _opens(bench, name, comment, MANAGED, b"a" * size, flags=FRAMED_4K)
    _opens(
        bench, "framed-customer-gated-aad", "two frames with AAD", ACME, b"a" * 4100, aad=b"stream 3", flags=FRAMED_4K
    )
    _opens(bench, "framed-largest-frame-size", "frames of 2^20 bytes", MANAGED, PAYLOAD, flags=0x94)


def _data_keys(bench: Bench) -> None:
    for name, items, comment in [
        ("data-key-managed", MANAGED_TWO, "bare bundle, managed"),
        ("data-key-customer-gated", ACME, "bare bundle, one customer key"),
        ("data-key-two-owners", TWO_OWNERS, "bare bundle, two shares"),
        ("data-key-dual-control", DUAL, "bare bundle, managed and customer share"),
        ("data-key-any-of", ANY_OF, "bare bundle, any_of"),
    ]:
        recipe = bench.recipe(items, kind=envelope.DATA_KEY, full_context=True)
        data = bench.write(recipe, name)
        bench.opens(name, comment, items, data, data_key_of(recipe), kind=envelope.DATA_KEY)
    recipe = replace(bench.recipe(ACME_USERS), kind=envelope.DATA_KEY, full_context=True, moved=True)
    data = bench.write(recipe, "data-key-moved")
    bench.opens(
        "data-key-moved",
        "bare bundle with the moved bit",
        ACME_USERS,
        data,
        data_key_of(recipe),
        kind=envelope.DATA_KEY,
    )


def data_key_of(recipe) -> bytes:
    """Of a recipe that was written: its shares are then known."""
    return keys.xor(*(share.secret for share in recipe.shares))


def context_of(size: int) -> contexts.Items:
    """A context of organization_id org_acme and nine items, whose canonical form has exactly `size` bytes."""
    items = [("organization_id", "org_acme")] + [(f"n{i}", "é" * 450) for i in range(8)]
    rest = size - (1 + sum(4 + len((name + value).encode()) for name, value in items))
    length = rest - 4 - len("n8")
    return items + [("n8", "é" * (length // 2) + "e" * (length % 2))]
