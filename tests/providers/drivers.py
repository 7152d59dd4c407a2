"""One interface to a vault, whichever language it is reached through."""

import base64
import json
import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 5
BEGUN_SECONDS = 30


class Refused(Exception):
    """An error of libvault, by the name in the table of errors."""

    def __init__(self, name: str, message: str, request_id: str | None = None):
        super().__init__(f"{name}: {message}")
        self.name, self.message, self.request_id = name, message, request_id


class RustVault:
    """The core itself, in a process of its own. Use as a context manager."""

    def __init__(self, config: Path, environment: dict[str, str] | None = None):
        self._process = subprocess.Popen(
            [probe(), str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=clean_environment() | (environment or {}),
        )

    @staticmethod
    def init(directory: Path) -> None:
        subprocess.run([probe(), "init", str(directory)], check=True, timeout=30)

    def __enter__(self) -> "RustVault":
        try:
            _bytes(self._answer())
        except Refused:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def encrypt(self, data: bytes, context: dict[str, str]) -> bytes:
        return self._call("encrypt", data, context)

    def decrypt(self, envelope: bytes, context: dict[str, str]) -> bytes:
        return self._call("decrypt", envelope, context)

    def together(self, threads: int, verb: str, data: bytes, context: dict[str, str]) -> list[bytes]:
        """The call on so many threads at once, and what each got."""
        return [_bytes(answer) for answer in self._ask({**_command(verb, data, context), "threads": threads})["all"]]

    def begin(self, threads: int, verb: str, data: bytes, context: dict[str, str]) -> None:
        """The call on so many threads, without waiting for it."""
        _bytes(self._ask({**_command(verb, data, context), "begin": threads}))

    def begun(self) -> tuple[int, list[str]]:
        """How many of the calls that were begun have no answer yet, and the outcomes of those that ended since this was last asked."""
        answer = self._ask({"do": "begun"})
        return answer["pending"], [ended.get("error", "ok") for ended in answer["all"]]

    def outcomes(self, count: int) -> list[str]:
        """Those of so many calls that were begun, once they have ended; fewer if that takes too long."""
        found, end = [], time.monotonic() + BEGUN_SECONDS
        while len(found) < count and time.monotonic() < end:
            found += self.begun()[1]
            time.sleep(0.02)
        return found

    def stats(self) -> dict[str, int]:
        return self._ask({"do": "stats"})["stats"]

    def _call(self, verb: str, data: bytes, context: dict[str, str]) -> bytes:
        return _bytes(self._ask(_command(verb, data, context)))

    def _ask(self, command: dict) -> dict:
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        return json.loads(self._process.stdout.readline())


class PythonVault:
    """The Python package."""

    def __init__(self, config: Path):
        import libvault

        self._library = libvault
        self._config = config

    @staticmethod
    def init(directory: Path) -> None:
        import libvault

        libvault.init(directory)

    def __enter__(self) -> "PythonVault":
        self._vault = self._translated(self._library.open, self._config)
        return self

    def __exit__(self, *_exception) -> None:
        self._vault.close()

    def encrypt(self, data: bytes, context: dict[str, str]) -> bytes:
        return self._translated(self._vault.encrypt, data, context)

    def decrypt(self, envelope: bytes, context: dict[str, str]) -> bytes:
        return self._translated(self._vault.decrypt, envelope, context)

    def _translated(self, call, *arguments):
        try:
            return call(*arguments)
        except self._library.VaultError as error:
            raise Refused(error.name, str(error), error.request_id) from None


def _command(verb: str, data: bytes, context: dict[str, str]) -> dict:
    return {"do": verb, "data": base64.b64encode(data).decode(), "context": context}


def _bytes(answer: dict) -> bytes:
    if "error" in answer:
        raise Refused(answer["error"], answer["message"], answer["request_id"])
    return base64.b64decode(answer["ok"])


def clean_environment() -> dict[str, str]:
    """Without the proxies and the identity in Azure of whoever runs the tests."""
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    kept = [name for name in list(os.environ) if name.upper() not in proxies and not name.startswith("AZURE_")]
    # pytest changes a variable of its own while threads are here.
    return {name: value for name in kept if (value := os.environ.get(name)) is not None}


def probe() -> Path:
    """The example, as LIBVAULT_KMS_PROBE names it or as cargo built it."""
    named = os.environ.get("LIBVAULT_KMS_PROBE")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    places = [Path(named)] if named else [target / profile / "examples" / "kms_probe" for profile in ("release", "debug")]
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError("cargo build --release --locked -p libvault-core -p libvault-ffi --example kms_probe")
