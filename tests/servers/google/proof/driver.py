"""Speaks to a driver: a process that makes an official client do what one line of JSON says, and answers with one line.

It is started with the endpoint as its argument.

In: `operation` (encrypt, decrypt, get_crypto_key, list_versions), `name` (of the resource), `credentials` (a file in a
format of application default credentials), `exchange` (whether a service account asks for a token rather than signing for itself),
`plaintext`, `ciphertext` and `aad` in base64, `plaintext_crc32c`, `ciphertext_crc32c`, `aad_crc32c` in place of the right ones,
`retry_throttled` (whether the client tries again by itself).
Out: {"ok": {...}} with fields in the official client's own terms, or {"error": {"code", "message", "details"}}.
"""

import base64
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from select import select
from typing import IO

ANSWER_SECONDS = 60


class Refused(Exception):
    """What the official client raised. `code` is a name of google.rpc.Code, or TOKEN_REFUSED."""

    def __init__(self, error: dict):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: str = error["code"]
        self.message: str = error["message"]
        self.details: list[dict] = error["details"]


class Driver:
    """Use as a context manager. `authority` is the certificate that the client trusts, and the only one."""

    def __init__(self, command: Sequence[str], directory: Path, endpoint: str, authority: Path):
        unset = ("GOOGLE_", "CLOUDSDK_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
        trust = {"REQUESTS_CA_BUNDLE": authority, "NODE_EXTRA_CA_CERTS": authority, "SSL_CERT_FILE": authority}
        self._start = {"args": [*command, endpoint], "cwd": directory, "env": environment | {k: str(v) for k, v in trust.items()}}
        self._process: subprocess.Popen | None = None

    def encrypt(self, name: str, plaintext: bytes, aad: bytes = b"", **more) -> dict:
        answer = self.ask("encrypt", name, plaintext=_encode(plaintext), aad=_encode(aad), **more)
        return answer | {"ciphertext": base64.b64decode(answer["ciphertext"])}

    def decrypt(self, name: str, ciphertext: bytes, aad: bytes = b"", **more) -> dict:
        answer = self.ask("decrypt", name, ciphertext=_encode(ciphertext), aad=_encode(aad), **more)
        return answer | {"plaintext": base64.b64decode(answer["plaintext"])}

    def ask(self, operation: str, name: str, *, credentials: Path, exchange: bool = False, **more) -> dict:
        """Raises `Refused`."""
        question = {"operation": operation, "name": name, "exchange": exchange}
        question |= {"credentials": str(credentials), **more}
        _pipe(self._process.stdin).write((json.dumps(question) + "\n").encode())
        _pipe(self._process.stdin).flush()
        readable, _, _ = select([self._process.stdout], [], [], ANSWER_SECONDS)
        line = _pipe(self._process.stdout).readline() if readable else b""
        if not line:
            raise RuntimeError(f"the driver gave no answer to {operation}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["ok"]

    def __enter__(self) -> "Driver":
        self._process = subprocess.Popen(**self._start, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_exception) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._process.stdin.close()
        self._process.stdout.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
