"""Encrypts the payload anew for the keys that match now: here after the organization brought its own key, so that only it can open the data."""

import secrets
from pathlib import Path
from typing import Any

import libvault

made = libvault.init("vault")
context = {"organization_id": "org_123"}
with libvault.open(made.config) as vault:
    envelope = vault.encrypt(b"attack at dawn", context, aad=b"messages/17")

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
    renewed = vault.reencrypt(envelope, context, aad=b"messages/17")
    print(libvault.inspect(envelope)["policy"], "->", libvault.inspect(renewed)["policy"])
    print(vault.decrypt(renewed, context, aad=b"messages/17").decode())
    # Replace the old envelope by the new one everywhere: what the vendor could open before, it can still open.
