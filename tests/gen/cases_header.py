"""Vectors that stage 1 refuses before the shares, R1 to R11. Apart from the one rule all is valid."""

from __future__ import annotations

import canon as contexts
import envelope
from cases import (
    ACME,
    MANAGED,
    MANAGED_TWO,
    Bench,
    marks,
)
from cases_success import context_of
from seeded import SeededBytes
from writer import ShareRecipe, WrapRecipe

DATA_KEY = {"kind": envelope.DATA_KEY}
BARE = {"kind": envelope.DATA_KEY, "full_context": True}


def add(bench: Bench) -> None:
    _truncated(bench)
    _header(bench)
    _decision(bench)
    _counts(bench)
    _stored_context(bench)


def _truncated(bench: Bench) -> None:
    whole = bench.honest(ACME, "truncated")
    cuts = {"nothing": 0, "magic-1": 1, "magic-2": 2}
    cuts |= {field.replace(" ", "-"): at for field, at in marks(whole).items()}
    cuts |= {"inside-commitment": marks(whole)["commitment"] - 1, "inside-tag": marks(whole)["message-id"] + 15}
    for name, at in cuts.items():
        bench.refused("R1", f"truncated-after-{name}", f"the first {at} bytes of an envelope", ACME, whole[:at])
    full = bench.honest(MANAGED, "truncated-full", full_context=True)
    for field in ("commitment", "context-length"):
        at = marks(full)[field] + (1 if field == "context-length" else 0)
        bench.refused("R1", f"truncated-full-{field}", f"full context, the first {at} bytes", MANAGED, full[:at])
    bare = bench.write(bench.recipe(ACME, **BARE), "truncated-bare")
    for name, at in {"magic": 3, "suite": 5, "last-blob": len(bare) - 16, "mac-15": len(bare) - 1}.items():
        bench.refused("R1", f"truncated-bare-{name}", f"bare bundle, the first {at} bytes", ACME, bare[:at], **DATA_KEY)


def _header(bench: Bench) -> None:
    good = bench.honest(MANAGED, "header")
    bare = bench.write(bench.recipe(MANAGED, **BARE), "header-bare")
    for name, magic in [("lower-case", b"lve"), ("unknown", b"LVX"), ("zero", bytes(3))]:
        bench.refused("R2", f"magic-{name}", "not an envelope", MANAGED, magic + good[3:])
    bench.refused("R2", "magic-only-wrong", "three bytes of something else, and nothing after them", MANAGED, b"PK\x03")
    bench.refused("R2", "bare-bundle-to-decrypt", "a bare bundle is not an envelope", MANAGED, bare)
    bench.refused("R2", "envelope-to-decrypt-data-key", "an envelope is not a bare bundle", MANAGED, good, **DATA_KEY)
    for number in (0, 2, 255):
        bench.refused(
            "R3",
            f"version-{number}",
            "bind, MAC and payload made with this version",
            MANAGED,
            bench.recipe(MANAGED, version=number),
        )
    bench.refused(
        "R3",
        "version-bare",
        "bare bundle of version 2",
        MANAGED,
        bench.recipe(MANAGED, version=2, **BARE),
        **DATA_KEY,
    )
    for number in (0, 2):
        bench.refused(
            "R4",
            f"suite-{number}",
            "all keys made with this suite",
            MANAGED,
            bench.recipe(MANAGED, suite=number),
        )
    bench.refused(
        "R4", "suite-bare", "bare bundle of suite 2", MANAGED, bench.recipe(MANAGED, suite=2, **BARE), **DATA_KEY
    )
    for flags, comment in [
        (0x01, "one-shot with a frame size"),
        (0x0C, "one-shot with a frame size that would be allowed"),
        (0x20, "bit 5"),
        (0x40, "bit 6"),
        (0xCC, "framed with bit 6"),
        (0x80, "framed, exponent 0"),
        (0x8B, "framed, exponent 11"),
        (0x95, "framed, exponent 21"),
        (0x9F, "framed, exponent 31"),
    ]:
        bench.refused("R5", f"flags-{flags:02x}", comment, MANAGED, bench.recipe(MANAGED, flags=flags))


def _decision(bench: Bench) -> None:
    for bits in (1, 2, 4):
        bench.refused("R6", f"reserved-bit-{bits}", "MAC made over it", MANAGED, bench.recipe(MANAGED, reserved=bits))
    bench.refused(
        "R7",
        "data-key-purpose-in-envelope",
        "an envelope whose bundle is of a data key",
        MANAGED,
        bench.recipe(MANAGED, purpose=1, full_context=True),
    )
    bench.refused(
        "R7",
        "envelope-purpose-in-bare",
        "a bare bundle of purpose envelope",
        MANAGED,
        bench.recipe(MANAGED, purpose=0, **BARE),
        **DATA_KEY,
    )
    bench.refused(
        "R7",
        "bare-with-context-tag",
        "a bare bundle with a context tag",
        MANAGED,
        bench.recipe(MANAGED, kind=envelope.DATA_KEY),
        **DATA_KEY,
    )


