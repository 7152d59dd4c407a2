"""The verbs, their types, and what the objects do in a Python program."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pathlib
import pickle
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import libvault
from conftest import CUSTOMER, MANAGED


def test_bytes_come_back(vault: libvault.Vault) -> None:
    for data in (b"", b"x", bytes(range(256)) * 4, b"large" * 100_000):
        envelope = vault.encrypt(data, MANAGED)
        assert type(envelope) is bytes
        assert len(envelope) == vault.encrypted_length_limit(len(data), MANAGED)
        assert libvault.decrypted_length(envelope) == len(data)
        assert vault.decrypt(envelope, MANAGED) == data


def test_a_managed_envelope_of_one_item_costs_228_bytes(vault: libvault.Vault) -> None:
    assert len(vault.encrypt(b"x" * 64, {"organization_id": "org_1"})) == 64 + 228


def test_aad_is_positional_or_named(vault: libvault.Vault) -> None:
    envelope = vault.encrypt(b"data", MANAGED, b"record 7")
    assert vault.decrypt(envelope, MANAGED, aad=b"record 7") == b"data"
    assert vault.decrypt(vault.encrypt(b"data", MANAGED, b""), MANAGED, None) == b"data"
    with pytest.raises(libvault.AuthenticationFailed):
        vault.decrypt(envelope, MANAGED)


def test_every_call_draws_new_randomness(vault: libvault.Vault) -> None:
    assert len({vault.encrypt(b"same", MANAGED) for _ in range(100)}) == 100


def test_another_context_is_refused(vault: libvault.Vault) -> None:
    envelope = vault.encrypt(b"data", MANAGED)
    with pytest.raises(libvault.ContextMismatch):
        vault.decrypt(envelope, {"organization_id": "org_other"})


@pytest.mark.parametrize("length", [0, 64, 100_000, 5_000_000])
@pytest.mark.parametrize("context", [MANAGED, CUSTOMER])
def test_into(gated: libvault.Vault, context: dict[str, str], length: int) -> None:
    data = b"d" * length
    output = bytearray(gated.encrypted_length_limit(length, context) + 3)
    written = gated.encrypt_into(data, context, output, b"aad")
    assert output[written:] == bytes(len(output) - written)
    opened = bytearray(length)
    assert gated.decrypt_into(memoryview(output)[:written], context, opened, aad=b"aad") == length
    assert opened == data
    assert gated.decrypt(output[:written], context, b"aad") == data


@pytest.mark.parametrize("length", [64, 100_000, 5_000_000])
def test_into_a_small_buffer_says_what_it_needs(vault: libvault.Vault, length: int) -> None:
    envelope = vault.encrypt(b"d" * length, MANAGED)
    with pytest.raises(libvault.BufferTooSmall) as caught:
        vault.encrypt_into(b"d" * length, MANAGED, bytearray(length))
    assert caught.value.needed_length == len(envelope)
    with pytest.raises(libvault.BufferTooSmall) as caught:
        vault.decrypt_into(envelope, MANAGED, bytearray(length - 1))
    assert caught.value.needed_length == length


@pytest.mark.parametrize("length", [64, 100_000, 5_000_000])
def test_no_plaintext_is_left_after_a_failed_decrypt_into(vault: libvault.Vault, length: int) -> None:
    envelope = bytearray(vault.encrypt(b"P" * length, MANAGED))
    envelope[-1] ^= 1
    output = bytearray(length)
    with pytest.raises(libvault.AuthenticationFailed):
        vault.decrypt_into(envelope, MANAGED, output)
    assert b"P" not in output


def test_match_context(gated: libvault.Vault) -> None:
    assert gated.match_context(MANAGED) == libvault.Decision("managed", ())
    decision = gated.match_context({**CUSTOMER, "user_id": "user_1"})
    bound = libvault.MatchedBinding("bnd_customer", "customer", ("key_customer",))
    assert decision == libvault.Decision("customer_gated", (bound,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.policy = "managed"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(decision)) == decision
    assert gated.stats().kms_wraps == 0


def test_stats_count_the_uses_of_customer_keys(gated: libvault.Vault) -> None:
    before = gated.stats()
    envelope = gated.encrypt(b"data", CUSTOMER)
    gated.decrypt(envelope, CUSTOMER)
    after = gated.stats()
    assert (after.kms_wraps - before.kms_wraps, after.kms_unwraps - before.kms_unwraps) == (1, 1)
    assert (after.root_key_uses, after.managed_wraps) == (before.root_key_uses, before.managed_wraps)
    envelope = gated.encrypt(b"data", MANAGED)
    gated.decrypt(envelope, MANAGED)
    assert gated.stats().managed_wraps == after.managed_wraps + 1
    assert gated.stats().managed_unwraps == after.managed_unwraps + 1
    assert gated.stats().kms_unwraps == after.kms_unwraps


@pytest.mark.parametrize("context", [MANAGED, CUSTOMER])
def test_data_keys(gated: libvault.Vault, context: dict[str, str]) -> None:
    made = gated.create_data_key(context)
    assert len(made.key) == 32
    opened = gated.decrypt_data_key(bytearray(made.bundle), context)
    assert (opened.key, opened.bundle) == (made.key, made.bundle)
    assert made.key != gated.create_data_key(context).key
    with pytest.raises(libvault.UnsupportedFormat):
        gated.decrypt(made.bundle, context)
    with pytest.raises(libvault.UnsupportedFormat):
        gated.decrypt_data_key(gated.encrypt(b"data", context), context)


def test_inspect_needs_no_vault(gated: libvault.Vault) -> None:
    seen = libvault.inspect(gated.encrypt(b"data", CUSTOMER))
    assert isinstance(seen, dict)
    assert seen["policy"] == "customer_gated"
    assert libvault.inspect(memoryview(gated.create_data_key(MANAGED).bundle))["policy"] == "managed"
    assert "org_customer" not in json.dumps(seen)


def test_prepared_contexts(vault: libvault.Vault) -> None:
    context = vault.context(MANAGED)
    assert type(context) is libvault.Context
    assert context == libvault.Context(dict(reversed(MANAGED.items()))) == libvault.Context(context)
    assert hash(context) == hash(libvault.Context(MANAGED))
    assert context != libvault.Context(CUSTOMER)
    assert context != MANAGED
    assert pickle.loads(pickle.dumps(context)) == context == copy.deepcopy(context)
    assert vault.decrypt(vault.encrypt(b"data", context), MANAGED) == b"data"
    with pytest.raises(AttributeError):
        context.items = 1  # type: ignore[attr-defined]


class Environment(Mapping[str, str]):
    """A mapping that is no dict."""

    def __getitem__(self, name: str) -> str:
        return MANAGED[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MANAGED)

    def __len__(self) -> int:
        return len(MANAGED)


@pytest.mark.parametrize("context", [types.MappingProxyType(MANAGED), Environment(), type("Named", (dict,), {})(MANAGED)])
def test_any_mapping_is_a_context(vault: libvault.Vault, context: Mapping[str, str]) -> None:
    assert vault.decrypt(vault.encrypt(b"data", context), MANAGED) == b"data"


@pytest.mark.parametrize("context", [None, "organization_id", [("organization_id", "org_1")], {"a": 1}, {b"a": "1"}, {"a": None}, 7])
def test_wrong_types_of_contexts(vault: libvault.Vault, context: Any) -> None:
    for verb in (vault.context, vault.match_context, vault.create_data_key, libvault.Context):
        with pytest.raises(TypeError):
            verb(context)
    with pytest.raises(TypeError):
        vault.encrypt(b"data", context)


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({}, None),
        ({"a": ""}, "a"),
        ({"": "a"}, ""),
        ({"a\x00": "b"}, None),
        ({"a": "b\x7f"}, "a"),
        ({"libvault:a": "b"}, "libvault:a"),
        ({"aws:a": "b"}, "aws:a"),
        ({"a": "b" * 501}, "a"),
        ({"a" * 121: "b"}, None),
        ({f"n{i}": "v" for i in range(11)}, None),
        ({"user": "\ud800secret"}, "user"),
        ({"user": "fine", "other": "x\udfffsecret"}, "other"),
    ],
)
def test_invalid_contexts_name_the_item_and_not_its_value(vault: libvault.Vault, context: dict[str, str], field: str | None) -> None:
    with pytest.raises(libvault.InvalidContext) as caught:
        vault.encrypt(b"data", context)
    if field:
        assert caught.value.field == field
        assert field in caught.value.message
    assert "secret" not in str(caught.value) + repr(caught.value.__dict__)


def test_a_lone_surrogate_in_a_name(vault: libvault.Vault) -> None:
    with pytest.raises(libvault.InvalidContext) as caught:
        vault.context({"na\ud800me": "secret"})
    assert "na" in caught.value.message and "secret" not in str(caught.value)
    str(caught.value).encode()


def test_a_mapping_that_raises_is_heard(vault: libvault.Vault) -> None:
    class Broken(Environment):
        def __getitem__(self, name: str) -> str:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        vault.context(Broken())


def test_context_manager_and_close(made: libvault.Initialized) -> None:
    with libvault.open(made.config) as vault:
        assert vault.decrypt(vault.encrypt(b"data", MANAGED), MANAGED) == b"data"
        context = vault.context(MANAGED)
    vault.close()
    calls: list[Callable[[], object]] = [
        lambda: vault.encrypt(b"data", context),
        lambda: vault.encrypt(b"d" * 100_000, context),
        lambda: vault.encrypt_into(b"data", context, bytearray(1000)),
        lambda: vault.encrypted_length_limit(1, context),
        lambda: vault.match_context(context),
        lambda: vault.create_data_key(context),
    ]
    for call in calls:
        with pytest.raises(libvault.Closed):
            call()
    with pytest.raises(ZeroDivisionError), libvault.open(made.config):
        raise ZeroDivisionError


def test_vaults_do_not_travel(vault: libvault.Vault) -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        for value in (vault, vault.create_data_key(MANAGED)):
            with pytest.raises(TypeError, match="cannot be copied or pickled"):
                attempt(value)
    with pytest.raises(TypeError):
        libvault.Vault()
    with pytest.raises(TypeError):
        type("Subclass", (libvault.Vault,), {})


def test_repr_shows_no_secret(vault: libvault.Vault) -> None:
    key = vault.create_data_key(MANAGED)
    context = vault.context(MANAGED)
    shown = repr([vault, key, context, str(key), str(context)])
    for secret in (key.key.hex(), repr(key.key)[2:-1], "org_managed", "user_1"):
        assert secret not in shown
    assert "organization_id" in repr(context) and "user_id" in repr(context)


def test_open_without_a_configuration_says_how_to_make_one() -> None:
    with pytest.raises(libvault.InvalidConfig, match="init"):
        libvault.open()
    with pytest.raises(libvault.InvalidConfig, match="init"):
        libvault.open(None)


def test_init_gives_paths_and_replaces_nothing(tmp_path: pathlib.Path) -> None:
    made = libvault.init(str(tmp_path / "new"))
    assert isinstance(made.config, pathlib.Path)
    assert made.root_key.stat().st_mode & 0o777 == 0o600
    assert made.store.stat().st_mode & 0o777 == 0o600
    kept = made.root_key.read_bytes()
    with pytest.raises(libvault.Conflict):
        libvault.init(tmp_path / "new")
    assert made.root_key.read_bytes() == kept


def test_warnings_are_logged(configuration: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    development = {"aws": {"endpoint": "http://127.0.0.1:1"}, "development": {"allow_endpoint": True}}
    with caplog.at_level(logging.WARNING, "libvault"), libvault.open(configuration | development):
        assert {record.name for record in caplog.records} == {"libvault"}
        assert "development.allow_endpoint" in caplog.text and "http://127.0.0.1:1" in caplog.text


def test_version_and_features() -> None:
    import importlib.metadata

    assert libvault.__version__ == importlib.metadata.version("libvault")
    assert libvault.has_feature("aws") and libvault.has_feature("sqlite")
    assert not libvault.has_feature("teleport")


def test_everything_public_exists() -> None:
    assert sorted(set(libvault.__all__)) == sorted(libvault.__all__)
    for name in libvault.__all__:
        assert getattr(libvault, name) is not None
