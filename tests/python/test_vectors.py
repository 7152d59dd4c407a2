"""The vectors of tests/vectors through the public API. Their format is described in tests/vectors/README.md."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import libvault

VECTORS = Path(__file__).parents[1] / "vectors"
STORED_CONTEXT_OFFSET = 5 + 1 + 1 + 32  # in a bare bundle: magic, version, suite; decision; share-count; commitment


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / name).read_text("utf-8"))
    return loaded


ENVELOPES = load("envelope.json")["vectors"]
FLIPS = load("flip.json")["vectors"]
CONTEXTS = load("context.json")
CHANGES = load("change.json")["vectors"]


def hex_or_none(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[libvault.Vault]:
    """A vault opened on a copy of the vectors' fixture, with the modes that git does not keep."""
    directory = tmp_path_factory.mktemp("vectors") / "fixture"
    shutil.copytree(VECTORS / "fixture", directory)
    for pattern in ("*.key", "*.db"):
        for file in directory.glob(pattern):
            file.chmod(0o600)
    with libvault.open(directory / "libvault.toml") as vault:
        yield vault


def read(vault: libvault.Vault, vector: dict[str, Any], data: bytes) -> tuple[bytes | str, int]:
    """The payload or the name of the error, and the number of calls on customer keys."""
    before = vault.stats().kms_unwraps
    outcome: bytes | str
    try:
        if vector["kind"] == "data_key":
            outcome = vault.decrypt_data_key(data, vector["context"]).key
        else:
            outcome = vault.decrypt(data, vector["context"], hex_or_none(vector["aad_hex"]))
    except libvault.VaultError as error:
        outcome = error.name
    return outcome, vault.stats().kms_unwraps - before


def expected(expect: dict[str, Any]) -> bytes | str:
    if "payload_repeat" in expect:
        repeat = expect["payload_repeat"]
        return bytes.fromhex(repeat["byte"]) * int(repeat["count"])
    return str(expect["error"]) if "error" in expect else bytes.fromhex(expect["payload_hex"])


@pytest.mark.parametrize("vector", ENVELOPES, ids=by_name)
def test_envelopes(fixture: libvault.Vault, vector: dict[str, Any]) -> None:
    outcome = read(fixture, vector, bytes.fromhex(vector["envelope_hex"]))
    assert outcome == (expected(vector["expect"]), vector["kms_calls"])


@pytest.mark.parametrize("vector", [v for v in ENVELOPES if v["kind"] == "envelope"], ids=by_name)
def test_envelopes_into_a_buffer(fixture: libvault.Vault, vector: dict[str, Any]) -> None:
    """The same outcome, and after a failure no byte of a payload."""
    output = bytearray(1 << 16)
    want = expected(vector["expect"])
    arguments = (bytes.fromhex(vector["envelope_hex"]), vector["context"], output, hex_or_none(vector["aad_hex"]))
    if isinstance(want, bytes):
        assert output[: fixture.decrypt_into(*arguments)] == want
    else:
        with pytest.raises(libvault.VaultError) as caught:
            fixture.decrypt_into(*arguments)
        assert caught.value.name == want
        assert not any(output)


@pytest.mark.parametrize("vector", FLIPS, ids=by_name)
def test_every_flipped_byte(fixture: libvault.Vault, vector: dict[str, Any]) -> None:
    envelope = bytes.fromhex(vector["envelope_hex"])
    names = vector["error_names"]
    assert "Internal" not in names and "success" not in names
    differences = []
    for table in vector["tables"]:
        assert len(envelope) == len(table["errors"]) == len(table["kms_calls"])
        (mask,) = bytes.fromhex(table["xor"])
        for offset, byte in enumerate(envelope):
            flipped = envelope[:offset] + bytes([byte ^ mask]) + envelope[offset + 1 :]
            outcome = read(fixture, vector, flipped)
            want = (names[table["errors"][offset]], table["kms_calls"][offset])
            if outcome != want:
                differences.append((table["xor"], offset, outcome, want))
    assert differences == []


