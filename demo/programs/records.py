"""Encrypts or decrypts files of records: records.py encrypt|decrypt CONFIG (ORGANIZATION INPUT OUTPUT)...

Prints for each organization {"records": …, "code": …, "name": …}: how many records it finished, and the error that stopped it (code 0 for
none).
"""

import json
import struct
import sys

import libvault


def main(verb: str, config: str, *work: str) -> int:
    failed = False
    with libvault.open(config) as vault:
        for organization, source, output in zip(work[::3], work[1::3], work[2::3], strict=True):
            finished, code, name = process(vault, verb, organization, source, output)
            print(json.dumps({"records": finished, "code": code, "name": name}))
            failed |= code != 0
    return 1 if failed else 0


def process(vault: libvault.Vault, verb: str, organization: str, source: str, output: str) -> tuple[int, int, str]:
    context = {"organization_id": organization}
    method = vault.encrypt if verb == "encrypt" else vault.decrypt
    finished = 0
    with open(source, "rb") as records, open(output, "wb") as results:
        try:
            while header := records.read(4):
                result = method(records.read(struct.unpack(">I", header)[0]), context)
                results.write(struct.pack(">I", len(result)) + result)
                finished += 1
        except libvault.VaultError as error:
            return finished, error.code, error.name
    return finished, 0, ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
