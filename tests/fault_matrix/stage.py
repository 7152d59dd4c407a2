"""Plays one row: a vault of its own, a network of its own, everything well, then the fault, then one call."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from providers.contract import CustomerKey, KeyServer, Way
from providers.drivers import Refused, RustVault
from providers.scene import CONTEXT, DATA, OK, OTHER, Scene
from servers.faulty_proxy import FaultyProxy, Reply
from servers.names import Names

from .faults import ATTEMPT_MS, CONNECT_MS, LEASE_MS, TOTAL_MS, Kind, Lease, Row
from .spoilers import Spoiler

TIMEOUTS = f"[timeouts]\nconnect = {CONNECT_MS}\nattempt = {ATTEMPT_MS}\ntotal = {TOTAL_MS}\n"
# For a busy machine. What has no deadline here takes 45 seconds.
SLACK_SECONDS = 3
_LEASES = {Lease.NONE: 0, Lease.HELD: 60_000, Lease.ENDED: LEASE_MS}
_VENDORS_KEYS = ("root_key_uses", "managed_wraps", "managed_unwraps")


@dataclass(frozen=True)
class Result:
    """What became of the call."""

    outcome: str  # "ok", or the name of the error
    calls: int  # uses of the key that reached the KMS's network
    tokens: int  # requests for tokens
    in_time: bool
    managed_key_uses: int
    seconds: float


@dataclass(frozen=True)
class Prepared:
    """A provider's server with what all rows share: two keys, a vault that used the first, and an envelope of it."""

    server: KeyServer
    scene: Scene
    key: CustomerKey
    other: CustomerKey
    envelope: bytes


def prepare(server: KeyServer, directory: Path) -> Prepared:
    key, other = server.key(), server.key()
    with server.network() as network:
        scene = Scene(server, directory, network)
        with scene.open(key, others=(other,)) as vault:
            return Prepared(server, scene, key, other, vault.encrypt(DATA, CONTEXT))


def play(row: Row, prepared: Prepared, directory: Path, spoiler: Spoiler, names: Mapping[str, Names]) -> Result:
    """`spoiler`'s proxy is listening, and serves nobody else. `names` by the fault of the resolver."""
    kind = row.fault.kind
    server = prepared.server.asking_for_tokens() if kind is Kind.TOKEN else prepared.server
    is_shared = kind is not Kind.KEY  # else its owner is going to change it
    key = prepared.key if is_shared else server.key()
    scene = Scene(server, directory, spoiler.proxy, like=prepared.scene if is_shared else None)
    settings = {
        "others": (prepared.other,) if is_shared else (),
        "lease": _LEASES[row.lease],
        "timeouts": TIMEOUTS,
        "way": Way(None) if kind is Kind.NAME else spoiler.way,
        "environment": names[row.fault.what].environment if kind is Kind.NAME else None,
    }
    with scene.open(key, **settings) as vault:
        envelope = prepared.envelope if is_shared else _patiently(vault.encrypt, DATA, CONTEXT)
        call = {"encrypt": (vault.encrypt, DATA, CONTEXT), "decrypt": (vault.decrypt, envelope, CONTEXT)}[row.operation]
        # A token, once there, is not asked for again; and a name that is unknown was so before.
        repeated = None if kind in (Kind.TOKEN, Kind.NAME) else _all_is_well(row, spoiler.proxy, vault, envelope)
        if kind is Kind.KEY:
            getattr(key, row.fault.what)()
        elif kind is not Kind.NAME:
            spoiler.spoil(row.fault, server.is_for_token if kind is Kind.TOKEN else server.is_use_of_a_key, repeated)
        if row.lease is Lease.ENDED:
            time.sleep(1.2 * LEASE_MS / 1000)
        return observe(scene, vault, call, spoiler)


def _all_is_well(row: Row, proxy: FaultyProxy, vault: RustVault, envelope: bytes) -> Reply | None:
    """Both operations succeed, so that connections, tokens and leases are there. Returns the answer to be repeated."""
    answers: dict[str, Reply] = {}
    contexts = (OTHER, CONTEXT) if row.fault.what == "another key's" else (CONTEXT,)
    for context in contexts:
        made = _patiently(vault.encrypt, DATA, context)
        answers.setdefault("encrypt", proxy.exchanges[-1].reply)
        assert _patiently(vault.decrypt, made, context) == DATA
        answers.setdefault("decrypt", proxy.exchanges[-1].reply)
    if row.lease is not Lease.NONE:
        _patiently(vault.decrypt, envelope, CONTEXT)
    return answers[row.operation] if row.fault.kind is Kind.REPLAY else None


def _patiently(act: Callable[[bytes, dict[str, str]], bytes], given: bytes, context: dict[str, str]) -> bytes:
    """The deadlines are short, and a machine may be busy with everything else while connections are made."""
    for _ in range(3):
        try:
            return act(given, context)
        except Refused as refused:
            if refused.name != "Timeout":
                raise
    return act(given, context)


def observe(scene: Scene, vault: RustVault, call: tuple, spoiler: Spoiler) -> Result:
    """One call, what it came to, and which keys of the vendor's own moved meanwhile."""
    act, given, context = call
    before, mark, begun = vault.stats(), scene.mark(), time.monotonic()
    made: list[bytes] = []
    outcome = scene.outcome(lambda: made.append(act(given, context)))
    seconds = time.monotonic() - begun
    exchanges = list(scene.network.exchanges[mark:])
    after = vault.stats()
    uses = sum(after[name] - before[name] for name in _VENDORS_KEYS) + scene.managed_keys()
    if outcome == OK and exchanges and act == vault.encrypt:
        # Nothing in the answer gave the damage away: does what was made open?
        spoiler.heal()
        opened = scene.outcome(vault.decrypt, made[0], context)
        outcome = OK if opened == OK else f"ok, but to open it: {opened}"
    calls = sum(scene.server.is_use_of_a_key(exchange) for exchange in exchanges)
    tokens = sum(scene.server.is_for_token(exchange) for exchange in exchanges)
    return Result(outcome, calls, tokens, seconds <= TOTAL_MS / 1000 + SLACK_SECONDS, uses, seconds)
