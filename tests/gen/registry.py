"""Bindings as the configuration gives them, and the rules across records (docs/configuration.md)."""

from __future__ import annotations

from dataclasses import dataclass, field

from keys import sha256

LIVE = ("pending", "active", "suspended")
MAX_ON_ONE_SELECTOR = 10


def binding_id(text: str) -> bytes:
    return sha256(b"libvault/v1/binding" + text.encode())[:16]


def key_id(text: str) -> bytes:
    return sha256(b"libvault/v1/key" + text.encode())[:16]


@dataclass(frozen=True)
class Key:
    text: str
    path: str

    @property
    def id(self) -> bytes:
        return key_id(self.text)


@dataclass(frozen=True)
class Binding:
    text: str
    owner: str
    selector: frozenset[tuple[str, str]]
    keys: tuple[Key, ...]
    state: str = "active"
    policy: str = "customer_gated"
    while_pending: str = "managed"
    shared: bool = False
    enforced: bool = False

    @property
    def id(self) -> bytes:
        return binding_id(self.text)


@dataclass
class Registry:
    bindings: list[Binding]
    fallback: str = "managed"
    strict_names: bool = True
    required_names: list[str] = field(default_factory=list)
    shred_items: list[str] = field(default_factory=list)

    def binding(self, wanted: bytes) -> Binding | None:
        return next((b for b in self.bindings if b.id == wanted), None)

    def binding_of_key(self, wanted: bytes) -> Binding | None:
        return next((b for b in self.bindings if any(k.id == wanted for k in b.keys)), None)


def from_mapping(config: dict) -> Registry:
    """A registry from a mapping of the configuration's shape; fields it does not need are left alone."""
    bindings = [_binding(entry) for entry in config.get("bindings", [])]
    _refuse_conflicts(bindings)
    names = ("fallback", "strict_names", "required_names", "shred_items")
    return Registry(bindings, **{name: config[name] for name in names if name in config})


def _binding(entry: dict) -> Binding:
    keys = tuple(Key(key["id"], key["path"]) for key in entry["keys"])
    names = ("state", "policy", "while_pending", "shared", "enforced")
    options = {name: entry[name] for name in names if name in entry}
    binding = Binding(entry["id"], entry["owner"], frozenset(entry["selector"].items()), keys, **options)
    if binding.enforced and binding.state in ("pending", "retired"):
        raise ValueError("InvalidConfig: enforced enforces nothing in this state")
    return binding


def _refuse_conflicts(bindings: list[Binding]) -> None:
    keys = [key.text for b in bindings for key in b.keys]
    if len({b.text for b in bindings}) != len(bindings) or len(set(keys)) != len(keys):
        raise ValueError("Conflict: two records with one id")
    for a in bindings:
        if a.state in LIVE and sum(b.state in LIVE and b.selector == a.selector for b in bindings) > MAX_ON_ONE_SELECTOR:
            raise ValueError("LimitExceeded: more bindings on one selector than a bundle has shares")
        for b in bindings:
            if a is b:
                continue
            if a.owner != b.owner and {k.path for k in a.keys} & {k.path for k in b.keys}:
                raise ValueError("Conflict: one key address under two owners")
            if a.selector != b.selector:
                continue
            if a.owner != b.owner and not (a.shared and b.shared):
                raise ValueError("Conflict: two owners with one selector")
            if a.owner == b.owner and a.state in LIVE and b.state in LIVE:
                raise ValueError("Conflict: two live bindings of one owner with one selector")
