"""Errors by what a program does about them: each has a class of its own, and a base class for its kind."""

import libvault

made = libvault.init("vault")


def read(vault: libvault.Vault, envelope: bytes, context: dict[str, str]) -> str:
    try:
        return vault.decrypt(envelope, context).decode()
    except libvault.UnavailableError as error:  # Throttled, KmsUnavailable, Timeout, ...: the only kind worth another try
        return f"try again later: {error.name}"
    except libvault.KeyRefusedError as error:  # the customer disabled, deleted or withheld the key
        return f"ask the customer about key {error.key_id}, request {error.request_id}"
    except libvault.ContextMismatch:
        return "not this organization's data"
    except libvault.IntegrityError:
        return "damaged or forged"
    except libvault.VaultError as error:  # everything else
        return f"{error.name} (code {error.code}, {error.kind}): {error.message}"


with libvault.open(made.config) as vault:
    envelope = vault.encrypt(b"attack at dawn", {"organization_id": "org_123"})
    print(read(vault, envelope, {"organization_id": "org_123"}))
    print(read(vault, envelope, {"organization_id": "org_456"}))
    print(read(vault, envelope[:-1] + bytes([envelope[-1] ^ 1]), {"organization_id": "org_123"}))
    print(read(vault, envelope, {}))
