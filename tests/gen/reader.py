"""A complete reader: stages 1 to 4 of docs/envelope.md section 7, with a count of the calls on customer keys."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import canon as contexts
import envelope
import keys
import matching
import payload
from refusal import Refused, refuse_if
from registry import Binding
from vault import Vault


@dataclass(frozen=True)
class Outcome:
    """Either a payload (for a bare bundle: the data key) or an error with its rule; and the unwrap calls made."""

    payload: bytes | None
    error: str | None
    rule: str | None
    kms_calls: int


class Reader:
    def __init__(self, vault: Vault):
        self._vault = vault

    def read(self, kind: str, data: bytes, context: contexts.Items, aad: bytes | None) -> Outcome:
        reading = Reading(self._vault, contexts.canonical(context))
        try:
            reading.examine(kind, data)
            data_key = reading.data_key()
            result = data_key if kind == envelope.DATA_KEY else reading.payload(aad)
            return Outcome(result, None, None, reading.kms_calls)
        except Refused as refused:
            return Outcome(None, refused.error, refused.rule, reading.kms_calls)


class Reading:
    """One reading, step by step: `examine`, then `data_key`, then `payload`."""

    def __init__(self, vault: Vault, canon: bytes):
        self.kms_calls = 0
        self._vault, self._canon = vault, canon
        self._items = contexts.items_of(canon)

    def examine(self, kind: str, data: bytes) -> None:
        """Stages 1 to 3."""
        self.parsed = envelope.parse(kind, data)
        self._check_context()
        self._check_registry()

    def data_key(self) -> bytes:
        """Stage 4 up to the bundle MAC."""
        parsed = self.parsed
        data_key = keys.xor(*(self._unwrap(index, share) for index, share in enumerate(parsed.shares)))
        self._schedule = keys.Schedule(data_key, parsed.suite, parsed.purpose, self._canon)
        _authenticate(hmac.compare_digest(self._schedule.commitment, parsed.commitment), "R29")
        mac = self._schedule.bundle_mac(parsed.version, parsed.suite, parsed.body_without_mac)
        _authenticate(hmac.compare_digest(mac, parsed.bundle_mac), "R30")
        return data_key

    def payload(self, aad: bytes | None) -> bytes:
        parsed = self.parsed
        message_key = self._schedule.message_key(parsed.prefix, parsed.message_id)
        opened = payload.unseal(message_key, parsed.flags, parsed.frames, aad)
        _authenticate(opened is not None, "R31")
        return opened

    def _check_context(self) -> None:
        parsed = self.parsed
        if parsed.stored_context is not None:
            same = parsed.stored_context == self._canon
        else:
            same = parsed.context_tag == keys.context_tag(parsed.commitment, self._canon)
        refuse_if(not same, "R22", "ContextMismatch")

    def _check_registry(self) -> None:
        self._managed = {m.id: m.key for m in map(self._vault.managed_key, self._items) if m}
        matching.refuse_suspended(self._vault.registry, dict(self._items))
        matching.refuse_unenforced(self._vault.registry, dict(self._items), self._has_share_of)
        for share in self.parsed.shares:
            if share.binding_id == envelope.MANAGED_ID:
                self._check_managed_share(share)
            elif share.binding_id == envelope.ANY_OF_ID:
                for wrap in share.wraps:
                    self._check_binding(self._vault.registry.binding_of_key(wrap.key_ids[0]))
            else:
                binding = self._vault.registry.binding(share.binding_id)
                self._check_binding(binding)
                known = {key.id for key in binding.keys}
                refuse_if(any(wrap.key_ids[0] not in known for wrap in share.wraps), "R24", "KeyNotFound")

    def _has_share_of(self, binding: Binding) -> bool:
        own = {key.id for key in binding.keys}
        any_counts = binding.policy == "any_of"
        return any(
            share.binding_id == binding.id
            or (any_counts and share.binding_id == envelope.ANY_OF_ID and any(wrap.key_ids[0] in own for wrap in share.wraps))
            for share in self.parsed.shares
        )

    def _check_managed_share(self, share: envelope.Share) -> None:
        named = share.wraps[0].key_ids
        refuse_if(any(key_id not in self._managed for key_id in named), "R24", "KeyNotFound")
        in_order = [key_id for key_id in self._managed if key_id in named]
        needs_all = self.parsed.policy in (envelope.MANAGED, envelope.DUAL_CONTROL)
        incomplete = needs_all and len(named) != len(self._items)
        refuse_if(named != in_order or incomplete, "R25", "PolicyMismatch")

    def _check_binding(self, binding: Binding | None) -> None:
        refuse_if(binding is None, "R24", "KeyNotFound")
        refuse_if(not binding.selector <= set(self._items), "R25", "PolicyMismatch")
        _refuse_suspended(binding)
        refuse_if(binding.state == "pending", "R26", "KeyNotReady")

    def _unwrap(self, index: int, share: envelope.Share) -> bytes:
        # Only an unavailable KMS makes a reader go on to the next wrap, and a key file is never unavailable.
        wrap = share.wraps[0]
        parsed = self.parsed
        bind = keys.bind_digest(
            version=parsed.version,
            suite=parsed.suite,
            purpose=parsed.purpose,
            policy=parsed.policy,
            share_count=len(parsed.shares),
            index=index,
            binding_id=share.binding_id,
            key_ids=wrap.key_ids,
            commitment=parsed.commitment,
            canon=self._canon,
        )
        if share.binding_id == envelope.MANAGED_ID:
            plaintext = keys.open_managed([self._managed[key_id] for key_id in wrap.key_ids], bind, wrap.blob)
        else:
            self.kms_calls += 1
            plaintext = keys.open_local(self._vault.customer_keys[wrap.key_ids[0]].versions, bind, wrap.blob)
        _authenticate(plaintext is not None, "R27")
        _authenticate(len(plaintext) == 64 and hmac.compare_digest(plaintext[32:], bind), "R28")
        return plaintext[:32]


def _refuse_suspended(binding: Binding) -> None:
    refuse_if(binding.state == "suspended", "R23", "KeySuspended")


def _authenticate(genuine: bool, rule: str) -> None:
    refuse_if(not genuine, rule, "AuthenticationFailed")
