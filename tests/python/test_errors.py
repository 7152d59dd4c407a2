"""The exceptions are the rows of tests/vectors/errors.json."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest

import libvault
from libvault import _errors

TABLE = json.loads((Path(__file__).parents[1] / "vectors/errors.json").read_text("utf-8"))
ROWS = TABLE["errors"]
DETAILS: dict[str, Any] = {
    "field": "bindings[0].id",
    "provider": "aws",
    "key_id": "key_1",
    "operation": "unwrap",
    "request_id": "req-1",
    "needed_length": 17,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_every_row_has_its_class(row: dict[str, Any]) -> None:
    error_class = getattr(libvault, row["name"])
    assert _errors.BY_CODE[row["code"]] is error_class
    for name in ("code", "name", "kind", "retryable"):
        assert getattr(error_class, name) == row[name]
    # What a traceback says is what can be imported and caught.
    assert {f"{base.__module__}.{base.__name__}" for base in error_class.__mro__ if issubclass(base, libvault.VaultError)} == {
        f"libvault.{name}" for name in (row["name"], error_class.__mro__[1].__name__, "VaultError")
    }
    kind_class: Any
    (kind_class,) = error_class.__bases__
    assert kind_class.kind == row["kind"]
    assert issubclass(kind_class, libvault.VaultError)
    assert error_class.__doc__ == row["action"]


def test_there_are_no_other_classes() -> None:
    assert sorted(_errors.BY_CODE) == [row["code"] for row in ROWS]
    assert {error_class.kind for error_class in libvault.VaultError.__subclasses__()} == {kind["name"] for kind in TABLE["kinds"]}


@pytest.mark.parametrize("code", _errors.BY_CODE)
def test_attributes_and_pickling(code: int) -> None:
    error = _errors.make(code, "what happened", *DETAILS.values())
    error.add_note("while saving")
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(error) is type(copied) is _errors.BY_CODE[code]
        for name, value in DETAILS.items():
            assert getattr(error, name) == getattr(copied, name) == value
        assert error.message == copied.message == "what happened"
        assert "what happened" in str(error) and (str(copied), copied.args) == (str(error), error.args)
        assert copied.__notes__ == ["while saving"]


def test_exceptions_come_back_from_other_processes(vault: libvault.Vault) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool, pytest.raises(libvault.BufferTooSmall) as caught:
        pool.apply(fail)
    assert caught.value.needed_length == 228


def fail() -> None:
    with tempfile.TemporaryDirectory() as directory, libvault.open(libvault.init(f"{directory}/vault").config) as vault:
        vault.encrypt_into(b"", {"organization_id": "org_1"}, bytearray(1))


def test_an_unknown_code_is_internal() -> None:
    assert type(_errors.make(65535, "from the future", *[None] * 6)) is libvault.Internal


def test_errors_outlive_their_vault(made: libvault.Initialized) -> None:
    vault = libvault.open(made.config)
    with pytest.raises(libvault.Malformed) as caught:
        vault.decrypt(b"LVE", {"organization_id": "org_1"})
    vault.close()
    del vault
    error = caught.value
    assert (error.code, error.name, error.kind, error.retryable) == (104, "Malformed", "input", False)
    for name in DETAILS:
        assert getattr(error, name) is None
