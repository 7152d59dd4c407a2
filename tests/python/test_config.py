"""Configuration: what `open` takes, and what it refuses with the path of the field."""

from __future__ import annotations

import collections
import json
import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import libvault
from conftest import CUSTOMER, MANAGED, key_file

Refused = Callable[[dict[str, Any]], libvault.InvalidConfig]


@pytest.mark.parametrize("as_type", [str, Path, os.fspath])
def test_a_path(made: libvault.Initialized, as_type: Callable[[Path], Any]) -> None:
    with libvault.open(as_type(made.config)) as vault:
        assert vault.decrypt(vault.encrypt(b"data", MANAGED), MANAGED) == b"data"


def test_paths_in_a_file_are_relative_to_the_file(made: libvault.Initialized, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    libvault.open(os.path.relpath(made.config)).close()


def test_paths_in_a_mapping_are_relative_to_the_working_directory(made: libvault.Initialized, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.config.parent)
    libvault.open({"store": "vault.db", "root_key": {"provider": "local", "path": "root.key"}}).close()


def test_any_mapping_with_lists_tuples_and_paths(configuration: dict[str, Any]) -> None:
    configuration["bindings"] = tuple(types.MappingProxyType(binding) for binding in configuration["bindings"])
    configuration["timeouts"] = collections.OrderedDict(connect=100, attempt=200, total=300)
    configuration["strict_names"] = False
    with libvault.open(types.MappingProxyType(configuration)) as vault:
        assert vault.match_context(CUSTOMER).policy == "customer_gated"


def test_a_mapping_and_a_file_are_the_same_vault(configuration: dict[str, Any], tmp_path: Path) -> None:
    with libvault.open(configuration) as vault:
        envelope = vault.encrypt(b"data", CUSTOMER)
    binding = configuration["bindings"][0]
    key = binding["keys"][0]
    written = tmp_path / "written.toml"
    written.write_text(
        f"""
        store = {json.dumps(str(configuration["store"]))}
        root_key = {{ provider = "local", path = {json.dumps(str(configuration["root_key"]["path"]))} }}
        [[bindings]]
        id = "{binding["id"]}"
        owner = "{binding["owner"]}"
        selector = {{ organization_id = "org_customer" }}
        keys = [{{ id = "{key["id"]}", provider = "local", path = {json.dumps(str(key["path"]))} }}]
        """
    )
    with libvault.open(written) as vault:
        assert vault.decrypt(envelope, CUSTOMER) == b"data"


@pytest.mark.parametrize("wrong", [7, 1.5, b"libvault.toml", ["store"], object()])
def test_other_types_are_type_errors(wrong: Any) -> None:
    with pytest.raises(TypeError):
        libvault.open(wrong)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(libvault.InvalidConfig, match="missing.toml"):
        libvault.open(tmp_path / "missing.toml")


def test_text_that_is_not_toml(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("store = \n")
    with pytest.raises(libvault.InvalidConfig):
        libvault.open(tmp_path / "broken.toml")


def binding(**changes: Any) -> dict[str, Any]:
    keys = [{"id": "key_1", "provider": "aws", "arn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}]
    return {"id": "bnd_1", "owner": "owner_1", "selector": {"organization_id": "org_1"}, "keys": keys} | changes


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"colour": "blue"}, "colour"),
        ({"bindings": [binding(), binding(id="bnd_2", colour="blue")]}, "bindings[1].colour"),
        ({"bindings": [binding(keys=[{"id": "key_1", "provider": "aws", "arn": "arn:aws:s3:::bucket"}])]}, "bindings[0].keys[0].arn"),
        ({"bindings": [binding(keys=[])]}, "bindings[0].keys"),
        ({"bindings": [binding(id="no spaces")]}, "bindings[0].id"),
        ({"bindings": [binding(state="asleep")]}, "bindings[0].state"),
        ({"bindings": [binding(policy="managed")]}, "bindings[0].policy"),
        ({"bindings": [binding(selector={})]}, "bindings[0].selector"),
        ({"fallback": "maybe"}, "fallback"),
        ({"timeouts": {"connect": 0}}, "timeouts.connect"),
        ({"timeouts": {"connect": "soon"}}, "timeouts.connect"),
        ({"strict_names": "yes"}, "strict_names"),
        ({"root_key": {"provider": "local"}}, "root_key"),
        ({"aws": {"endpoint": "http://127.0.0.1:1"}}, "aws.endpoint"),
    ],
)
def test_refused_fields_are_named(refused: Refused, fields: dict[str, Any], field: str) -> None:
    error = refused(fields)
    assert error.field == field
    assert field in error.message


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"timeouts": {"connect": 2**70}}, "timeouts.connect"),
        ({"timeouts": {"connect": float("nan")}}, "timeouts.connect"),
        ({"store": b"vault.db"}, "store"),
        ({"required_names": ["fine", {1, 2}]}, "required_names[1]"),
        ({"bindings": [binding(owner="\ud800")]}, "bindings[0].owner"),
        ({"bindings": [{7: "x"}]}, "bindings[0]"),
    ],
)
def test_values_that_no_configuration_can_hold(refused: Refused, fields: dict[str, Any], field: str) -> None:
    assert refused(fields).field == field


def test_a_mapping_that_contains_itself_is_refused(refused: Refused) -> None:
    endless: dict[str, Any] = {}
    endless["aws"] = endless
    assert "nested" in refused(endless).message


def test_credentials_are_not_in_errors(refused: Refused) -> None:
    error = refused({"aws": {"credentials": "static", "access_key_id": "AKIASECRET", "secret_access_key": "hunter2secret", "colour": 1}})
    assert "hunter2" not in str(error) + repr(error) + repr(error.__dict__)


def test_conflicting_bindings(configuration: dict[str, Any], tmp_path: Path) -> None:
    second = binding(selector=CUSTOMER, keys=[{"id": "key_2", "provider": "local", "path": key_file(tmp_path / "2.key")}])
    configuration["bindings"].append(second)
    with pytest.raises(libvault.Conflict, match="bnd_customer"):
        libvault.open(configuration)


def test_no_fallback_when_it_is_denied(configuration: dict[str, Any]) -> None:
    with libvault.open(configuration | {"fallback": "deny"}) as vault:
        with pytest.raises(libvault.NoMatchingKey):
            vault.encrypt(b"data", MANAGED)
        vault.encrypt(b"data", CUSTOMER)


def test_a_misspelt_name_is_refused(configuration: dict[str, Any]) -> None:
    with libvault.open(configuration) as vault, pytest.raises(libvault.UnknownContextName) as caught:
        vault.encrypt(b"data", {"organizationId": "org_customer"})
    assert "organizationId" in caught.value.message and "organization_id" in caught.value.message


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"state": "suspended"}, libvault.KeySuspended),
        ({"state": "pending", "while_pending": "deny"}, libvault.KeyNotReady),
    ],
)
def test_states_of_a_binding(configuration: dict[str, Any], changes: dict[str, str], error: type[libvault.VaultError]) -> None:
    configuration["bindings"][0].update(changes)
    with libvault.open(configuration) as vault, pytest.raises(error):
        vault.encrypt(b"data", CUSTOMER)
