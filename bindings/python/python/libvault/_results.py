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
    """What a vault did since it was opened, and the state of its memory. Counters never go back."""

    root_key_uses: int
    """Wraps and unwraps with the root key."""
    managed_wraps: int
    """Shares wrapped under managed keys."""
    managed_unwraps: int
    """Shares unwrapped with managed keys."""
    kms_wraps: int
    """Calls to a customer's key to wrap a share, failed ones included."""
    kms_unwraps: int
    """Calls to a customer's key to unwrap a share, failed ones included."""
    encryptions: int
    """Envelopes made, streams included."""
    decryptions: int
    """Envelopes opened, streams included."""
    data_keys_created: int
    """Data keys made for callers."""
    data_keys_opened: int
    """Data keys given back to callers."""
    rewraps: int
    """Envelopes and bundles wrapped anew."""
    reencryptions: int
    """Envelopes encrypted anew."""
    rekeys: int
    """Bundles moved to another context."""
    streams_opened: int
    """Encrypting and decrypting streams begun."""
    failovers: int
    """Unwraps that went on to another key because one could not be used."""
    missing_wraps: int
    """Wraps left out at encryption because their key could not be reached (`min_wraps`); a rewrap adds them."""
    audit_events: int
    """Events written to the audit trail."""
    reloads: int
    """Configurations taken over by `reload`."""
    memory_locked_bytes: int
    """Bytes of secret memory of this process that are locked into RAM."""
    memory_unlocked_bytes: int
    """Bytes of secret memory of this process that the system refused to lock: above 0 means that secrets may reach swap."""
    leases_opened: int
    """Data keys kept for further messages (leases)."""
    lease_hits: int
    """Messages that needed no KMS because a lease gave the data key."""
    kms_shed: int
    """Calls to customers' keys that were turned away because too many were under way."""
    circuits_opened: int
    """Times that calls to a customer's key were paused because its KMS did not answer."""


@dataclass(frozen=True, slots=True)
class Initialized:
    """The files that `init` made. Back up the root key and the store, apart from each other."""

    config: Path
    root_key: Path
    store: Path
