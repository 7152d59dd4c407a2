"""The main job in Python, for test_memory.py: main_job.py CONFIG DIRECTORY KIND..."""

import sys
from pathlib import Path

import libvault


def data(seed: int, length: int) -> bytearray:
    """What main_job.c encrypts, in memory that can be overwritten."""
    state, made = seed, bytearray(length)
    for at in range(length):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        made[at] = state >> 33 & 0xFF
    return made


def wait_for_line(said: str) -> None:
    print(said, flush=True)
    sys.stdin.readline()


def main(config: str, directory: str, *kinds: str) -> None:
    with libvault.open(config) as vault:
        for number, kind in enumerate(kinds):
            context = vault.context({"organization_id": f"org_{kind}"})
            for form, length, seed in (("short", 100, 2 * number + 1), ("long", 100_000, 2 * number + 2)):
                content = data(seed, length)
                envelope = vault.encrypt(content, context)
                Path(directory, f"{kind}-{form}.envelope").write_bytes(envelope)
                again = bytearray(length)
                # Into memory of one's own, which can be overwritten; what `decrypt` returns cannot.
                vault.decrypt_into(envelope, context, again)
                assert again == content
                content[:] = again[:] = bytes(length)
            data_key = vault.create_data_key(context)
            Path(directory, f"{kind}.bundle").write_bytes(data_key.bundle)
            vault.decrypt_data_key(data_key.bundle, context)
            del data_key
        wait_for_line("held")
    wait_for_line("closed")


main(*sys.argv[1:])
