"""The cases: what a customer, a vendor or the world does, and what every provider then has to show. Each has keys of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from servers.faulty_proxy import answer, late, replay

from .contract import CustomerKey
from .envelopes import blob_of, with_blob
from .scene import CONTEXT, DATA, OK, OTHER, Scene

Observation = dict[str, object]
THREADS = 16


@dataclass(frozen=True)
class Case:
    """`right` is what has to be observed; `meaning` what it is instead where a provider works differently by its own definition."""

    name: str
    run: Callable[[Scene], Observation]
    right: Observation
    meaning: Mapping[str, Observation] = field(default_factory=dict)

    def expected(self, provider: str) -> Observation:
        return self.right | self.meaning.get(provider, {})


CASES: dict[str, Case] = {}


def case(right: Observation, **meaning: Observation) -> Callable:
    def register(run: Callable[[Scene], Observation]) -> Callable:
        name = run.__name__.replace("_", " ")
        CASES[name] = Case(name, run, right, meaning)
        return run

    return register


@case({"opened": True, "calls": ["encrypt 200", "decrypt 200"]}, local={"calls": []})
def round_trip(scene: Scene) -> Observation:
    with scene.open(scene.server.steady_key) as vault:
        opened = vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
        return {"opened": opened, "calls": asked(scene)}


@case({"opened": True})
def empty_and_large(scene: Scene) -> Observation:
    with scene.open(scene.server.steady_key) as vault:
        payloads = [b"", b"x", bytes(64 * 1024 + 1)]
        return {"opened": all(vault.decrypt(vault.encrypt(data, CONTEXT), CONTEXT) == data for data in payloads)}


@case({"decrypt": "ContextMismatch", "calls": []})
def another_context(scene: Scene) -> Observation:
    with scene.open(scene.server.steady_key) as vault:
        envelope, mark = vault.encrypt(DATA, CONTEXT), scene.mark()
        return {"decrypt": scene.outcome(vault.decrypt, envelope, OTHER), "calls": asked(scene, mark)}


# Azure authenticates nothing besides: there the vendor's origin tag says that a wrap belongs elsewhere.
@case({"decrypt": "AuthenticationFailed", "calls": ["decrypt 400"]}, azure={"calls": []}, local={"calls": []})
def wrong_context_at_the_kms(scene: Scene) -> Observation:
    """The wrap of another bundle under the same key: the KMS is asked with a context that it was not made with."""
    with scene.open(scene.server.steady_key) as vault:
        one, other = (vault.encrypt(DATA, CONTEXT) for _ in range(2))
        mark = scene.mark()
        outcome = scene.outcome(vault.decrypt, with_blob(one, blob_of(other)), CONTEXT)
        return {"decrypt": outcome, "calls": asked(scene, mark)}


@case({"decrypt": ["AuthenticationFailed"] * 3, "calls": ["decrypt 400"] * 3}, azure={"calls": []}, local={"calls": []})
def tampered_wrap(scene: Scene) -> Observation:
    """A bit of the ciphertext's body, of its end, and of its middle."""
    with scene.open(scene.server.steady_key) as vault:
        envelope, mark, outcomes = vault.encrypt(DATA, CONTEXT), scene.mark(), []
        for position in (-17, -1, -40):
            blob = bytearray(blob_of(envelope))
            blob[position] ^= 1
            outcomes.append(scene.outcome(vault.decrypt, with_blob(envelope, bytes(blob)), CONTEXT))
        return {"decrypt": outcomes, "calls": asked(scene, mark)}


@case({"encrypt": "AuthenticationFailed", "decrypt": "AuthenticationFailed"})
def wrong_keys_reply(scene: Scene) -> Observation:
    """Somebody answers with what the KMS said about another key."""
    scene.need_network()
    with scene.open(scene.server.steady_key, others=(scene.server.key(),)) as vault:
        ours, mark = vault.encrypt(DATA, CONTEXT), scene.mark()
        vault.decrypt(vault.encrypt(DATA, OTHER), OTHER)
        others = [exchange for exchange in scene.network.exchanges[mark:] if scene.server.call(exchange)]
        observed = {}
        for operation, exchange in zip(("encrypt", "decrypt"), others, strict=True):
            assert exchange.reply.status == 200
            scene.network.spoil(replay(exchange.reply))
            arguments = (DATA, CONTEXT) if operation == "encrypt" else (ours, CONTEXT)
            observed[operation] = scene.outcome(getattr(vault, operation), *arguments)
        return observed


