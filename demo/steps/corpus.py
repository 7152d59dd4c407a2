"""Real input: the source text of Python's standard library, cut into records; and the files records travel in."""

import hashlib
import struct
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

MAXIMUM_RECORD_BYTES = 4096


def standard_library_records(count: int) -> list[bytes]:
    """The first `count` pieces of at most 4 KiB of the installed standard library, in the order of the file names."""
    library = Path(sysconfig.get_path("stdlib"))
    sources = sorted(path for path in library.rglob("*.py") if "site-packages" not in path.parts)
    records = list(islice(_pieces(sources), count))
    if len(records) < count:
        raise RuntimeError(f"the standard library in {library} has only {len(records)} records, not {count}")
    return records


def _pieces(sources: Iterable[Path]) -> Iterator[bytes]:
    for source in sources:
        text = source.read_bytes()
        # An empty file is a record of 0 bytes: an edge worth having.
        for start in range(0, len(text) or 1, MAXIMUM_RECORD_BYTES):
            yield text[start : start + MAXIMUM_RECORD_BYTES]


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """Each record is its length in 4 bytes, big-endian, and its bytes. The programs in every language read and write this."""
    with path.open("wb") as file:
        for record in records:
            file.write(struct.pack(">I", len(record)) + record)


def read_records(path: Path) -> list[bytes]:
    """Refuses a file that ends inside a record."""
    content, records, position = path.read_bytes(), [], 0
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        record = content[position + 4 : position + 4 + length]
        if len(record) != length:
            raise ValueError(f"{path.name} ends inside a record")
        records.append(record)
        position += 4 + length
    return records


def manifest(records: Iterable[bytes]) -> list[str]:
    """SHA-256 of each record, in order."""
    return [hashlib.sha256(record).hexdigest() for record in records]
