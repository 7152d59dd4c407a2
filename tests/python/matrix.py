"""The Python side of the cross-language matrix; tests/matrix/run_matrix.py says what a command looks like.

    matrix.py CONFIG < COMMANDS
"""

from __future__ import annotations

import sys
from pathlib import Path

import libvault

PIECE = 10_000


def work(vault: libvault.Vault, verb: str, item: str, source: str, target: str, aad_file: str) -> None:
    name, _, value = item.partition("=")
    context = {name: value}
    aad = None if aad_file == "-" else Path(aad_file).read_bytes()
    match verb:
        case "encrypt":
            Path(target).write_bytes(vault.encrypt(Path(source).read_bytes(), context, aad))
        case "decrypt":
            Path(target).write_bytes(vault.decrypt(Path(source).read_bytes(), context, aad))
        case "encrypt-stream":
            with open(source, "rb") as plain, vault.open_encrypt(target, context, aad) as sealed:
                while piece := plain.read(PIECE):
                    sealed.write(piece)
        case "decrypt-stream":
            with vault.open_decrypt(source, context, aad) as opened, open(target, "wb") as plain:
                while piece := opened.read(PIECE):
                    plain.write(piece)
        case _:
            raise ValueError(verb)


def main(config: str) -> None:
    with libvault.open(config) as vault:
        for line in sys.stdin:
            try:
                work(vault, *line.rstrip("\n").split("\t"))
                print("ok")
            except libvault.VaultError as error:
                print(error.code, error.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
