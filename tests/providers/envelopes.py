"""Where the wrap is in an envelope of one share with one wrap, by docs/envelope.md section 3, read without libvault."""

_LENGTH_AT = 6 + 2 + 32 + 8 + (16 + 1) + (1 + 16)


def blob_at(envelope: bytes) -> slice:
    """The place of the blob."""
    begin = _LENGTH_AT + 2
    return slice(begin, begin + int.from_bytes(envelope[_LENGTH_AT:begin], "big"))


def blob_of(envelope: bytes) -> bytes:
    return envelope[blob_at(envelope)]


def with_blob(envelope: bytes, blob: bytes) -> bytes:
    """The envelope with another blob of the same length."""
    place = blob_at(envelope)
    assert len(blob) == place.stop - place.start
    return envelope[: place.start] + blob + envelope[place.stop :]
