"""Values that operations return."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MatchedBinding:
    """A binding that protects a context: its id, its owner, and the ids of its keys in the order of the configuration."""

    id: str
    owner: str
    key_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What matching says for a context.

    `policy` is "managed", "customer_gated", "dual_control" or "any_of"; "managed" has no bindings.
    """

    policy: str
    bindings: tuple[MatchedBinding, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters of one vault since it was opened."""

    root_key_uses: int
    managed_wraps: int
    managed_unwraps: int
    kms_wraps: int
    kms_unwraps: int


@dataclass(frozen=True, slots=True)
class Initialized:
    """The files that `init` made. Back up the root key and the store, apart from each other."""

    config: Path
    root_key: Path
    store: Path
