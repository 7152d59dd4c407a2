"""Encrypts for one context and decrypts again, with keys made on the spot."""

import libvault

made = libvault.init("vault")  # once: a root key file, a store, and a configuration that names both

with libvault.open(made.config) as vault:
    context = vault.context({"organization_id": "org_123"})

    envelope = vault.encrypt(b"hello", context)
    print("decrypted:", vault.decrypt(envelope, context).decode())
    print("protected by:", vault.match_context(context).policy, "keys")

    try:
        vault.decrypt(envelope, {"organization_id": "org_456"})
    except libvault.ContextMismatch as error:
        print("another organization:", error.name, error.code)