def _counts(bench: Bench) -> None:
    bench.refused(
        "R8",
        "no-shares",
        "no share: the data key would be 32 zero bytes, and everything fits it",
        MANAGED,
        bench.recipe(MANAGED, shares=[]),
    )
    bench.refused(
        "R8",
        "no-wraps",
        "a share without a wrap, of 32 zero bytes",
        ACME,
        bench.shares(envelope.CUSTOMER_GATED, ACME, [ShareRecipe(bench.binding("bnd_acme").id, [], bytes(32))]),
    )
    bench.refused(
        "R8",
        "no-keys",
        "a managed wrap under no key, which is known to everyone",
        MANAGED,
        bench.shares(envelope.MANAGED, MANAGED, [bench.wrapping.managed_share([])]),
    )
    source = SeededBytes("counts")
    shares = [ShareRecipe(source.take(16), [unknown_wrap(source)]) for _ in range(11)]
    bench.refused(
        "R9",
        "eleven-shares",
        "eleven shares of bindings that nobody knows",
        ACME,
        bench.shares(envelope.CUSTOMER_GATED, ACME, shares),
    )
    wraps = [*bench.binding_share("bnd_acme").wraps, *(unknown_wrap(source) for _ in range(10))]
    bench.refused(
        "R9",
        "eleven-wraps",
        "eleven wraps, of which the first one opens",
        ACME,
        bench.shares(envelope.CUSTOMER_GATED, ACME, [ShareRecipe(bench.binding("bnd_acme").id, wraps)]),
    )
    wrap = bench.wrapping.managed_wrap(MANAGED)
    wrap.key_ids += [source.take(16) for _ in range(10)]
    bench.refused(
        "R9",
        "eleven-keys",
        "a managed wrap that names eleven keys",
        MANAGED,
        bench.shares(envelope.MANAGED, MANAGED, [ShareRecipe(envelope.MANAGED_ID, [wrap])]),
    )
    wrap = bench.wrapping.customer_wrap(bench.binding("bnd_acme").keys[0].id)
    wrap.key_ids += [source.take(16) for _ in range(10)]
    bench.refused(
        "R9",
        "eleven-keys-customer",
        "a customer wrap that names eleven keys: R9 comes before R13",
        ACME,
        bench.shares(envelope.CUSTOMER_GATED, ACME, [ShareRecipe(bench.binding("bnd_acme").id, [wrap])]),
    )


def unknown_wrap(source: SeededBytes, length: int = 100) -> WrapRecipe:
    return WrapRecipe([source.take(16)], lambda bind, salt, plaintext: bytes(length))


def _stored_context(bench: Bench) -> None:
    def encode(pairs: list[tuple[bytes, bytes]]) -> bytes:
        return bytes([len(pairs)]) + b"".join(contexts.length_prefixed(part) for pair in pairs for part in pair)

    org, user = (b"organization_id", b"org_managed"), (b"user_id", b"user_1")
    too_long = encode(sorted((name.encode(), value.encode()) for name, value in context_of(8193)))
    bench.refused(
        "R10",
        "stored-context-8193",
        "well-formed, one byte above the limit",
        ACME,
        bench.recipe(ACME, full_context=True, stored_context=too_long),
    )
    full = bench.honest(MANAGED, "stored-context-65535", full_context=True)
    bench.refused(
        "R10",
        "stored-context-65535",
        "a length far above the limit, and nothing after it",
        MANAGED,
        full[: marks(full)["commitment"]] + b"\xff\xff",
    )
    bad = {
        "length-0": (b"", "no bytes at all"),
        "no-items": (b"\x00", "no items"),
        "eleven-items": (encode([(b"n%02d" % i, b"v") for i in range(11)]), "eleven items"),
        "unsorted": (encode([user, org]), "items in descending order"),
        "duplicate": (encode([org, org]), "one item twice"),
        "duplicate-name": (encode([org, (org[0], b"org_other")]), "one name with two values"),
        "empty-name": (encode([(b"", b"v")]), "empty name"),
        "empty-value": (encode([(b"organization_id", b"")]), "empty value"),
        "long-name": (encode([(b"n" * 121, b"v")]), "name of 121 characters"),
        "long-value": (encode([(b"n", b"v" * 501)]), "value of 501 characters"),
        "control": (encode([(b"n", b"a\tb")]), "a tab in a value"),
        "delete": (encode([(b"n\x7f", b"v")]), "U+007F in a name"),
        "c1-control": (encode([(b"n", "\u0085".encode())]), "U+0085 in a value"),
        "prefix-libvault": (encode([(b"libvault:bind", b"v")]), "a reserved prefix"),
        "prefix-aws": (encode([(b"aws:x", b"v")]), "a reserved prefix"),
        "not-utf8": (encode([(b"n", b"\xff")]), "not UTF-8"),
        "overlong-utf8": (encode([(b"n", b"\xc0\xaf")]), "an overlong encoding"),
        "surrogate": (encode([(b"n", b"\xed\xa0\x80")]), "an encoded surrogate"),
        "left-over": (encode([org]) + b"\x00", "a byte after the last item"),
        "count-too-high": (b"\x02" + encode([org])[1:], "two items announced, one there"),
        "length-beyond-end": (encode([org])[:-1], "the last value ends early"),
    }
    for name, (stored, comment) in bad.items():
        bench.refused(
            "R11",
            f"stored-context-{name}",
            comment,
            MANAGED,
            bench.recipe(MANAGED, full_context=True, stored_context=stored),
        )
    bench.refused(
        "R11",
        "stored-context-bare",
        "bare bundle, items in descending order",
        MANAGED_TWO,
        bench.recipe(MANAGED_TWO, stored_context=encode([user, org]), **BARE),
        **DATA_KEY,
    )
