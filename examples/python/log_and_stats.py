"""What the library has to say goes to the logger "libvault"; what it did is counted."""

import logging
import sys

import libvault

logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(name)s: %(message)s")
logging.getLogger("libvault").setLevel(logging.INFO)

made = libvault.init("vault")

with libvault.open(made.config) as vault:
    for number in range(3):
        vault.encrypt(b"data", {"organization_id": f"org_{number}"})
    vault.reload(made.config)

    stats = vault.stats()
    print("encryptions:", stats.encryptions, "calls to a KMS:", stats.kms_wraps + stats.kms_unwraps)
    if stats.memory_unlocked_bytes:
        print("secrets could reach swap: raise RLIMIT_MEMLOCK", file=sys.stderr)
