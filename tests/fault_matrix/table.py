"""The document: results without times, so that it only changes when the behaviour does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .faults import ATTEMPT_MS, CLOUDS, CONNECT_MS, LEASE_MS, TOTAL_MS, Lease, Row, rows
from .stage import SLACK_SECONDS, Result

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/fault-matrix.md"
_TITLES = {"aws": "AWS KMS", "azure": "Azure Key Vault", "gcp": "Google Cloud KMS"}

_HEAD = f"""# Fault matrix

Written by `make fault-matrix`, compared by every `make test`: do not edit. What becomes of a call when the customer's KMS, or the network between,
misbehaves.

For every line a vault with one customer's key encrypts and decrypts once while all is well; then the fault begins, and stays; then comes the call.
Deadlines: {CONNECT_MS} ms to connect, {ATTEMPT_MS} ms for an attempt, {TOTAL_MS} ms for the whole call (the defaults are longer). AWS is MiniStack;
Azure (a vault) and Google are our test servers by TLS. The faults are made by a proxy in front of them; `make test-all` makes those of the network by
toxiproxy and those of answers by mitmproxy too, but for the rows under a lease, where nobody is asked.

- **encrypt**, **decrypt**: the error's name, or `ok`. **calls**: uses of the key that came as far as the KMS's network (connections that fail do
  not); in brackets requests for tokens. Three are the most that a call makes.
- **in time**: the call ended with its deadline at the latest; the test forgives a busy machine {SLACK_SECONDS} s.
- **managed keys**: how often a key of the vendor's was used instead, by the vault's counters and by what is in its store. It has to be 0.
- *under a lease*: the operation had been done under the same lease before. *After a lease*: the lease ({LEASE_MS} ms) has ended meanwhile. Else
  there are no leases.

`ok, but to open it: …` stands where an answer was damaged in a way that nothing in it gives away at encryption, such as an older answer that
somebody repeats: the envelope is made, and opens nowhere. TLS keeps strangers from doing that; libvault finds it at decryption.
"""


@dataclass(frozen=True)
class Committed:
    """What the document says of a row."""

    outcome: str
    calls: int
    tokens: int


def committed(row: Row) -> Committed:
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"## {_TITLES[row.provider]}\n")[2].partition("\n## ")[0]
    [line] = [line for line in section.splitlines() if line.startswith(f"| {_name(row.fault.name + row.lease.value)} |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    outcome, calls = cells[1:3] if row.operation == "encrypt" else cells[3:5]
    counts = [int(number) for number in re.findall(r"\d+", calls)]
    return Committed(outcome.strip("`"), counts[0], counts[1] if len(counts) > 1 else 0)


def render(results: Mapping[Row, Result]) -> str:
    """The whole of docs/fault-matrix.md."""
    return _HEAD + "".join(_section(provider, results) for provider in CLOUDS)


def _section(provider: str, results: Mapping[Row, Result]) -> str:
    lines = ["", f"## {_TITLES[provider]}", "", "| fault | encrypt | calls | decrypt | calls | in time | managed keys |", "|---|---|---:|---|---:|---|---:|"]
    lines += [_line(name, pair) for name, pair in _pairs(provider, results).items()]
    return "\n".join(lines) + "\n"


def _pairs(provider: str, results: Mapping[Row, Result]) -> dict[str, dict[str, Result]]:
    """The results of both operations by the name of the fault."""
    pairs: dict[str, dict[str, Result]] = {}
    for row in rows():
        if row.provider == provider:
            pairs.setdefault(row.fault.name + row.lease.value, {})[row.operation] = results[row]
    return pairs


def _line(name: str, pair: dict[str, Result]) -> str:
    cells = [_name(name)]
    for operation in ("encrypt", "decrypt"):
        result = pair.get(operation)
        cells += ["–", ""] if result is None else [f"`{result.outcome}`", _calls(result)]
    in_time = all(result.in_time for result in pair.values())
    uses = sum(result.managed_key_uses for result in pair.values())
    return "| " + " | ".join([*cells, "yes" if in_time else "**no**", str(uses)]) + " |"


def _name(name: str) -> str:
    return f"*{name}*" if name.endswith(tuple(lease.value for lease in Lease if lease.value)) else name


def _calls(result: Result) -> str:
    return f"{result.calls} ({result.tokens})" if result.tokens else str(result.calls)