def change(vault: Any, vector: dict[str, Any]) -> Any:
    """What the verb gives, or a coroutine that does if the vault is an AsyncVault."""
    data, context, allow_downgrade = bytes.fromhex(vector["input_hex"]), vector["context"], vector["allow_downgrade"]
    match vector["operation"]:
        case "rewrap":
            return vault.rewrap(data, context, keep_data_key=vector["keep_data_key"], allow_downgrade=allow_downgrade)
        case "reencrypt":
            return vault.reencrypt(data, context, hex_or_none(vector["aad_hex"]), allow_downgrade=allow_downgrade)
        case "rekey":
            return vault.rekey(data, context, vector["new_context"], allow_downgrade=allow_downgrade)
    raise AssertionError(vector["operation"])


async def awaited_change(vault: libvault.Vault, vector: dict[str, Any]) -> bytes:
    changed: bytes = await change(libvault.AsyncVault(vault), vector)
    return changed


@pytest.mark.parametrize("awaited", [False, True], ids=["plain", "awaited"])
@pytest.mark.parametrize("vector", CHANGES, ids=by_name)
def test_changes(fixture: libvault.Vault, vector: dict[str, Any], awaited: bool) -> None:
    """All but the bytes of the output: no random bytes can be given through this API, so its length stands for them."""
    before, outcome, expect = fixture.stats(), None, vector["expect"]
    try:
        changed: bytes = asyncio.run(awaited_change(fixture, vector)) if awaited else change(fixture, vector)
    except libvault.VaultError as error:
        outcome = error.name
    after = fixture.stats()
    assert outcome == expect.get("error")
    assert after.kms_unwraps + after.kms_wraps - before.kms_unwraps - before.kms_wraps == vector["kms_calls"]
    if outcome is None:
        seen = libvault.inspect(changed)
        assert (seen["policy"], seen["moved"]) == (expect["policy"], expect["moved"])
        assert len(changed) == len(bytes.fromhex(expect["output_hex"]))
        kind = "data_key" if "data_key_hex" in expect else "envelope"
        reader = {"kind": kind, "context": vector["new_context"] or vector["context"], "aad_hex": vector["aad_hex"]}
        payload = bytes.fromhex(expect["data_key_hex"] if kind == "data_key" else expect["payload_hex"])
        # The output of the specification opens as this one does.
        assert read(fixture, reader, changed)[0] == read(fixture, reader, bytes.fromhex(expect["output_hex"]))[0] == payload


def as_dict(items: list[list[str]]) -> dict[str, str] | None:
    """None if one name stands twice: a dict cannot say that."""
    mapping = {name: value for name, value in items}
    return mapping if len(mapping) == len(items) else None


@pytest.mark.parametrize("vector", [v for v in CONTEXTS["vectors"] if as_dict(v["items"]) is not None], ids=by_name)
def test_contexts(vault: libvault.Vault, vector: dict[str, Any]) -> None:
    items = as_dict(vector["items"])
    assert items is not None
    if "error" in vector["expect"]:
        with pytest.raises(libvault.VaultError) as caught:
            libvault.Context(items)
        assert caught.value.name == vector["expect"]["error"]
        offending_name = vector["expect"]["offending_name"]
        assert caught.value.field == offending_name
        return
    bundle = vault.create_data_key(libvault.Context(items)).bundle
    length = int.from_bytes(bundle[STORED_CONTEXT_OFFSET:][:2])
    assert bundle[STORED_CONTEXT_OFFSET + 2 :][:length].hex() == vector["expect"]["canonical_hex"]


@pytest.mark.parametrize("vector", CONTEXTS["utf16_vectors"], ids=by_name)
def test_lone_surrogates_in_contexts(vector: dict[str, Any]) -> None:
    def text(code_units: str) -> str:
        return bytes.fromhex(code_units).decode("utf-16-be", "surrogatepass")

    items = {text(name): text(value) for name, value in vector["items_utf16_hex"]}
    if "error" not in vector["expect"]:
        libvault.Context(items)
        return
    with pytest.raises(libvault.VaultError) as caught:
        libvault.Context(items)
    assert caught.value.name == vector["expect"]["error"]
    if vector["expect"]["offending_name"] is not None:
        assert caught.value.field == vector["expect"]["offending_name"]
