#!/usr/bin/env python3
"""Makes the starting corpora of the fuzz targets from tests/vectors: `seeds/` holds small ones and is committed."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "tests" / "vectors"
LONGEST = 1_200


def main():
    vectors = json.loads((VECTORS / "envelope.json").read_text())["vectors"]
    contexts = []
    for vector in vectors:
        if vector["context"] not in contexts:
            contexts.append(vector["context"])
    for vector in vectors:
        data = bytes.fromhex(vector["envelope_hex"])
        kind = vector["kind"]
        write("parse_envelope" if kind == "envelope" else "parse_bundle", vector["name"], data)
        aad = bytes.fromhex(vector["aad_hex"] or "")
        aad = bytes([0 if vector["aad_hex"] is None else len(aad) + 1]) + aad if len(aad) < 255 else b"\0"
        verb = 0 if kind == "envelope" else 1
        context = contexts.index(vector["context"])
        write("decrypt", vector["name"], bytes([verb, context]) + aad + data)
        if "error" not in vector["expect"]:
            for number, (operation, more) in enumerate([(4, b"\x00"), (4, b"\x40"), (5, b"\x00"), (5, b"\x03"), (6, b"\x02"), (7, bytes([2, context]))]):
                write("decrypt", f"{vector['name']}-{number}", bytes([operation, context]) + aad + more + data)
    for number, context in enumerate(contexts[:40]):
        write("decrypt", f"round-trip-{number}", bytes([3, number, 0, 0, number, 1]) + b"attack at dawn")
        write("decrypt", f"into-{number}", bytes([2, number, 0]) + bytes.fromhex(vectors[number]["envelope_hex"]))
    write_contexts()
    write_configurations()
    write_calls(len(contexts))


def write_contexts():
    for vector in json.loads((VECTORS / "context.json").read_text())["vectors"]:
        texts = [text for item in vector["items"] for text in item]
        try:
            data = b"\0".join(text.encode() for text in texts)
        except UnicodeEncodeError:
            continue
        write("context", vector["name"], data + b"\0")


def write_configurations():
    fixture = (VECTORS / "fixture" / "libvault.toml").read_text()
    head, *bindings = fixture.split("[[bindings]]\n")
    for number, binding in enumerate(bindings):
        write("config_toml", f"fixture-{number}", f"{head}[[bindings]]\n{binding}".encode())
    aws = """
strict_names = false
required_names = ["organization_id"]
fallback = "deny"
store = "vault.db"
context_in_header = "full"
[root_key]
provider = "local"
path = "root.key"


[aws]
credentials = "profile"
profile = "vendor"
[timeouts]
connect = 2000
attempt = 5000
total = 10000
[[bindings]]
id = "b"
owner = "o"
selector = { organization_id = "org_123", region = "eu" }
policy = "any_of"
state = "retired"
[[bindings.keys]]
id = "k"
provider = "aws"
arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
"""
    write("config_toml", "aws", aws.encode())
    write("config_toml", "json", b'{"root_key":{"provider":"local","path":"r"},"store":"s","bindings":[]}')


def write_calls(contexts):
    """One sequence for each context: open, prepare, encrypt from memory, alter, decrypt, data keys, errors."""
    for number in range(0, contexts, 2):
        opening = bytes([0, 7 if number % 8 == 0 else 0, 0, 0, 0, 0])[: 6 if number % 8 == 0 else 2]
        opening += bytes([1, 1, (2 * number) % 256, 0, 0])
        sealing = bytes([2, 0, 170, 20, 0, 0, 0, 0])
        opening_again = bytes([3, 0, 48, 0, 0, 1, 0])
        altered = bytes([21, 0, number, 1]) + opening_again
        data_key = bytes([8, 0, 0, 2, 3, 0, 9, 0, 51, 0, 0, 0])
        into = bytes([4, 0, 170, 9, 0, 0, 200, 250, 2, 0, 5, 0, 200, 30, 0, 0, 30, 100, 2, 0])
        rest = bytes([10, 48, 1, 0, 12, 0, 48, 0, 0, 18, 0, 13, 0, 1, 0, 14, 0, 0, 11, 0, 0, 1, 0])
        # An encryptor, two pieces, its end; then a decryptor that gets all of it.
        stream = bytes([26, 0, 0, 0, 0, 0, 12, 1, 27, 0, 0, 200, 90, 0, 0, 27, 0, 0, 200, 90, 0, 0, 29, 0, 0, 0])
        stream += bytes([26, 0, 0, 0, 0, 1, 0, 27, 0, 1, 0, 255, 2, 1, 29, 0, 2, 1, 24, 0, 0, 0, 5, 0, 1, 0, 25, 0, 0, 31, 0, 48, 0, 3, 0, 0])
        write("c_abi", f"streams-{number}", opening + stream + into)
        write("c_abi", f"calls-{number}", opening + sealing + opening_again + altered + data_key + into + rest)


def write(target, name, data):
    if len(data) > LONGEST:
        return
    path = HERE / "seeds" / target / name.replace("/", "-")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
