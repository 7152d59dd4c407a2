"""The official clients of one language, as a process that does what it is told.

A driver reads a JSON object a line and answers each with one. It begins with `{"clients": {NAME: VERSION}}`. It is asked:

- `do`: `wrap` or `unwrap`, with `vault` (URL), `key`, `version` (or none), `algorithm`, `value` (base64), `credential`;
  or `token`, with `scope` and `credential`.
- `credential`: `kind` `secret`, `certificate` (`path`: PEM with key), `assertion` (each with `tenant`, `client_id`) or `token`.

It answers `kid` and `value`, or `token`, or what the client raised: `status`, `code` and `inner` of the vault's error (or null), `message`.
Every question is done by new clients, so that none remembers a token of the one before.
"""

import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..client import AzureServer

_HERE = Path(__file__).parent
_BUILD = _HERE.parents[3] / "build" / "azure-proof"


class Driver:
    """A running driver. `clients` are the names and versions of the clients it uses."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log
        self.clients: dict[str, str] = self._read()["clients"]

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def operate(self, do: str, vault: str, key: str, credential: dict[str, str], value: bytes, **more: Any) -> dict[str, Any]:
        """Wraps or unwraps; the value of the answer comes as bytes."""
        question = {"algorithm": "RSA-OAEP-256", "value": base64.b64encode(value).decode(), **more}
        answer = self.ask(do=do, vault=vault, key=key, credential=credential, **question)
        return answer | {"value": base64.b64decode(answer["value"])} if "value" in answer else answer

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended with {self._process.wait(5)}:\n{self._log.read_text(errors='replace')[-2000:]}")
        return json.loads(line)


@contextlib.contextmanager
def driver(language: str, server: AzureServer, log: Path) -> Iterator[Driver]:
    """Runs the driver of a language; Node's packages and Go's program are made first, if they are not there."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            _COMMANDS[language](),
            env=server.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield Driver(process, log)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _python() -> list[str]:
    return [sys.executable, str(_HERE / "python" / "driver.py")]


def _node() -> list[str]:
    if not (_HERE / "node" / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=_HERE / "node", check=True, timeout=300)
    return ["node", str(_HERE / "node" / "driver.mjs")]


def _go() -> list[str]:
    program = _BUILD / "go-driver"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=_HERE / "go", check=True, timeout=600, env=os.environ | {"CGO_ENABLED": "0"})
    return [str(program)]


_COMMANDS = {"python": _python, "node": _node, "go": _go}
