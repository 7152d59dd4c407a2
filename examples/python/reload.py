"""Puts another configuration in force while the program runs: here the customer's key is suspended, and resumed."""

import secrets
from pathlib import Path
from typing import Any

import libvault

made = libvault.init("vault")
context = {"organization_id": "org_123"}
key_file = Path("vault/customer.key")
key_file.touch(mode=0o600)
key_file.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")


def configuration(state: str) -> dict[str, Any]:
    key = {"id": "key_org_123", "provider": "local", "path": "vault/customer.key"}
    binding = {"id": "bnd_org_123", "owner": "org_123", "selector": context, "state": state, "keys": [key]}
    return {"store": made.store, "root_key": {"provider": "local", "path": made.root_key}, "bindings": [binding]}


with libvault.open(configuration("active")) as vault:
    envelope = vault.encrypt(b"attack at dawn", context)

    vault.reload(configuration("suspended"))  # often from a signal handler's flag, or a file watcher
    try:
        vault.decrypt(envelope, context)
    except libvault.KeySuspended as error:
        print("suspended:", error.name)

    try:
        vault.reload(configuration("asleep"))
    except libvault.InvalidConfig as error:
        print("refused, the old one stays:", error.field)

    vault.reload(configuration("active"))
    print(vault.decrypt(envelope, context).decode())
