"""A configured vault, as the fixture describes it: registry, key files and managed keys."""

from __future__ import annotations

import tomllib
from pathlib import Path

import registry
import store


class Vault:
    def __init__(self, directory: Path):
        config = tomllib.loads((directory / "libvault.toml").read_text("utf-8"))
        self.registry = registry.from_mapping(config)
        self.root = store.read_key_file(directory / config["root_key"]["path"])
        self.store = store.StoreReader(directory / config["store"], self.root)
        self.customer_keys = {
            key.id: store.read_key_file(directory / key.path) for b in self.registry.bindings for key in b.keys
        }

    def managed_key(self, item: tuple[str, str]) -> store.ManagedKey | None:
        return self.store.managed_key(item)
