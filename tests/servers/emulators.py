"""Starts and stops the emulators of AWS that are installed from the package registry."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REGION = "eu-central-1"
ADMINISTRATOR = ("test", "test")
START_SECONDS = 30
STOP_SECONDS = 5
LIFETIME_SECONDS = 900

# The alarm survives exec: an emulator whose starter was killed ends by itself.
_BOUNDED = "import os, signal, sys; signal.alarm(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"


@dataclass(frozen=True)
class Emulator:
    """A running emulator. `administrator` may do everything; it stands for the customer's own administrator."""

    name: str
    port: int
    administrator: tuple[str, str]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def ministack(log: Path) -> Iterator[Emulator]:
    """MiniStack with signatures and IAM policies enforced. Without AUTH it would accept any credential."""
    access_key_id, secret_access_key = ADMINISTRATOR

    def start(port: int) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", "ministack"], {
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": access_key_id,
            "AWS_SECRET_ACCESS_KEY": secret_access_key,
            "BIND_HOST": "127.0.0.1",  # its default is every interface
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "SFTP_ENABLED": "0",  # no listener but the one above
            "IOT_MTLS_ENABLED": "0",
        }

    with _running("MiniStack", start, "/_ministack/health", log) as emulator:
        yield emulator


@contextmanager
def moto(log: Path) -> Iterator[Emulator]:
    """moto serves disabled keys and checks no credentials: fit for integrity and for negative controls only."""

    def start(port: int) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], {}

    with _running("moto", start, "/moto-api/", log) as emulator:
        yield emulator


@contextmanager
def _running(name, start, health_path: str, log: Path) -> Iterator[Emulator]:
    port = free_port()
    command, extra_environment = start(port)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | extra_environment
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _BOUNDED, str(LIFETIME_SECONDS), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only the starter, which then stops it in order
        )
    try:
        _wait_until_healthy(name, process, f"http://127.0.0.1:{port}{health_path}", log)
        yield Emulator(name, port, ADMINISTRATOR)
    finally:
        _stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_healthy(name: str, process: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"{name} did not start; its log ends with:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
