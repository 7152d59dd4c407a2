"""Vectors that stage 4 refuses, R27 to R31: everything fits the context and the registry, but a key says no."""

from __future__ import annotations

import envelope
import keys
from cases import ACME, BETA, DUAL, FRAMED_4K, MANAGED, PAYLOAD, TWO_OWNERS, Bench, flip, marks
from collision import colliding_ciphertext
from payload import nonce
from seeded import SeededBytes

GATED = envelope.CUSTOMER_GATED
BARE = {"kind": envelope.DATA_KEY, "full_context": True}


def add(bench: Bench) -> None:
    _wraps(bench)
    _binds(bench)
    _commitment(bench)
    _mac(bench)
    _payload(bench)
    _frames(bench)


def _wraps(bench: Bench) -> None:
    def changed(name: str, comment: str, items, share: int, wrap: int, change, **how) -> None:
        recipe = bench.recipe(items, **how)
        recipe.shares[share].wraps[wrap].change_blob = change
        bench.refused("R27", name, comment, items, recipe, **({"kind": how["kind"]} if how else {}))

    def last(blob: bytes) -> bytes:
        return flip(blob, len(blob) - 1)

    changed("managed-wrap-tag", "last byte of the tag, MAC made over it", MANAGED, 0, 0, last)
    changed("managed-wrap-salt", "first byte of the salt", MANAGED, 0, 0, lambda blob: flip(blob, 0))
    changed("customer-wrap-tag", "last byte of the tag", ACME, 0, 0, last)
    changed("customer-wrap-salt", "first byte of the salt", ACME, 0, 0, lambda blob: flip(blob, 4))
    changed(
        "customer-wrap-version-unknown",
        "a version of the key file that does not exist",
        ACME,
        0,
        0,
        lambda blob: flip(blob, 3, 0x10),
    )
    changed(
        "customer-wrap-version-other",
        "a version of the key file that exists but is not the one used",
        ACME,
        0,
        0,
        lambda blob: (1).to_bytes(4, "big") + blob[4:],
    )
    changed("customer-wrap-99", "one byte short", ACME, 0, 0, lambda blob: blob[:-1])
    changed("customer-wrap-1", "one byte", ACME, 0, 0, lambda blob: blob[:1])
    changed("first-of-two-wraps", "the first wrap fails and the second would open: it is not tried", BETA, 0, 0, last)
    changed("first-of-two-shares", "the first share fails: the second key is not called", TWO_OWNERS, 0, 0, last)
    changed("second-of-two-shares", "the first share opens, the second fails", TWO_OWNERS, 1, 0, last)
    changed("dual-managed-share", "the managed share is first: no customer key is called", DUAL, 0, 0, last)
    changed("dual-customer-share", "the managed share opens, the customer's fails", DUAL, 1, 0, last)
    changed("customer-wrap-tag-bare", "bare bundle", ACME, 0, 0, last, **BARE)

    swapped = bench.recipe(BETA)
    first, second = swapped.shares[0].wraps
    first.seal, second.seal = second.seal, first.seal
    bench.refused("R27", "wraps-swapped", "each wrap is made with the other one's key", BETA, swapped)
    mine, other = (bench.honest(ACME, f"wrap-of-other-{part}") for part in ("mine", "other"))
    recipe = bench.recipe(ACME)
    blob = envelope.parse(envelope.ENVELOPE, other).shares[0].wraps[0].blob
    recipe.shares[0].wraps[0].change_blob = lambda _: blob
    bench.refused(
        "R27",
        "wrap-of-other-envelope",
        "a good wrap of another envelope of the same context: the bind has the commitment",
        ACME,
        recipe,
    )
    as_dual = mine[:6] + bytes([0x80]) + mine[7:]
    bench.refused(
        "R18", "policy-altered", "policy customer_gated changed to dual_control in a good envelope", ACME, as_dual
    )
    with_managed = bench.shares(GATED, DUAL, [bench.wrapping.managed_share(DUAL), bench.binding_share("bnd_dual")])
    data = bench.write(with_managed, "policy-raised")
    bench.refused(
        "R27",
        "policy-raised",
        "customer_gated with a managed share, changed to dual_control: the bind has the policy",
        DUAL,
        flip(data, 6, 0xC0),
    )


