#!/usr/bin/env python3
"""Turns the JSON vectors into lines that a C program reads without a JSON parser.

    vectors_to_lines.py DIRECTORY   writes vectors.txt, error_table.inc (for C) and error_classes.inc (for C++) to DIRECTORY

Fields are separated by tabs; bytes are hexadecimal, "." is no bytes and "-" is NULL:

    decrypt NAME STATUS KMS_CALLS AAD EXPECTED INPUT CONTEXT...     a whole envelope; EXPECTED is bytes or byte*count
    data_key NAME STATUS KMS_CALLS AAD EXPECTED INPUT CONTEXT...    a key bundle; EXPECTED is the key
    context NAME STATUS OFFENDING_NAME CANONICAL CONTEXT...
"""

import json
import re
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parents[1] / "vectors"


def load(name: str) -> dict:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


STATUS = {row["name"]: row["code"] for row in load("errors.json")["errors"]}


def field(data: bytes | None) -> str:
    return "-" if data is None else data.hex() or "."


def hexadecimal(text: str | None) -> str:
    return field(None if text is None else bytes.fromhex(text))


def pairs(items) -> list[str]:
    return [field(text.encode("utf-8")) for item in items for text in item]


def opening(vector: dict, name: str, envelope: bytes, status: int, kms_calls: int, expected: str) -> str:
    kind = "decrypt" if vector["kind"] == "envelope" else "data_key"
    aad = hexadecimal(vector.get("aad_hex"))
    fields = [kind, name, str(status), str(kms_calls), aad, expected, field(envelope)]
    return "\t".join(fields + pairs(vector["context"].items()))


def envelope_lines():
    for vector in load("envelope.json")["vectors"]:
        expect = vector["expect"]
        status, expected = 0, "-"
        if "error" in expect:
            status = STATUS[expect["error"]]
        elif "payload_repeat" in expect:
            repeat = expect["payload_repeat"]
            byte = repeat["byte"] if isinstance(repeat["byte"], int) else int(repeat["byte"], 16)
            expected = f"{byte:02x}*{repeat['count']}"
        else:
            expected = hexadecimal(expect["payload_hex"])
        envelope = bytes.fromhex(vector["envelope_hex"])
        yield opening(vector, vector["name"], envelope, status, vector["kms_calls"], expected)


def flip_lines():
    for vector in load("flip.json")["vectors"]:
        envelope = bytes.fromhex(vector["envelope_hex"])
        for table in vector["tables"]:
            for offset, (error, kms_calls) in enumerate(zip(table["errors"], table["kms_calls"], strict=True)):
                altered = bytearray(envelope)
                altered[offset] ^= int(table["xor"], 16)
                name = f"{vector['name']}[{offset}]^{table['xor']}"
                yield opening(vector, name, bytes(altered), STATUS[vector["error_names"][error]], kms_calls, "-")
            assert offset + 1 == len(envelope), f"{vector['name']}: not every byte is in the table"


def context_lines():
    document = load("context.json")
    for vector in document["vectors"] + document["bytes_vectors"]:
        expect = vector["expect"]
        status = STATUS[expect["error"]] if "error" in expect else 0
        offending = expect.get("offending_name")
        offending = field(None if offending is None else offending.encode("utf-8"))
        canonical = hexadecimal(expect.get("canonical_hex"))
        if "items" in vector:
            items = pairs(vector["items"])
        else:
            items = [hexadecimal(text) for item in vector["items_bytes_hex"] for text in item]
        yield "\t".join(["context", vector["name"], str(status), offending, canonical, *items])


def error_rows():
    for row in load("errors.json")["errors"]:
        constant = "VAULT_ERROR_" + re.sub(r"(?<!^)(?=[A-Z])", "_", row["name"]).upper()
        yield f'{{ {constant}, {row["code"]}, "{row["name"]}", "{row["kind"]}", {int(row["retryable"])} }},'


def error_classes():
    for row in load("errors.json")["errors"]:
        yield f'ROW({row["name"]}, {row["kind"]}, {row["code"]})'


def main() -> None:
    directory = Path(sys.argv[1])
    lines = [*envelope_lines(), *flip_lines(), *context_lines()]
    (directory / "vectors.txt").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    (directory / "error_table.inc").write_text("".join(f"{row}\n" for row in error_rows()), encoding="ascii")
    (directory / "error_classes.inc").write_text("".join(f"{row}\n" for row in error_classes()), encoding="ascii")


if __name__ == "__main__":
    main()
