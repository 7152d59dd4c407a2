"""A data key for a program that encrypts by itself; its bundle is stored beside the data. Here the key signs instead of encrypting."""

import hashlib
import hmac

import libvault

made = libvault.init("vault")

with libvault.open(made.config) as vault:
    context = {"organization_id": "org_123"}

    created = vault.create_data_key(context)
    signature = hmac.digest(created.key, b"attack at dawn", hashlib.sha256)
    stored = created.bundle  # the key itself is never stored

    opened = vault.decrypt_data_key(stored, context)
    print("the same key:", hmac.compare_digest(signature, hmac.digest(opened.key, b"attack at dawn", hashlib.sha256)))
    print("its bundle says:", libvault.inspect(stored)["policy"])
