"""Key files, which stand in for a KMS and are no server at all."""

import itertools
import secrets
from pathlib import Path

from .contract import CustomerKey, KeyServer, Way

_numbers = itertools.count(1)


class KeyFiles(KeyServer):
    name, version, provider = "key file", "ours", "local"

    def __init__(self, directory: Path):
        self._directory = directory

    def identity(self, way: Way) -> str:
        return ""

    def key(self) -> "KeyFile":
        return KeyFile(self._directory / f"customer-{next(_numbers)}.key")


class KeyFile(CustomerKey):
    region = "here"

    def __init__(self, path: Path):
        self._path, self._versions = path, 0
        path.touch(mode=0o600)
        path.write_text("libvault key file v1\n", encoding="utf-8")
        self.rotate()

    @property
    def toml(self) -> str:
        return f'provider = "local"\npath = "{self._path}"\n'

    def rotate(self) -> None:
        """The file is read when a vault is opened."""
        self._versions += 1
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{self._versions} {secrets.token_hex(32)}\n")
