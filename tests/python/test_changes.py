"""rewrap, reencrypt and rekey, plain and awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import libvault
from conftest import CUSTOMER, MANAGED
from kms import IN_KMS, FaultyKms, with_kms

BOTH = CUSTOMER | {"user_id": "user_1"}


@pytest.fixture(params=["plain", "awaited"])
def verbs(request: pytest.FixtureRequest) -> Callable[[libvault.Vault], Any]:
    """The verbs of a vault, or those of its AsyncVault each run to its end."""
    if request.param == "plain":
        return lambda vault: vault
    return Awaited


class Awaited:
    def __init__(self, vault: libvault.Vault) -> None:
        self.vault = libvault.AsyncVault(vault)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def run(*arguments: Any, **keywords: Any) -> Any:
            value: Awaitable[Any] = getattr(self.vault, name)(*arguments, **keywords)
            return await value

        return lambda *arguments, **keywords: asyncio.run(run(*arguments, **keywords))


@pytest.fixture
def before_and_after(configuration: dict[str, Any]) -> Iterator[tuple[libvault.Vault, libvault.Vault]]:
    """One store, before and after CUSTOMER brought its key."""
    with libvault.open({**configuration, "bindings": []}) as before, libvault.open(configuration) as after:
        yield before, after


def test_rewrap_needs_a_word_where_older_keys_are_left_behind(
    before_and_after: tuple[libvault.Vault, libvault.Vault], verbs: Callable[[libvault.Vault], Any]
) -> None:
    before, after = before_and_after
    for old in (before.encrypt(b"data", CUSTOMER), before.encrypt(bytes(300_000), CUSTOMER), before.create_data_key(CUSTOMER).bundle):
        with pytest.raises(libvault.DowngradeRefused):
            verbs(after).rewrap(old, CUSTOMER)
        new = verbs(after).rewrap(bytearray(old), CUSTOMER, keep_data_key=True, timeout=60)
        seen = libvault.inspect(new)
        assert (seen["policy"], seen["moved"]) == ("customer_gated", True)
    assert verbs(after).rewrap(new, CUSTOMER) != new
    assert after.stats().rewraps == 4


def test_reencrypt_draws_a_new_data_key(
    before_and_after: tuple[libvault.Vault, libvault.Vault], verbs: Callable[[libvault.Vault], Any]
) -> None:
    before, after = before_and_after
    for size in (4, 300_000):
        old = before.encrypt(bytes(size), CUSTOMER, b"aad")
        new = verbs(after).reencrypt(memoryview(old), CUSTOMER, b"aad")
        seen = libvault.inspect(new)
        assert (seen["policy"], seen["moved"]) == ("customer_gated", False)
        assert after.decrypt(new, CUSTOMER, aad=b"aad") == bytes(size)
        with pytest.raises(libvault.AuthenticationFailed):
            verbs(after).reencrypt(old, CUSTOMER, aad=b"other")
    # Back to managed keys alone: that is a downgrade, and has to be allowed.
    with pytest.raises(libvault.VaultError):
        verbs(before).reencrypt(new, CUSTOMER, b"aad")
    with pytest.raises(libvault.UnsupportedFormat):
        verbs(after).reencrypt(after.create_data_key(CUSTOMER).bundle, CUSTOMER)


def test_a_retired_binding_needs_allow_downgrade(configuration: dict[str, Any], verbs: Callable[[libvault.Vault], Any]) -> None:
    with libvault.open(configuration) as vault:
        envelope = vault.encrypt(b"data", CUSTOMER)
        vault.reload({**configuration, "bindings": [{**configuration["bindings"][0], "state": "retired"}]})
        for change in (verbs(vault).reencrypt, verbs(vault).rewrap):
            with pytest.raises(libvault.DowngradeRefused):
                change(envelope, CUSTOMER)
        back = verbs(vault).reencrypt(envelope, CUSTOMER, allow_downgrade=True)
        assert libvault.inspect(back)["policy"] == "managed"
        back = verbs(vault).rewrap(envelope, CUSTOMER, keep_data_key=True, allow_downgrade=True)
        assert vault.decrypt(back, CUSTOMER) == b"data"


def test_rekey_moves_a_bundle(gated: libvault.Vault, verbs: Callable[[libvault.Vault], Any]) -> None:
    made = gated.create_data_key(CUSTOMER)
    moved = verbs(gated).rekey(made.bundle, CUSTOMER, gated.context(BOTH))
    assert gated.decrypt_data_key(moved, BOTH).key == made.key
    with pytest.raises(libvault.ContextMismatch):
        gated.decrypt_data_key(moved, CUSTOMER)
    with pytest.raises(libvault.DowngradeRefused):
        verbs(gated).rekey(made.bundle, CUSTOMER, MANAGED)
    with pytest.raises(libvault.UnsupportedFormat):
        verbs(gated).rekey(gated.encrypt(b"data", CUSTOMER), CUSTOMER, BOTH)
    assert gated.stats().rekeys == 1


def test_they_wait_for_a_kms_as_the_others_do(configuration: dict[str, Any], verbs: Callable[[libvault.Vault], Any]) -> None:
    with FaultyKms("disabled") as kms, libvault.open({**configuration, "bindings": []}) as before:
        envelope, bundle = before.encrypt(b"data", IN_KMS), before.create_data_key(IN_KMS).bundle
        with libvault.open(with_kms(configuration, kms.endpoint)) as vault:
            calls: list[Callable[[], object]] = [
                lambda: verbs(vault).rewrap(envelope, IN_KMS, keep_data_key=True),
                lambda: verbs(vault).reencrypt(envelope, IN_KMS),
                lambda: verbs(vault).rekey(vault.create_data_key(MANAGED).bundle, MANAGED, MANAGED | IN_KMS, allow_downgrade=True),
                lambda: verbs(vault).rewrap(bundle, IN_KMS, keep_data_key=True),
            ]
            for call in calls:
                with pytest.raises(libvault.KeyDisabled):
                    call()
