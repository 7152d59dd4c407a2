"""Vectors of section 2: contexts and their canonical form, at every limit and one step beyond it."""

from __future__ import annotations

import canon as contexts
from cases_success import context_of
from refusal import Refused

LOCK = "\U0001f512"


def vectors() -> list[dict]:
    """Contexts that every language can express."""
    return [_judge(name, comment, items) for name, comment, items in [*_accepted(), *_refused()]]


def utf16_vectors() -> list[dict]:
    """Lone surrogates, as UTF-16 code units (big-endian): for languages whose strings can hold them."""
    cases = [
        ("high-surrogate-in-value", "n", "a\ud800b"),
        ("low-surrogate-in-value", "n", "\udc00"),
        ("surrogates-in-wrong-order", "n", "\udc00\ud800"),
        ("high-surrogate-at-end", "n", "a\udbff"),
        ("high-surrogate-in-name", "n\ud800", "v"),
        ("low-surrogate-in-name", "\udfff", "v"),
        ("pair-in-value", "n", LOCK),
        ("pair-in-name", LOCK, "v"),
    ]

    def encode(text: str) -> str:
        return text.encode("utf-16-be", "surrogatepass").hex()

    judged = ((_judge(name, None, [(key, value)]), key, value) for name, key, value in cases)
    return [
        _in_place_of_items(vector, "items_utf16_hex", [[encode(key), encode(value)]]) for vector, key, value in judged
    ]


def bytes_vectors() -> list[dict]:
    """Bytes that are not UTF-8: for languages whose strings are bytes."""
    cases = [
        ("lone-continuation", b"n", b"\x80"),
        ("invalid-byte", b"n", b"a\xffb"),
        ("overlong-slash", b"n", b"\xc0\xaf"),
        ("overlong-nul", b"n", b"\xc0\x80"),
        ("overlong-three-bytes", b"n", b"\xe0\x80\xaf"),
        ("encoded-surrogate", b"n", b"\xed\xa0\x80"),
        ("above-10ffff", b"n", b"\xf4\x90\x80\x80"),
        ("five-bytes", b"n", b"\xf8\x88\x80\x80\x80"),
        ("cut-short", b"n", b"a\xe2\x82"),
        ("invalid-in-name", b"n\xff", b"v"),
        ("cut-short-in-name", b"\xe2\x82", b"v"),
        ("two-bytes", b"n", "é".encode()),
        ("four-bytes", LOCK.encode(), b"v"),
    ]
    result = []
    for name, key, value in cases:
        # What cannot be decoded is refused exactly where a lone surrogate would be.
        items = [(key.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))]
        result.append(_in_place_of_items(_judge(name, None, items), "items_bytes_hex", [[key.hex(), value.hex()]]))
    return result


def _in_place_of_items(vector: dict, field: str, value: list) -> dict:
    return {(field if key == "items" else key): (value if key == "items" else old) for key, old in vector.items()}


def _judge(name: str, comment: str | None, items: contexts.Items) -> dict:
    vector = {"name": name} | ({"comment": comment} if comment else {}) | {"items": [list(item) for item in items]}
    try:
        return vector | {"expect": {"canonical_hex": contexts.canonical(items).hex()}}
    except Refused as refused:
        return vector | {"expect": {"error": refused.error, "offending_name": refused.names[0]}}


