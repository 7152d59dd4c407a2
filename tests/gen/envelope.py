"""Parsing of envelopes and bare bundles: the numbered rules R1 to R21 of docs/envelope.md section 7, in their order."""

from __future__ import annotations

from dataclasses import dataclass, field

import canon as contexts
import payload
from refusal import refuse_if

ENVELOPE, DATA_KEY = "envelope", "data_key"
MAGIC = {ENVELOPE: b"LVE", DATA_KEY: b"LVK"}
PURPOSE = {ENVELOPE: 0, DATA_KEY: 1}
MANAGED, CUSTOMER_GATED, DUAL_CONTROL, ANY_OF = range(4)
POLICY_NAMES = ("managed", "customer_gated", "dual_control", "any_of")
MANAGED_ID, ANY_OF_ID = bytes(16), b"\xff" * 16
MAX_COUNT = 10
MAX_CONTEXT_BYTES = 8192
MAX_BLOB_BYTES = 1024
MAX_BUNDLE_BYTES = 65536
MANAGED_BLOB_BYTES = 96


@dataclass
class Wrap:
    key_ids: list[bytes]
    blob: bytes


@dataclass
class Share:
    binding_id: bytes
    wraps: list[Wrap] = field(default_factory=list)


@dataclass
class Parsed:
    """Every field of an envelope or bare bundle; `marks` maps a field's name to the offset of its end."""

    version: int = 0
    suite: int = 0
    flags: int = 0
    decision: int = 0
    commitment: bytes = b""
    context_tag: bytes | None = None
    stored_context: bytes | None = None
    shares: list[Share] = field(default_factory=list)
    prefix: bytes = b""
    body_without_mac: bytes = b""
    bundle_mac: bytes = b""
    message_id: bytes = b""
    frames: bytes = b""
    marks: dict[str, int] = field(default_factory=dict)

    @property
    def policy(self) -> int:
        return self.decision >> 6

    @property
    def purpose(self) -> int:
        return self.decision >> 4 & 1


class _Input:
    def __init__(self, data: bytes, marks: dict[str, int]):
        self.data, self.at, self.marks = data, 0, marks

    def take(self, count: int, name: str) -> bytes:
        refuse_if(self.at + count > len(self.data), "R1", "Malformed")
        self.at += count
        self.marks[name] = self.at
        return self.data[self.at - count : self.at]

    def number(self, count: int, name: str) -> int:
        return int.from_bytes(self.take(count, name), "big")

    def count(self, name: str) -> int:
        value = self.number(1, name)
        refuse_if(value == 0, "R8", "Malformed")
        refuse_if(value > MAX_COUNT, "R9", "LimitExceeded")
        return value


def parse(kind: str, data: bytes) -> Parsed:
    """All of stage 1. `kind` is ENVELOPE for `decrypt` and DATA_KEY for `decrypt_data_key`."""
    parsed = Parsed()
    source = _Input(data, parsed.marks)
    refuse_if(source.take(3, "magic") != MAGIC[kind], "R2", "UnsupportedFormat")
    parsed.version = source.number(1, "version")
    refuse_if(parsed.version != 1, "R3", "UnsupportedFormat")
    parsed.suite = source.number(1, "suite")
    refuse_if(parsed.suite != 1, "R4", "UnsupportedFormat")
    if kind == ENVELOPE:
        parsed.flags = source.number(1, "flags")
        refuse_if(not _flags_allowed(parsed.flags), "R5", "UnsupportedFormat")
    parsed.prefix = data[: source.at]
    _parse_body(kind, source, parsed)
    if kind == DATA_KEY:
        refuse_if(source.at != len(data), "R21", "Malformed")
        return parsed
    parsed.message_id = source.take(16, "message-id")
    parsed.frames = data[source.at :]
    refuse_if(len(parsed.frames) < payload.TAG_LENGTH, "R1", "Malformed")
    pieces = payload.cut_frames(parsed.frames, parsed.flags)
    refuse_if(len(pieces[-1]) < 16 or (len(pieces) > 1 and len(pieces[-1]) == 16), "R20", "Malformed")
    return parsed