@case({"encrypt": "KeyDisabled", "decrypt": "KeyDisabled", "calls": 2, "enabled again": OK})
def disabled(scene: Scene) -> Observation:
    key = scene.server.key()
    return revoked(scene, key, key.disable, key.enable, "enabled again")


# Azure does not tell a key in soft deletion from one that never was, except to those who may list deleted keys.
@case(
    {"encrypt": "KeyPendingDeletion", "decrypt": "KeyPendingDeletion", "calls": 2, "cancelled": OK},
    azure={"encrypt": "KeyNotFound", "decrypt": "KeyNotFound"},
)
def deletion_pending(scene: Scene) -> Observation:
    key = scene.server.key()
    return revoked(scene, key, key.schedule_deletion, key.cancel_deletion, "cancelled")


@case({"encrypt": "AccessDenied", "decrypt": "AccessDenied", "calls": 2, "granted again": OK})
def denied(scene: Scene) -> Observation:
    key = scene.server.key()
    return revoked(scene, key, key.deny, key.grant, "granted again")


@case({"encrypt": "KeyNotFound", "calls": 1})
def key_not_found(scene: Scene) -> Observation:
    with scene.open(scene.server.unknown_key()) as vault:
        return {"encrypt": scene.outcome(vault.encrypt, DATA, CONTEXT), "calls": len(asked(scene))}


# AWS does not tell which material a ciphertext is under, and key files are asked by nobody.
@case({"old": OK, "new": OK, "under the new version": True}, aws={"under the new version": None}, local={"under the new version": None})
def rotated(scene: Scene) -> Observation:
    key = scene.server.key()
    with scene.open(key) as vault:
        old = vault.encrypt(DATA, CONTEXT)
    key.rotate()
    with scene.open(key) as vault:
        new = vault.encrypt(DATA, CONTEXT)
        observed = {"old": scene.outcome(vault.decrypt, old, CONTEXT), "new": scene.outcome(vault.decrypt, new, CONTEXT)}
    versions = [call.version for call in scene.calls() if call.operation == "encrypt"]
    told = len(versions) == 2 and None not in versions
    return observed | {"under the new version": versions[0] != versions[1] if told else None}


# Key files are where the vendor is: they are not judged.
@case(
    {"encrypt": "RegionNotAllowed", "decrypt": "RegionNotAllowed", "calls": 0, "allowed": OK},
    local={"encrypt": OK, "decrypt": OK},
)
def region_not_allowed(scene: Scene) -> Observation:
    key = scene.server.key()
    key.declare_region()
    with scene.open(key, top=f'allowed_regions = ["{key.region}"]') as vault:
        allowed = scene.outcome(vault.encrypt, DATA, CONTEXT)
        envelope, mark = vault.encrypt(DATA, CONTEXT), scene.mark()
    with scene.open(key, top='allowed_regions = ["eu-nowhere-1"]') as vault:
        return both(scene, vault, envelope) | {"calls": len(asked(scene, mark)), "allowed": allowed}


@case({"encrypt": "KeySuspended", "decrypt": "KeySuspended", "calls": 0})
def suspended(scene: Scene) -> Observation:
    key = scene.server.steady_key
    with scene.open(key) as vault:
        envelope, mark = vault.encrypt(DATA, CONTEXT), scene.mark()
    with scene.open(key, binding='state = "suspended"') as vault:
        return both(scene, vault, envelope) | {"calls": len(asked(scene, mark))}


