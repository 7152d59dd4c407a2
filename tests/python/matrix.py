"""One step of the cross-language matrix (tests/matrix): encrypts or decrypts a file in a process of its own.

    matrix.py encrypt|decrypt CONFIG NAME=VALUE INPUT OUTPUT [AAD_FILE]

Exit code 0; or 1 with the number of the error on standard output.
"""

from __future__ import annotations

import sys
from pathlib import Path

import libvault


def main(verb: str, config: str, item: str, source: str, target: str, aad_file: str | None = None) -> int:
    name, _, value = item.partition("=")
    aad = None if aad_file is None else Path(aad_file).read_bytes()
    try:
        with libvault.open(config) as vault:
            run = {"encrypt": vault.encrypt, "decrypt": vault.decrypt}[verb]
            result = run(Path(source).read_bytes(), {name: value}, aad)
    except libvault.VaultError as error:
        print(error.code)
        return 1
    Path(target).write_bytes(result)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