def _flags_allowed(flags: int) -> bool:
    exponent = flags & payload.EXPONENT_MASK
    framed = flags & payload.FRAMED_FLAG
    return not flags & 0x60 and (12 <= exponent <= 20 if framed else exponent == 0)


def _parse_body(kind: str, source: _Input, parsed: Parsed) -> None:
    start = source.at
    parsed.decision = source.number(1, "decision")
    full = bool(parsed.decision & 0x08)
    refuse_if(parsed.decision & 0x07, "R6", "UnsupportedFormat")
    refuse_if(parsed.purpose != PURPOSE[kind] or (parsed.purpose == 1 and not full), "R7", "Malformed")
    share_count = source.count("share-count")
    parsed.commitment = source.take(32, "commitment")
    if full:
        length = source.number(2, "context-length")
        refuse_if(length > MAX_CONTEXT_BYTES, "R10", "LimitExceeded")
        parsed.stored_context = source.take(length, "context")
        refuse_if(not _is_canonical(parsed.stored_context), "R11", "Malformed")
    else:
        parsed.context_tag = source.take(8, "context-tag")
    for index in range(share_count):
        before = parsed.shares[-1].binding_id if parsed.shares else None
        parsed.shares.append(_parse_share(source, start, index, before))
    refuse_if(not _fits_policy(parsed.policy, [s.binding_id for s in parsed.shares]), "R18", "Malformed")
    parsed.body_without_mac = source.data[start : source.at]
    parsed.bundle_mac = source.take(16, "bundle-mac")
    _refuse_oversized(source, start)


def _parse_share(source: _Input, start: int, index: int, before: bytes | None) -> Share:
    share = Share(source.take(16, f"share {index} binding-id"))
    refuse_if(before is not None and share.binding_id <= before, "R17", "Malformed")
    managed = share.binding_id == MANAGED_ID
    wrap_count = source.count(f"share {index} wrap-count")
    refuse_if(managed and wrap_count > 1, "R12", "Malformed")
    for number in range(wrap_count):
        where = f"share {index} wrap {number}"
        key_count = source.count(f"{where} key-count")
        refuse_if(not managed and key_count > 1, "R13", "Malformed")
        key_ids = [source.take(16, f"{where} key-id {k}") for k in range(key_count)]
        length = source.number(2, f"{where} blob-length")
        refuse_if(length > MAX_BLOB_BYTES, "R15", "LimitExceeded")
        refuse_if(length == 0 or (managed and length != MANAGED_BLOB_BYTES), "R14", "Malformed")
        share.wraps.append(Wrap(key_ids, source.take(length, f"{where} blob")))
        _refuse_oversized(source, start)
    ids = [key_id for wrap in share.wraps for key_id in wrap.key_ids]
    refuse_if(len(set(ids)) != len(ids), "R16", "Malformed")
    return share


def _fits_policy(policy: int, ids: list[bytes]) -> bool:
    managed = ids.count(MANAGED_ID)
    any_of = ids.count(ANY_OF_ID)
    bindings = len(ids) - managed - any_of
    return {
        MANAGED: (managed, bindings, any_of) == (1, 0, 0),
        CUSTOMER_GATED: managed <= 1 and bindings >= 1 and any_of == 0,
        DUAL_CONTROL: managed == 1 and bindings >= 1 and any_of == 0,
        ANY_OF: managed <= 1 and bindings == 0 and any_of == 1,
    }[policy]


def _refuse_oversized(source: _Input, start: int) -> None:
    refuse_if(5 + source.at - start > MAX_BUNDLE_BYTES, "R19", "LimitExceeded")


def _is_canonical(data: bytes) -> bool:
    try:
        contexts.items_of(data)
    except ValueError:
        return False
    return True
