"""Where a server does not do what the service does, and what it lacks.

A row of DIVERGENCES holds the *wrong* result that was observed, and the suite asserts it: a server that was corrected turns the row red. All rows hold for
exactly the version that they name.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Divergence:
    observed: dict[str, object]  # what differs from the right observation
    why: str


VERSIONS = {
    "MiniStack": "1.5.33",
    "moto": "5.2.5",
    "key file": "ours",
    "our key vault": "ours",
    "our managed HSM": "ours",
    "our Cloud KMS": "ours",
}

_NO_STATES = "it serves keys in any state"
_NO_PERMISSIONS = "it checks no credentials and no policies"

DIVERGENCES: dict[tuple[str, str], Divergence] = {
    ("MiniStack", "tampered wrap"): Divergence(
        {"calls": ["decrypt 200"] * 3}, "it does not authenticate ciphertexts: what is inside the wrap shows the damage to libvault"
    ),
    ("moto", "disabled"): Divergence({"encrypt": "ok", "decrypt": "ok"}, _NO_STATES),
    ("moto", "deletion pending"): Divergence({"encrypt": "ok", "decrypt": "ok"}, _NO_STATES),
    ("moto", "denied"): Divergence({"encrypt": "ok", "decrypt": "ok"}, _NO_PERMISSIONS),
    ("moto", "two keys"): Divergence({"one disabled": {"encrypt": "ok", "decrypt": "ok"}}, _NO_STATES),
    ("moto", "nothing told"): Divergence({"names": ["ok", "ok"] + ["KmsUnavailable"] * 4}, f"{_NO_PERMISSIONS}, and {_NO_STATES}"),
}

# Server, case → why it has nothing of the kind.
SKIPS: dict[tuple[str, str], str] = {
    ("key file", "wrong keys reply"): "there is no network",
    ("key file", "disabled"): "a key has no states",
    ("key file", "deletion pending"): "a key has no states",
    ("key file", "denied"): "there are no permissions",
    ("key file", "key not found"): "there are no addresses",
    ("key file", "two keys"): "there is no network",
    ("key file", "request id"): "there are no addresses",
    ("key file", "nothing told"): "there is no network",
    ("key file", "many threads"): "there is no network",
    ("MiniStack", "rotated"): "it does not know RotateKeyOnDemand",
}

# How many rows there are may only change together with this line.
COUNTS = {"cases": 17, "servers": 6, "divergences": 6, "skips": 10}
