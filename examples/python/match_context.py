"""Asks which keys would protect data of a context, without using any."""

import secrets
from pathlib import Path
from typing import Any

import libvault

made = libvault.init("vault")
key_file = Path("vault/customer.key")
key_file.touch(mode=0o600)
key_file.write_text(f"libvault key file v1\n1 {secrets.token_hex(32)}\n")
key = {"id": "key_org_123", "provider": "local", "path": "vault/customer.key"}
configuration: dict[str, Any] = {
    "store": made.store,
    "root_key": {"provider": "local", "path": made.root_key},
    "bindings": [{"id": "bnd_org_123", "owner": "org_123", "selector": {"organization_id": "org_123"}, "keys": [key]}],
}

with libvault.open(configuration) as vault:
    for context in ({"organization_id": "org_123", "user_id": "user_7"}, {"organization_id": "org_456"}):
        decision = vault.match_context(context)
        print(context["organization_id"], decision.policy, [binding.key_ids for binding in decision.bindings])

    try:
        vault.match_context({"organizationId": "org_123"})
    except libvault.UnknownContextName as error:
        print(error.message)
