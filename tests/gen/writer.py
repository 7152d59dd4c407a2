"""Writing envelopes and bare bundles. A `Recipe` holds every value that ends up in the bytes, so that a test vector can
bend exactly one of them and have everything that follows from it (binds, tags, MACs) computed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import canon as contexts
import envelope
import keys
import matching
import payload
from seeded import SeededBytes
from vault import Vault

Seal = Callable[[bytes, bytes, bytes], bytes]  # (bind, salt, plaintext) -> blob


@dataclass
class WrapRecipe:
    key_ids: list[bytes]
    seal: Seal
    secret: bytes | None = None  # another share than the one this wrap stands in
    inner_bind: bytes | None = None  # another second half of the plaintext than the bind
    change_blob: Callable[[bytes], bytes] = lambda blob: blob


@dataclass
class ShareRecipe:
    binding_id: bytes
    wraps: list[WrapRecipe]
    secret: bytes = b""  # drawn while writing, unless it is given


@dataclass
class Recipe:
    policy: int
    canon: bytes
    shares: list[ShareRecipe]
    kind: str = envelope.ENVELOPE
    full_context: bool = False
    flags: int = 0
    moved: bool = False
    version: int = 1
    suite: int = 1
    reserved: int = 0
    purpose: int | None = None  # the one of the kind, unless given
    stored_context: bytes | None = None  # `canon`, unless given
    context_tag: bytes | None = None  # the one of `canon`, unless given
    commitment: bytes | None = None  # the one of the data key, unless given
    change_mac: Callable[[bytes], bytes] = lambda mac: mac
    pieces: list[bytes] | None = field(default=None)  # payload cut otherwise than the flags say


def write(recipe: Recipe, data: bytes, aad: bytes | None, source: SeededBytes) -> bytes:
    """The order of draws: every share (32 bytes), the message id (16, envelopes only), a salt (16) for every wrap."""
    for share in recipe.shares:
        share.secret = share.secret or source.take(32)
    message_id = source.take(16) if recipe.kind == envelope.ENVELOPE else b""
    body, schedule = seal_body(recipe, source)
    prefix = envelope.MAGIC[recipe.kind] + bytes([recipe.version, recipe.suite])
    if recipe.kind == envelope.DATA_KEY:
        return prefix + body
    prefix += bytes([recipe.flags])
    pieces = payload.cut(data, payload.frame_size(recipe.flags)) if recipe.pieces is None else recipe.pieces
    frames = payload.seal_pieces(schedule.message_key(prefix, message_id), pieces, aad)
    return prefix + body + message_id + frames


def seal_body(recipe: Recipe, source: SeededBytes) -> tuple[bytes, keys.Schedule]:
    """The body with its MAC, for a recipe whose shares are known."""
    purpose = envelope.PURPOSE[recipe.kind] if recipe.purpose is None else recipe.purpose
    data_key = keys.xor(*(share.secret for share in recipe.shares))
    schedule = keys.Schedule(data_key, recipe.suite, purpose, recipe.canon)
    commitment = recipe.commitment or schedule.commitment

    def blob_of(index: int, share: ShareRecipe, wrap: WrapRecipe) -> bytes:
        bind = keys.bind_digest(
            version=recipe.version,
            suite=recipe.suite,
            purpose=purpose,
            policy=recipe.policy,
            share_count=len(recipe.shares),
            index=index,
            binding_id=share.binding_id,
            key_ids=wrap.key_ids,
            commitment=commitment,
            canon=recipe.canon,
        )
        plaintext = (wrap.secret or share.secret) + (bind if wrap.inner_bind is None else wrap.inner_bind)
        return wrap.change_blob(wrap.seal(bind, source.take(16), plaintext))

    decision = recipe.policy << 6 | recipe.moved << 5 | purpose << 4 | recipe.full_context << 3 | recipe.reserved
    body = bytes([decision, len(recipe.shares)]) + commitment + _context_part(recipe, commitment)
    for index, share in enumerate(recipe.shares):
        body += share.binding_id + bytes([len(share.wraps)])
        for wrap in share.wraps:
            blob = blob_of(index, share, wrap)
            body += bytes([len(wrap.key_ids)]) + b"".join(wrap.key_ids) + len(blob).to_bytes(2, "big") + blob
    return body + recipe.change_mac(schedule.bundle_mac(recipe.version, recipe.suite, body)), schedule


def _context_part(recipe: Recipe, commitment: bytes) -> bytes:
    if recipe.full_context:
        stored = recipe.canon if recipe.stored_context is None else recipe.stored_context
        return len(stored).to_bytes(2, "big") + stored
    return recipe.context_tag or keys.context_tag(commitment, recipe.canon)


class Wrapping:
    """Recipes for the shares and wraps that a vault's keys can make."""

    def __init__(self, vault: Vault):
        self._vault = vault

    def managed_share(self, items) -> ShareRecipe:
        return ShareRecipe(envelope.MANAGED_ID, [self.managed_wrap(items)])

    def managed_wrap(self, items) -> WrapRecipe:
        managed = [self._vault.managed_key(item) for item in items]
        keks = [m.key for m in managed]
        return WrapRecipe([m.id for m in managed], lambda b, salt, p: keys.seal_managed(keks, b, salt, p))

    def customer_wrap(self, key_id: bytes, version: int | None = None) -> WrapRecipe:
        file = self._vault.customer_keys[key_id]
        number = version or file.newest[0]
        return WrapRecipe([key_id], lambda b, salt, p: keys.seal_local(number, file.versions[number], b, salt, p))

    def binding_share(self, binding) -> ShareRecipe:
        return ShareRecipe(binding.id, [self.customer_wrap(key.id) for key in binding.keys])

    def decided(self, canon: bytes, items) -> Recipe:
        """The recipe that matching decides for a context: what an honest writer makes."""
        return self.recipe_of(matching.decide(self._vault.registry, dict(items)), canon)

    def recipe_of(self, decision: matching.Decision, canon: bytes) -> Recipe:
        policy = envelope.POLICY_NAMES.index(decision.policy)
        shares = []
        if decision.managed:
            items = dict(contexts.items_of(canon))
            shares.append(self.managed_share([(name, items[name]) for name in decision.managed]))
        if policy == envelope.ANY_OF:
            wraps = [self.customer_wrap(key.id) for b in decision.bindings for key in b.keys]
            shares.append(ShareRecipe(envelope.ANY_OF_ID, wraps))
        else:
            shares += [self.binding_share(b) for b in decision.bindings]
        return Recipe(policy, canon, shares)
