"""Rewrap, reencrypt and rekey: docs/envelope.md section 8, "Changing keys"."""

from __future__ import annotations

from dataclasses import dataclass

import canon as contexts
import envelope
import keys
import matching
from reader import Reading
from refusal import Refused, refuse_if
from seeded import SeededBytes
from vault import Vault
from writer import Recipe, Wrapping, seal_body, write

REWRAP, REENCRYPT, REKEY = "rewrap", "reencrypt", "rekey"


@dataclass(frozen=True)
class Order:
    """What the caller asks for. `new_items` is for rekey, `aad` for reencrypt, `keep_data_key` for rewrap."""

    operation: str
    items: contexts.Items
    new_items: contexts.Items | None = None
    aad: bytes | None = None
    keep_data_key: bool = False
    allow_downgrade: bool = False


@dataclass(frozen=True)
class Changed:
    """Either the new bytes or an error; and the calls on customer keys, unwraps and wraps together."""

    data: bytes | None
    error: str | None
    rule: str | None
    kms_calls: int


def change(vault: Vault, order: Order, data: bytes, source: SeededBytes) -> Changed:
    changing = _Changing(vault, order)
    try:
        return Changed(changing.run(data, source), None, None, changing.kms_calls)
    except Refused as refused:
        return Changed(None, refused.error, refused.rule, changing.kms_calls)


class _Changing:
    def __init__(self, vault: Vault, order: Order):
        self._vault, self._order = vault, order
        self._new_items = order.items if order.new_items is None else order.new_items
        self._new_canon = contexts.canonical(self._new_items)
        self._reading = Reading(vault, contexts.canonical(order.items))
        self._wraps = 0

    @property
    def kms_calls(self) -> int:
        return self._reading.kms_calls + self._wraps

    def run(self, data: bytes, source: SeededBytes) -> bytes:
        order = self._order
        if order.operation == REKEY:
            same = self._new_canon == contexts.canonical(order.items)
            refuse_if(same, "C1", "InvalidContext")
        self._reading.examine(self._kind_of(data), data)
        self._decision = matching.decide(self._vault.registry, dict(self._new_items))
        if not order.allow_downgrade:
            self._refuse_lost_owners()
            self._refuse_lost_items()
        leaves = self._leaves_keys_behind()
        if order.operation == REWRAP and not order.keep_data_key:
            refuse_if(leaves, "C4", "DowngradeRefused")
        return self._write(leaves, source)

    def _kind_of(self, data: bytes) -> str:
        if self._order.operation == REKEY:
            return envelope.DATA_KEY
        if self._order.operation == REWRAP and data.startswith(envelope.MAGIC[envelope.DATA_KEY]):
            return envelope.DATA_KEY
        return envelope.ENVELOPE

    def _write(self, leaves: bool, source: SeededBytes) -> bytes:
        parsed, operation = self._reading.parsed, self._order.operation
        data_key = self._reading.data_key()
        recipe = Wrapping(self._vault).recipe_of(self._decision, self._new_canon)
        if operation == REENCRYPT:
            data = self._reading.payload(self._order.aad)
            recipe.flags = parsed.flags
            self._count_wraps(recipe)
            return write(recipe, data, self._order.aad, source)
        recipe.kind = envelope.DATA_KEY if parsed.purpose else envelope.ENVELOPE
        recipe.full_context = parsed.stored_context is not None
        recipe.moved = bool(parsed.decision & 0x20) or leaves
        for share in recipe.shares[:-1]:
            share.secret = source.take(32)
        recipe.shares[-1].secret = keys.xor(data_key, *(share.secret for share in recipe.shares[:-1]))
        self._count_wraps(recipe)
        body, _ = seal_body(recipe, source)
        return parsed.prefix + body + parsed.message_id + parsed.frames

    def _count_wraps(self, recipe: Recipe) -> None:
        self._wraps += sum(len(s.wraps) for s in recipe.shares if s.binding_id != envelope.MANAGED_ID)

    def _old_customer_shares(self) -> list[envelope.Share]:
        return [share for share in self._reading.parsed.shares if share.binding_id != envelope.MANAGED_ID]

    def _refuse_lost_owners(self) -> None:
        """C2."""
        registry = self._vault.registry
        old = [{registry.binding_of_key(w.key_ids[0]).owner for w in s.wraps} for s in self._old_customer_shares()]
        new = [{b.owner} for b in self._decision.bindings]
        if self._decision.policy == "any_of":
            new = [set().union(*new)]
        lost = any(not any(after <= before for after in new) for before in old)
        refuse_if(lost, "C2", "DowngradeRefused")

    def _refuse_lost_items(self) -> None:
        """C3."""
        old = self._old_managed_items()
        if not old or not self._old_customer_shares():
            return
        new = self._new_managed_items()
        still_there = old & set(self._new_items)
        refuse_if(not new or not still_there <= new, "C3", "DowngradeRefused")

    def _leaves_keys_behind(self) -> bool:
        customer = self._old_customer_shares()
        old_keys = {wrap.key_ids[0] for share in customer for wrap in share.wraps}
        new_keys = {key.id for b in self._decision.bindings for key in b.keys}
        comes_under_customer_keys = not customer and bool(self._decision.bindings)
        return (
            not old_keys <= new_keys
            or not self._old_managed_items() <= self._new_managed_items()
            or comes_under_customer_keys
        )

    def _old_managed_items(self) -> set[tuple[str, str]]:
        """The items whose KEKs the old managed share names. Stage 3 has found all of them."""
        named = {i for s in self._reading.parsed.shares if s.binding_id == envelope.MANAGED_ID for i in s.wraps[0].key_ids}
        managed = {item: self._vault.managed_key(item) for item in self._order.items}
        return {item for item, key in managed.items() if key and key.id in named}

    def _new_managed_items(self) -> set[tuple[str, str]]:
        return {(name, value) for name, value in self._new_items if name in self._decision.managed}
