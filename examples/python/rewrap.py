"""Wraps an envelope anew by the keys that match now, without touching its payload: here after the organization brought its own key."""

import secrets
from pathlib import Path
from typing import Any

import libvault

made = libvault.init("vault")
context = {"organization_id": "org_123"}
with libvault.open(made.config) as vault:
    envelope = vault.encrypt(b"attack at dawn", context)

# In production the key is in the customer's KMS: {"id": ..., "provider": "aws", "arn": ...}. A key file needs no account.
key_file = Path("vault/customer.key")
key_file.touch(mode=0o600)
key_file.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")
key = {"id": "key_org_123", "provider": "local", "path": "vault/customer.key"}
configuration: dict[str, Any] = {
    "store": made.store,
    "root_key": {"provider": "local", "path": made.root_key},
    "bindings": [{"id": "bnd_org_123", "owner": "org_123", "selector": context, "keys": [key]}],
}

with libvault.open(configuration) as vault:
    # A rewrap keeps the data key, so older copies of the envelope stay readable by the vendor. That has to be meant; reencrypt.py avoids it.
    try:
        vault.rewrap(envelope, context)
    except libvault.DowngradeRefused as error:
        print("without keep_data_key:", error.name)

    rewrapped = vault.rewrap(envelope, context, keep_data_key=True)
    seen = libvault.inspect(rewrapped)
    print(libvault.inspect(envelope)["policy"], "->", seen["policy"], "moved:", seen["moved"])
    print(vault.decrypt(rewrapped, context).decode())
