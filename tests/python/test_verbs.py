"""What the package exports is what tests/vectors/api.json lists, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvault
from test_vectors import load

VERBS = [row for row in load("api.json")["verbs"] if "arrives_with" not in row]
# What is public and no verb of the table: the other form of a vault, and streams as asynchronous iterators.
BESIDES = {"AsyncVault.vault", "AsyncVault.encrypt_stream", "AsyncVault.decrypt_stream"}


def exported() -> Iterator[str]:
    for name in libvault.__all__:
        value: Any = getattr(libvault, name)
        if name == "__version__" or not isinstance(value, type) and callable(value):
            yield name
        elif value in (libvault.Vault, libvault.AsyncVault):
            yield from (f"{name}.{member}" for member in dir(value) if not member.startswith("_"))


def test_every_verb_exists_and_nothing_else_is_one() -> None:
    listed = {name for row in VERBS for name in row["python"]}
    assert [name for name in listed if not found(name)] == []
    assert set(exported()) - BESIDES == {name for name in listed if not name.startswith("DecryptReader.")}


def found(name: str) -> bool:
    value: Any = libvault
    for part in name.split("."):
        value = getattr(value, part, None)
    return value is not None
