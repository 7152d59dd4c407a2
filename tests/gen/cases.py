"""What the lists of vectors share: contexts of the fixture, and a bench that makes, judges and records each vector."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import canon as contexts
import envelope
from reader import Outcome, Reader
from refusal import skipping
from seeded import SeededBytes
from vault import Vault
from writer import Recipe, Wrapping, write

MANAGED = [("organization_id", "org_managed")]
MANAGED_TWO = [("organization_id", "org_managed"), ("user_id", "user_1")]
OTHER = [("organization_id", "org_other")]
OLD_ROOT = [("organization_id", "org_old")]
UNICODE = [("organization_id", "Größe 大 🔐"), ("ключ", "e\u0301")]
ACME = [("organization_id", "org_acme")]
ACME_VAULT = [("organization_id", "org_acme"), ("project", "vault")]
ACME_USER = [("organization_id", "org_acme"), ("user_id", "user_1")]
ACME_USERS = [("organization_id", "org_acme"), ("project", "vault"), ("user_id", "user_1")]
BETA = [("organization_id", "org_beta")]
TWO_OWNERS = [("organization_id", "org_gamma"), ("partner_id", "partner_delta")]
SUSPENDED = [("organization_id", "org_suspended")]
PENDING = [("organization_id", "org_pending")]
RETIRED = [("organization_id", "org_retired")]
DUAL = [("organization_id", "org_dual")]
DUAL_USER = [("organization_id", "org_dual"), ("user_id", "user_1")]
ANY_OF = [("organization_id", "org_any"), ("partner_id", "partner_any")]
EPSILON_OPEN = [("organization_id", "org_epsilon"), ("project", "open")]

PAYLOAD = b"attack at dawn"
FRAMED_4K = 0x8C


@dataclass(frozen=True)
class Vector:
    name: str
    rule: str | None
    comment: str
    kind: str
    context: contexts.Items
    aad: bytes | None
    data: bytes
    outcome: Outcome
    without_rule: str | None  # what a reader without the rule would answer


@dataclass
class Bench:
    """Makes vectors with one vault. Every vector draws from its own seed, so that adding one changes no other."""

    vault: Vault
    vectors: list[Vector] = field(default_factory=list)

    def __post_init__(self):
        self.wrapping = Wrapping(self.vault)
        self._reader = Reader(self.vault)

    def recipe(self, items: contexts.Items, **changes) -> Recipe:
        """What matching decides for the context, with changes."""
        return replace(self.wrapping.decided(contexts.canonical(items), items), **changes)

    def shares(self, policy: int, items: contexts.Items, shares: list, **changes) -> Recipe:
        """A recipe with these shares in the order that R17 wants, whatever matching would decide."""
        ordered = sorted(shares, key=lambda share: share.binding_id)
        return Recipe(policy, contexts.canonical(items), ordered, **changes)

    def binding(self, text: str):
        return next(b for b in self.vault.registry.bindings if b.text == text)

    def binding_share(self, text: str):
        return self.wrapping.binding_share(self.binding(text))

    def write(self, recipe: Recipe, seed: str, data: bytes = PAYLOAD, aad: bytes | None = None) -> bytes:
        return write(recipe, data, aad, SeededBytes("envelope/" + seed))

    def honest(self, items: contexts.Items, seed: str, data: bytes = PAYLOAD, **changes) -> bytes:
        return self.write(self.recipe(items, **changes), seed, data)

    def read(self, kind: str, data: bytes, items: contexts.Items, aad: bytes | None = None) -> Outcome:
        return self._reader.read(kind, data, items, aad)

    def opens(self, name: str, comment: str, items, data: bytes, expected: bytes, *, kind=envelope.ENVELOPE, aad=None):
        outcome = self.read(kind, data, items, aad)
        if outcome.payload != expected:
            raise AssertionError(f"{name}: must open, but {outcome}")
        self._record(Vector(name, None, comment, kind, items, aad, data, outcome, None))

    def refused(
        self, rule: str, name: str, comment: str, items, data: bytes | Recipe, *, kind=envelope.ENVELOPE, aad=None
    ):
        """`data` must break exactly this rule; a recipe is written first, with the name as its seed."""
        if isinstance(data, Recipe):
            data = self.write(data, name)
        outcome = self.read(kind, data, items, aad)
        if outcome.rule != rule:
            raise AssertionError(f"{name}: must break {rule}, but {outcome}")
        self._record(
            Vector(name, rule, comment, kind, items, aad, data, outcome, self._skip(rule, kind, data, items, aad))
        )

    def _skip(self, rule, kind, data, items, aad) -> str | None:
        try:
            with skipping(rule):
                outcome = self.read(kind, data, items, aad)
        except (AttributeError, TypeError, KeyError, IndexError):
            return None  # there is nothing to go on with
        if outcome.rule == rule:
            raise AssertionError(f"{rule} is not skipped")
        return outcome.error or "success"

    def _record(self, vector: Vector) -> None:
        if any(vector.name == other.name for other in self.vectors):
            raise AssertionError(f"two vectors are named {vector.name}")
        self.vectors.append(vector)


def marks(data: bytes, kind: str = envelope.ENVELOPE) -> dict[str, int]:
    """Field name → offset of its end, for well-formed bytes."""
    return envelope.parse(kind, data).marks


def flip(data: bytes, at: int, mask: int = 0x01) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