def _accepted():
    yield "one-item", "the example of section 9", [("organization_id", "org_123")]
    yield "two-items", "", [("organization_id", "org_123"), ("user_id", "u1")]
    yield (
        "two-items-reversed",
        "the order of the caller does not matter",
        [("user_id", "u1"), ("organization_id", "org_123")],
    )
    yield "ten-items", "", [(f"n{i}", "v") for i in range(10)]
    yield "name-120", "120 characters", [("n" * 120, "v")]
    yield "name-120-astral", "120 characters of 4 bytes", [(LOCK * 120, "v")]
    yield "value-500", "500 characters", [("n", "v" * 500)]
    yield "value-500-astral", "500 characters of 4 bytes", [("n", LOCK * 500)]
    yield "canonical-8192", "8,192 bytes", context_of(8192)
    yield (
        "byte-order",
        "by bytes, not by letters or length",
        [("b", "1"), ("B", "2"), ("a", "3"), ("aa", "4"), ("_", "5"), ("é", "6"), ("z", "7")],
    )
    yield (
        "astral-after-private-use",
        "U+E000 and U+FFFD sort before U+10000: UTF-8 order, not UTF-16 order",
        [("\U00010000", "1"), ("\ue000", "2"), ("\ufffd", "3")],
    )
    yield "prefix-name-sorts-first", "", [("ab", "1"), ("a", "2"), ("a\u0020", "3")]
    yield "names-differ-in-case", "", [("Name", "1"), ("name", "2")]
    yield (
        "names-differ-in-normalisation",
        "composed and decomposed é are two names",
        [("\u00e9", "1"), ("e\u0301", "2")],
    )
    yield "equal-values", "", [("a", "same"), ("b", "same")]
    yield "spaces", "spaces are characters like others, also at the ends", [(" ", " "), (" a ", "  ")]
    yield (
        "no-break-and-zero-width",
        "U+00A0, U+200B, U+FEFF, U+2028 are not control characters",
        [("n", "\u00a0\u200b\ufeff\u2028\u2029")],
    )
    yield "soft-hyphen-and-bidi", "category Cf is allowed", [("n", "\u00ad\u202e\u2066")]
    yield "unassigned", "", [("n", "\u0378\U000e0fff")]
    yield "private-use", "", [("\ue000", "\U0010fffd")]
    yield "non-characters", "U+FFFE, U+FFFF, U+FDD0 and U+10FFFF", [("n", "\ufffe\uffff\ufdd0\U0010ffff")]
    yield "around-c0", "U+0020 and U+007E", [("n", " ~")]
    yield "around-c1", "U+00A0 follows the last C1 control", [("n\u00a0", "v")]
    yield "aws-without-colon", "", [("aws", "v"), ("awsx", "v"), ("aws_", "v")]
    yield "libvault-without-colon", "", [("libvault", "v"), ("libvaultx:", "v")]
    yield "reserved-prefix-in-other-case", "prefixes are compared by bytes", [("AWS:x", "v"), ("Libvault:x", "v")]
    yield "reserved-prefix-inside", "", [("x-aws:", "v"), (" libvault:", "v")]
    yield "reserved-prefix-in-value", "", [("n", "aws:x"), ("o", "libvault:bind")]
    yield (
        "prototype-names",
        "names that mean something to some languages",
        [("__proto__", "1"), ("constructor", "2"), ("toString", "3")],
    )
    yield "quotes", "", [("\"'\\", "{}[]%s$1")]


def _refused():
    yield "no-items", "", []
    yield "eleven-items", "", [(f"n{i:02}", "v") for i in range(11)]
    yield "empty-name", "", [("", "v")]
    yield "empty-value", "", [("n", "")]
    yield "empty-second-value", "", [("a", "v"), ("b", "")]
    yield "name-121", "121 characters", [("n" * 121, "v")]
    yield "name-121-astral", "121 characters of 4 bytes", [(LOCK * 121, "v")]
    yield "value-501", "501 characters", [("n", "v" * 501)]
    yield "value-501-two-bytes", "501 characters in 1,002 bytes", [("n", "é" * 501)]
    yield "value-501-astral", "501 characters of 4 bytes", [("n", LOCK * 501)]
    yield "canonical-8193", "8,193 bytes: no single item is to blame", context_of(8193)
    yield "duplicate", "one item twice", [("n", "v"), ("n", "v")]
    yield "duplicate-name", "one name with two values", [("n", "v"), ("m", "v"), ("n", "w")]
    for code in (0x00, 0x09, 0x0A, 0x0D, 0x1F, 0x7F, 0x80, 0x85, 0x9F):
        yield f"control-{code:04x}-in-name", "", [("n" + chr(code), "v")]
        yield f"control-{code:04x}-in-value", "", [("n", "v" + chr(code) + "v")]
    for name in ("aws:", "aws:x", "libvault:", "libvault:bind"):
        yield f"reserved-{name.replace(':', '-')}", "", [(name, "v")]
