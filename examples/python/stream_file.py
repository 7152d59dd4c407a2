"""Data of any size in constant memory: whole files, file-likes, and standard modules on top of them."""

import gzip
import io
from pathlib import Path

import libvault

made = libvault.init("vault")
Path("report.txt").write_text("line\n" * 100_000)

with libvault.open(made.config) as vault:
    context = {"organization_id": "org_123"}

    # A file into another, which appears whole or not at all.
    vault.encrypt_file("report.txt", "report.lve", context)
    vault.decrypt_file("report.lve", "copy.txt", context)
    print("the copy is the same:", Path("copy.txt").read_bytes() == Path("report.txt").read_bytes())

    # A file-like takes what any writer of binary files gives. After an exception in the block, archive.lve would not exist.
    with vault.open_encrypt("archive.lve", context) as encrypted, gzip.open(encrypted, "wt") as text:
        for number in range(100_000):
            text.write(f"record {number}\n")

    with vault.open_decrypt("archive.lve", context) as decrypted, gzip.open(decrypted, "rt") as text:
        print(sum(1 for _ in text), "lines")

    # File objects work as well: sockets, pipes, uploads.
    memory = io.BytesIO()
    with vault.open_encrypt(memory, context) as encrypted:
        encrypted.write(b"attack at dawn")
    memory.seek(0)
    print(vault.open_decrypt(memory, context).read().decode())
