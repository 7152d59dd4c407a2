"""The workload that every peer does: payloads of 64 bytes, for one tenant or for several in turn, encrypted in one process and decrypted in another.

    PROGRAM VARIANT encrypt|decrypt TENANTS OPERATIONS DIRECTORY ENDPOINT KEY

A new process has cold caches. What has to outlive it, ciphertexts and a peer's own store, is in DIRECTORY. The requests are counted at
ENDPOINT, not here.
"""

import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PAYLOAD = b"x" * 64


class Peer(Protocol):
    """What encrypts for one tenant."""

    def encrypt(self, plaintext: bytes) -> Any: ...

    def decrypt(self, ciphertext: Any) -> bytes: ...


@dataclass(frozen=True)
class Place:
    """Where a peer works."""

    variant: str
    directory: Path
    endpoint: str
    key: str


def main(make: Callable[[Place, str], Peer]) -> None:
    """`make` gives the peer for a tenant; it is called once for each in a process."""
    variant, phase, tenants, operations, directory, endpoint, key = sys.argv[1:]
    place = Place(variant, Path(directory), endpoint, key)
    peers = [make(place, f"org-{number}") for number in range(int(tenants))]
    kept = place.directory / "ciphertexts"
    if phase == "encrypt":
        made = [peers[number % len(peers)].encrypt(PAYLOAD) for number in range(int(operations))]
        kept.write_bytes(pickle.dumps(made))
    else:
        for number, ciphertext in enumerate(pickle.loads(kept.read_bytes())):
            if bytes(peers[number % len(peers)].decrypt(ciphertext)) != PAYLOAD:
                sys.exit("the data did not come back")
