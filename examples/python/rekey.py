"""Moves a data key to another context, for example when a record goes from one project to another. The data itself stays as it is."""

import libvault

made = libvault.init("vault")

with libvault.open(made.config) as vault:
    old, new = {"project_id": "project_1"}, {"project_id": "project_2"}
    created = vault.create_data_key(old)

    bundle = vault.rekey(created.bundle, old, new)
    print("the same key:", vault.decrypt_data_key(bundle, new).key == created.key)
    try:
        vault.decrypt_data_key(bundle, old)
    except libvault.ContextMismatch as error:
        print("under the old context:", error.name)