@case(
    {
        "one away": {"encrypt": "KmsUnavailable", "decrypt": OK},
        "enough are one": {"encrypt": OK, "decrypt": OK},
        "both away": {"encrypt": "KmsUnavailable", "decrypt": "KmsUnavailable"},
        "one disabled": {"encrypt": "KeyDisabled", "decrypt": "KeyDisabled"},
    }
)
def two_keys(scene: Scene) -> Observation:
    """A binding with two keys opens under the other one if the first cannot be reached, and under none if it is refused."""
    scene.need_network()
    first, second = scene.server.key(), scene.server.key()
    with scene.open(first, second) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        scene.network.spoil(answer(503), first.is_meant_by)
        observed = {"one away": both(scene, vault, envelope)}
        with scene.open(first, second, binding="min_wraps = 1") as other:
            observed["enough are one"] = both(scene, other, envelope)
        scene.network.spoil(answer(503))
        observed["both away"] = both(scene, vault, envelope)
        scene.network.spoil(None)
        first.disable()
        return observed | {"one disabled": both(scene, vault, envelope)}


# Google sends no id of a request by REST.
@case({"request id": "the server's"}, gcp={"request id": None})
def request_id(scene: Scene) -> Observation:
    with scene.open(scene.server.unknown_key()) as vault:
        scene.outcome(vault.encrypt, DATA, CONTEXT)
        told = scene.refusals[-1].request_id
        return {"request id": "the server's" if told and told == scene.calls()[-1].request_id else told}


@case({"names": ["AccessDenied", "KeyDisabled", "KmsUnavailable", "KmsUnavailable", "KmsUnavailable", "KmsUnavailable"]})
def nothing_told(scene: Scene) -> Observation:
    """No error tells a secret, a value of a context or a host: `Scene.outcome` looks through every message, here of many kinds of trouble."""
    scene.need_network()
    key, names = scene.server.key(), []
    key.deny()
    with scene.open(key) as vault:
        names.append(scene.outcome(vault.encrypt, DATA, CONTEXT))
        key.grant()
        key.disable()
        names.append(scene.outcome(vault.encrypt, DATA, CONTEXT))
        told = b'{"error": "https://hsm.example/ for org_of-the-customer"}'
        for fault in (answer(500, told), answer(302, told, Location="https://hsm.example/"), answer(200, told)):
            scene.network.spoil(fault)
            names.append(scene.outcome(vault.encrypt, DATA, CONTEXT))
        scene.network.go_away()
        names.append(scene.outcome(vault.encrypt, DATA, CONTEXT))
    return {"names": names}


@case({"encrypt": 1, "decrypt": 1, "right": True})
def many_threads(scene: Scene) -> Observation:
    """Under a lease one of those who ask at once asks the KMS, and the others get its answer."""
    scene.need_network()
    key = scene.server.steady_key
    with scene.open(key, lease=60_000) as vault:
        scene.network.spoil(late(0.2))
        envelopes = vault.together(THREADS, "encrypt", DATA, CONTEXT)
    with scene.open(key, lease=60_000) as vault:
        opened = vault.together(THREADS, "decrypt", envelopes[0], CONTEXT)
    calls = [call.operation for call in scene.calls()]
    right = opened == [DATA] * THREADS and len(set(envelopes)) == THREADS
    return {"encrypt": calls.count("encrypt"), "decrypt": calls.count("decrypt"), "right": right}


def revoked(scene: Scene, key: CustomerKey, revoke: Callable[[], None], restore: Callable[[], None], restored: str) -> Observation:
    with scene.open(key) as vault:
        envelope, mark = vault.encrypt(DATA, CONTEXT), scene.mark()
        revoke()
        observed = both(scene, vault, envelope) | {"calls": len(asked(scene, mark))}
        restore()
        return observed | {restored: scene.outcome(vault.decrypt, envelope, CONTEXT)}


def both(scene: Scene, vault: object, envelope: bytes) -> Observation:
    return {
        "encrypt": scene.outcome(vault.encrypt, DATA, CONTEXT),
        "decrypt": scene.outcome(vault.decrypt, envelope, CONTEXT),
    }


def asked(scene: Scene, since: int = 0) -> list[str]:
    return [f"{call.operation} {call.status}" for call in scene.calls(since)]
