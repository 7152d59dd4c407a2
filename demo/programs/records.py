"""Encrypts or decrypts a file of records: records.py encrypt|decrypt CONFIG ORGANIZATION INPUT OUTPUT

Prints {"records": …, "code": …, "name": …}: how many records it finished, and the error that stopped it (code 0 for none).
"""

import json
import struct
import sys

import libvault


def main(verb: str, config: str, organization: str, source: str, output: str) -> int:
    context = {"organization_id": organization}
    finished, code, name = 0, 0, ""
    with libvault.open(config) as vault, open(source, "rb") as records, open(output, "wb") as results:
        work = vault.encrypt if verb == "encrypt" else vault.decrypt
        try:
            while header := records.read(4):
                result = work(records.read(struct.unpack(">I", header)[0]), context)
                results.write(struct.pack(">I", len(result)) + result)
                finished += 1
        except libvault.VaultError as error:
            code, name = error.code, error.name
    print(json.dumps({"records": finished, "code": code, "name": name}))
    return 0 if code == 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
