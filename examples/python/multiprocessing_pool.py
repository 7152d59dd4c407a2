"""Many processes: a vault that was opened before the fork serves the children as well (gunicorn --preload, multiprocessing with fork).

A vault cannot be sent to another process; where processes are spawned instead of forked, each opens its own, as `start` does here.
"""

import multiprocessing

import libvault

CONTEXT = {"organization_id": "org_123"}
vault: libvault.Vault


def start(config: str) -> None:
    global vault
    vault = libvault.open(config)


def seal(number: int) -> bytes:
    return vault.encrypt(b"message %d" % number, CONTEXT)


if __name__ == "__main__":
    made = libvault.init("vault")
    start(str(made.config))
    with multiprocessing.get_context("fork").Pool(2) as pool:  # the children use the vault that is open already
        forked = pool.map(seal, range(20))
    with multiprocessing.get_context("spawn").Pool(2, start, (str(made.config),)) as pool:
        spawned = pool.map(seal, range(20, 40))
    print(len({vault.decrypt(envelope, CONTEXT) for envelope in forked + spawned}), "messages")
    # Nothing random was drawn twice.
    print(len(set(forked + spawned)), "envelopes")
