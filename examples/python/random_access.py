"""Reads from the middle of a large encrypted file without decrypting what comes before."""

import struct

import libvault

made = libvault.init("vault")
RECORD = struct.Struct(">Q56x")

with libvault.open(made.config) as vault:
    context = {"organization_id": "org_123"}
    # Small frames make single reads cheap, and cost 16 bytes each.
    with vault.open_encrypt("records.lve", context, frame_size=4096) as file:
        for number in range(50_000):
            file.write(RECORD.pack(number))

    with vault.open_decrypt("records.lve", context) as file:
        # The end of the file is authenticated before the first answer, so that a truncated file gives none.
        print(RECORD.unpack(file.read_at(40_000 * RECORD.size, RECORD.size))[0])

        file.seek(-RECORD.size, 2)
        print(RECORD.unpack(file.read())[0])
