"""Bytes in, bytes out: the context decides which keys protect the data, and opens it again."""

import libvault

made = libvault.init("vault")  # once: a root key file, a store, and a configuration that names both

with libvault.open(made.config) as vault:
    # A prepared context is checked once and used any number of times; a dict works as well.
    context = vault.context({"organization_id": "org_123", "user_id": "user_7"})

    # The additional data is not stored in the envelope: it binds the envelope to its place, here a row.
    envelope = vault.encrypt(b"attack at dawn", context, aad=b"messages/17")
    print(vault.decrypt(envelope, context, aad=b"messages/17").decode())

    try:
        vault.decrypt(envelope, context, aad=b"messages/18")
    except libvault.AuthenticationFailed:
        print("moved to another row: refused")

    # Into memory of your own, which you can wipe: a bytes object cannot be.
    plaintext = bytearray(libvault.decrypted_length(envelope))
    length = vault.decrypt_into(envelope, context, plaintext, aad=b"messages/17")
    print(length, "bytes in place")
    plaintext[:] = bytes(len(plaintext))
