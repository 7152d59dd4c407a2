"""Which faults there are, in the order of the document."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

CLOUDS = ("aws", "azure", "gcp")
OPERATIONS = ("encrypt", "decrypt")
# Milliseconds. Three attempts that are waited for to their ends take longer than the whole, and than the slack of a busy machine on top of it.
CONNECT_MS, ATTEMPT_MS, TOTAL_MS = 1_000, 3_000, 5_000
LATE_SECONDS = 4.0
LEASE_MS = 1_000


class Kind(Enum):
    """Who does it."""

    CONNECTION = "the network, without looking into what it carries"
    ANSWER = "somebody who changes answers"
    REPLAY = "somebody who repeats answers"
    KEY = "the customer, at the KMS"
    TOKEN = "somebody who changes the answers of a token endpoint"
    NAME = "the resolver"


class Lease(Enum):
    NONE = ""
    HELD = ", under a lease"
    ENDED = ", after a lease"


@dataclass(frozen=True)
class Fault:
    """`what` is the name of the fault for whoever makes it, such as a key of CHANGES."""

    name: str
    kind: Kind
    what: str
    parameter: str = ""
    providers: tuple[str, ...] = CLOUDS
    operations: tuple[str, ...] = OPERATIONS
    leases: tuple[Lease, ...] = (Lease.NONE,)


@dataclass(frozen=True)
class Row:
    provider: str
    fault: Fault
    operation: str
    lease: Lease

    def __str__(self) -> str:
        return f"{self.provider}-{self.operation}-{self.fault.name}{self.lease.value}"


_ALL_LEASES = tuple(Lease)
_TOKENS = ("azure", "gcp")
# Replaced by the address of a listener that nobody may call.
TRAP = "(trap)"

FAULTS = (
    Fault("the answer comes after the attempt's deadline", Kind.CONNECTION, "late"),
    Fault("no answer, ever", Kind.CONNECTION, "stall", leases=_ALL_LEASES),
    Fault("a byte at a time, without end", Kind.CONNECTION, "trickle"),
    Fault("connection refused", Kind.CONNECTION, "refused", leases=_ALL_LEASES),
    Fault("reset in the middle of an answer", Kind.CONNECTION, "reset"),
    Fault("closed on the KMS's side only, without an answer", Kind.CONNECTION, "half-close"),
    Fault("truncated body", Kind.CONNECTION, "truncate"),
    Fault("the name does not resolve", Kind.NAME, "unknown"),
    Fault("no answer from the name server, ever", Kind.NAME, "silent"),
    Fault("garbage in the body", Kind.ANSWER, "garbage"),
    Fault("empty answer, status 200", Kind.ANSWER, "empty"),
    Fault("answer of 1 MiB", Kind.ANSWER, "oversized"),
    Fault("429, Retry-After: 1", Kind.ANSWER, "too many", "1"),
    Fault("429, Retry-After: 3600", Kind.ANSWER, "too many", "3600"),
    Fault("500", Kind.ANSWER, "internal error"),
    Fault("503", Kind.ANSWER, "unavailable", leases=_ALL_LEASES),
    Fault("307 to another host", Kind.ANSWER, "redirect", TRAP),
    Fault("the answer about another key", Kind.REPLAY, "another key's"),
    Fault("an older answer about the same key", Kind.REPLAY, "older"),
    Fault("another KeyId in the answer", Kind.ANSWER, "other KeyId", "arn:aws:kms:eu-central-1:000000000000:key/other", providers=("aws",)),
    Fault("another key in the kid", Kind.ANSWER, "other kid", providers=("azure",)),
    Fault("another version in the kid", Kind.ANSWER, "other version", providers=("azure",)),
    Fault("another key in the name", Kind.ANSWER, "other name", providers=("gcp",), operations=("encrypt",)),
    Fault("wrong CRC32C of the ciphertext", Kind.ANSWER, "ciphertext checksum", providers=("gcp",), operations=("encrypt",)),
    Fault("wrong CRC32C of the plaintext", Kind.ANSWER, "plaintext checksum", providers=("gcp",), operations=("decrypt",)),
    Fault("access denied", Kind.KEY, "deny", leases=_ALL_LEASES),
    Fault("key disabled", Kind.KEY, "disable", leases=_ALL_LEASES),
    Fault("token endpoint: 401", Kind.TOKEN, "unauthorized", providers=_TOKENS),
    Fault("token endpoint: no answer, ever", Kind.TOKEN, "stall", providers=_TOKENS),
    Fault("token endpoint: garbage", Kind.TOKEN, "garbage", providers=_TOKENS),
)


def rows() -> Iterator[Row]:
    for provider in CLOUDS:
        for fault in FAULTS:
            if provider in fault.providers:
                yield from (Row(provider, fault, operation, lease) for lease in fault.leases for operation in fault.operations)
