"""Matching and fallback by brute force: docs/matching.md, step by step, with no index and no cleverness."""

from __future__ import annotations

from dataclasses import dataclass

from refusal import Refused, refuse_if
from registry import Binding, Registry

MAX_SHARES = 10
MAX_WRAPS = 10


@dataclass(frozen=True)
class Decision:
    policy: str
    bindings: tuple[Binding, ...] = ()
    managed: tuple[str, ...] = ()  # the names of the items whose managed keys hold a share


def refuse_suspended(registry: Registry, context: dict[str, str]) -> None:
    """Step 4: a suspended binding that matches stops everything, more specific ones of its owner or not."""
    suspended = any(b.state == "suspended" for b in _matching(registry, context))
    refuse_if(suspended, "R23", "KeySuspended")


def refuse_unenforced(registry: Registry, context: dict[str, str], has_share) -> None:
    """R32: a bundle without a share of an enforced binding of the match. `has_share` says whether it has one."""
    match = _most_specific(_matching(registry, context))
    refuse_if(any(b.enforced and not has_share(b) for b in match), "R32", "PolicyMismatch")


def _matching(registry: Registry, context: dict[str, str]) -> list[Binding]:
    items = set(context.items())
    return [b for b in registry.bindings if b.state in ("active", "suspended") and b.selector <= items]


def _most_specific(matching: list[Binding]) -> list[Binding]:
    kept = [b for b in matching if not any(o.owner == b.owner and b.selector < o.selector for o in matching)]
    return sorted(kept, key=lambda b: b.id)


def decide(registry: Registry, context: dict[str, str]) -> Decision:
    """All ten steps: the decision for an encryption, or Refused."""
    for name in registry.required_names:
        if name not in context:
            raise Refused("InvalidContext", names=(name,))
    miss = misspelt(registry, context)
    if miss and registry.strict_names:
        raise Refused("UnknownContextName", names=miss)
    refuse_suspended(registry, context)
    match = _most_specific(_matching(registry, context))
    if not match:
        return _fall_back(registry, context)
    policy = _combine([b.policy for b in match])
    managed = _all_names(context)
    if policy != "dual_control":
        managed = tuple(name for name in managed if name in registry.shred_items)
    _refuse_too_many(policy, match, managed)
    return Decision(policy, tuple(match), managed)


def _all_names(context: dict[str, str]) -> tuple[str, ...]:
    """In canonical order."""
    return tuple(sorted(context, key=str.encode))


def misspelt(registry: Registry, context: dict[str, str]) -> tuple[str, str] | None:
    """Step 2: the smallest context name that looks like a bound name, and the smallest such bound name."""
    bound = {name for b in registry.bindings if b.state in ("active", "suspended") for name, _ in b.selector}
    bound |= set(registry.shred_items)
    pairs = [
        (name.encode(), other.encode())
        for name in context
        if name not in bound
        for other in bound
        if other not in context and _form(other) == _form(name)
    ]
    return tuple(part.decode() for part in min(pairs)) if pairs else None


def _form(name: str) -> str:
    lowered = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)
    return lowered.replace("_", "").replace("-", "")


def _fall_back(registry: Registry, context: dict[str, str]) -> Decision:
    items = set(context.items())
    if any(b.state == "pending" and b.while_pending == "deny" and b.selector <= items for b in registry.bindings):
        raise Refused("KeyNotReady")
    if registry.fallback == "deny":
        raise Refused("NoMatchingKey")
    return Decision("managed", managed=_all_names(context))


def _combine(policies: list[str]) -> str:
    if all(policy == "any_of" for policy in policies):
        return "any_of"
    return "dual_control" if "dual_control" in policies else "customer_gated"


def _refuse_too_many(policy: str, match: list[Binding], managed: tuple[str, ...]) -> None:
    # The format holds 10 shares and 10 wraps in a share. any_of puts the keys of every matched binding into one share.
    shares = (1 if policy == "any_of" else len(match)) + bool(managed)
    wraps = sum(len(b.keys) for b in match)
    if shares > MAX_SHARES or (policy == "any_of" and (len(match) > MAX_SHARES or wraps > MAX_WRAPS)):
        raise Refused("LimitExceeded")
