"""libvault itself. ENDPOINT is the path of a configuration whose tenants have a key each; there is no other KEY."""

import functools

import libvault
from workload import Place, main


class Tenant:
    def __init__(self, place: Place, tenant: str):
        self._vault = opened(place.endpoint)
        self._context = self._vault.context({"organization_id": tenant})

    def encrypt(self, plaintext: bytes) -> bytes:
        return self._vault.encrypt(plaintext, self._context)

    def decrypt(self, ciphertext: bytes) -> bytes:
        return self._vault.decrypt(ciphertext, self._context)


@functools.cache
def opened(config: str) -> libvault.Vault:
    return libvault.open(config)


if __name__ == "__main__":
    main(Tenant)