def _binds(bench: Bench) -> None:
    for name, items, share, comment in [
        ("inner-bind-managed", MANAGED, 0, "managed wrap: key, AAD and tag are good, the bind inside is not"),
        ("inner-bind-customer", ACME, 0, "customer wrap: key, AAD and tag are good, the bind inside is not"),
        ("inner-bind-second-share", TWO_OWNERS, 1, "second share"),
    ]:
        recipe = bench.recipe(items)
        recipe.shares[share].wraps[0].inner_bind = SeededBytes(name).take(32)
        bench.refused("R28", name, comment, items, recipe)
    for name, inner in [("plaintext-32", b""), ("plaintext-63", bytes(31)), ("plaintext-65", bytes(33))]:
        recipe = bench.recipe(ACME)
        recipe.shares[0].wraps[0].inner_bind = inner
        bench.refused("R28", name, "customer wrap with a good tag, whose plaintext is not 64 bytes long", ACME, recipe)


def _commitment(bench: Bench) -> None:
    for name, items, share in [
        ("other-share-managed", MANAGED, 0),
        ("other-share-customer", ACME, 0),
        ("other-share-second", TWO_OWNERS, 1),
    ]:
        recipe = bench.recipe(items)
        recipe.shares[share].wraps[0].secret = SeededBytes(name).take(32)
        bench.refused("R29", name, "a wrap opens, but to another share than the data key was made of", items, recipe)
    recipe = bench.recipe(ACME, commitment=SeededBytes("commitment").take(32))
    bench.refused(
        "R29",
        "commitment-of-nothing",
        "tag, binds, MAC and payload are good; the commitment is random",
        ACME,
        recipe,
    )
    recipe = bench.recipe(ACME, commitment=SeededBytes("commitment").take(32), **BARE)
    bench.refused("R29", "commitment-of-nothing-bare", "bare bundle", ACME, recipe, kind=envelope.DATA_KEY)
    _non_committing(bench)


def _non_committing(bench: Bench) -> None:
    """One payload, two keys: each of a binding's two wraps leads to another data key and to another plaintext."""
    source = SeededBytes("collision")
    canon = bench.recipe(BETA).canon
    secrets = [source.take(32), source.take(32)]
    schedules = [keys.Schedule(secret, 1, 0, canon) for secret in secrets]
    for name, committed in [("two-keys-one-payload", 1), ("two-keys-one-payload-committed", 0)]:
        share = bench.binding_share("bnd_beta")
        share.secret, share.wraps[1].secret = secrets
        recipe = bench.shares(GATED, BETA, [share], commitment=schedules[committed].commitment)
        shell = bench.write(recipe, name)
        at = marks(shell)["message-id"]
        message_keys = [s.message_key(shell[:6], shell[at - 16 : at]) for s in schedules]
        data = shell[:at] + colliding_ciphertext(*message_keys, nonce(0, True), b"pay Alice 1 EUR.")
        if committed == 0:
            plaintext = bench.read(envelope.ENVELOPE, data, BETA).payload
            bench.opens(
                name, "the same payload with the commitment of the key that the first wrap holds", BETA, data, plaintext
            )
        else:
            bench.refused(
                "R29",
                name,
                "the payload's tag verifies under two data keys, and the first wrap holds the one that "
                "the commitment does not name: without it this opens",
                BETA,
                data,
            )


def _mac(bench: Bench) -> None:
    for name, items, how in [
        ("mac-managed", MANAGED, {}),
        ("mac-customer", ACME, {}),
        ("mac-two-owners", TWO_OWNERS, {}),
        ("mac-bare", ACME, BARE),
    ]:
        recipe = bench.recipe(items, change_mac=lambda mac: flip(mac, 15), **how)
        bench.refused("R30", name, "last bit of the bundle MAC", items, recipe, kind=recipe.kind)
    recipe = bench.recipe(ACME, change_mac=lambda mac: bytes(16))
    bench.refused("R30", "mac-zero", "sixteen zero bytes", ACME, recipe)
    good = bench.honest(MANAGED, "mac-over-decision", moved=True)
    bench.refused(
        "R30",
        "moved-bit-cleared",
        "the sticky bit taken away: nothing but the MAC covers it",
        MANAGED,
        flip(good, 6, 0x20),
    )
    full, tagged = (bench.honest(MANAGED, "mac-context-mode", full_context=mode) for mode in (True, False))
    place = slice(marks(tagged)["commitment"], marks(tagged)["context-tag"])
    start, end = marks(full)["commitment"], marks(full)["context"]
    swapped = full[:6] + tagged[6:7] + full[7:start] + tagged[place] + full[end:]
    bench.refused("R30", "context-mode-changed", "full context replaced by the right tag", MANAGED, swapped)
    two = bench.honest(BETA, "mac-second-wrap")
    at = marks(two)["share 0 wrap 1 blob"] - 1
    bench.refused(
        "R30", "second-wrap-altered", "the wrap that is not opened: nothing but the MAC covers it", BETA, flip(two, at)
    )
    at = marks(two)["share 0 wrap-count"]
    cut = (
        two[: at - 1] + b"\x01" + two[at : marks(two)["share 0 wrap 0 blob"]] + two[marks(two)["share 0 wrap 1 blob"] :]
    )
    bench.refused("R30", "second-wrap-removed", "a wrap taken away", BETA, cut)


def _payload(bench: Bench) -> None:
    def refused(name: str, comment: str, data: bytes, items=MANAGED, aad=None) -> None:
        bench.refused("R31", name, comment, items, data, aad=aad)

    with_aad = bench.write(bench.recipe(MANAGED), "payload-aad", PAYLOAD, b"record 17")
    good = bench.honest(MANAGED, "payload")
    refused("aad-other", "another AAD", with_aad, aad=b"record 18")
    refused("aad-missing", "AAD not given", with_aad)
    refused("aad-not-expected", "AAD given to an envelope without", good, aad=b"record 17")
    refused("aad-hash-as-aad", "the hash of the AAD given as AAD", with_aad, aad=keys.sha256(b"record 17"))
    at = marks(good)["message-id"]
    refused("message-id-altered", "first bit of the message id", flip(good, at - 16, 0x80))
    refused("payload-altered", "first byte of the ciphertext", flip(good, at))
    refused("tag-altered", "last byte of the tag", flip(good, len(good) - 1))
    refused("trailing-byte", "a zero byte after the tag", good + b"\x00")
    refused("payload-shortened", "the last byte of the ciphertext taken away", good[:-17] + good[-16:])
    refused("tag-only", "the ciphertext taken away", good[:at] + good[-16:])
    refused("envelope-twice", "one envelope after the other", good + good)
    other = bench.honest(MANAGED, "payload-other")
    refused(
        "frames-of-other",
        "message id and payload of another envelope of the same context",
        good[: at - 16] + other[at - 16 :],
    )
    refused("payload-of-other", "payload of another envelope of the same context", good[:at] + other[at:])
    refused("bundle-of-other", "the bundle of another envelope of the same context", other[: at - 16] + good[at - 16 :])
    gated = bench.honest(ACME, "payload-gated")
    refused(
        "payload-altered-customer",
        "customer_gated: the key was called, then the tag failed",
        flip(gated, len(gated) - 20),
        ACME,
    )


def _frames(bench: Bench) -> None:
    def refused(name: str, comment: str, data: bytes) -> None:
        bench.refused("R31", name, comment, MANAGED, data)

    data = bench.honest(MANAGED, "frames", b"a" * (2 * 4096 + 9), flags=FRAMED_4K)
    at, size = marks(data)["message-id"], 4096 + 16
    head, first, second, last = data[:at], data[at : at + size], data[at + size : at + 2 * size], data[at + 2 * size :]
    refused("frames-truncated", "cut at a frame boundary", head + first + second)
    refused("frames-first-only", "the first frame alone", head + first)
    refused("frames-last-only", "the last frame alone", head + last)
    refused("frames-swapped", "two frames exchanged", head + second + first + last)
    refused("frame-twice", "one frame repeated", head + first + first + second + last)
    refused("frame-removed", "the middle frame taken away", head + first + last)
    refused("frames-trailing", "a byte after the last frame", data + b"\x00")
    refused(
        "frame-last-repeated",
        "the last frame filled up and repeated",
        head + first + second + last + bytes(size - len(last)) + last,
    )
    refused("frame-size-altered", "2^13 in place of 2^12 in the flags", flip(data, 5, 0x01))
    short = bench.honest(MANAGED, "frames-form", PAYLOAD, flags=FRAMED_4K)
    refused("framed-as-one-shot", "flags of a framed envelope of one frame set to one-shot", flip(short, 5, FRAMED_4K))
    one_shot = bench.honest(MANAGED, "frames-one-shot", PAYLOAD)
    refused("one-shot-as-framed", "flags of a one-shot envelope set to framed", flip(one_shot, 5, FRAMED_4K))
    not_last = bench.write(bench.recipe(MANAGED, flags=FRAMED_4K, pieces=[b"a" * 4096, b"b", b""]), "frames-never-last")
    refused("frame-not-last", "the last frame is sealed as one that is not the last", not_last[:-16])
    other = bench.honest(MANAGED, "frames-other", b"b" * (2 * 4096 + 9), flags=FRAMED_4K)
    refused(
        "frame-of-other", "the middle frame of another envelope", head + first + other[at + size : at + 2 * size] + last
    )
