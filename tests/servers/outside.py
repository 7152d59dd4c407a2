"""Starts other people's proxies, which `make test-all` installs (tools/assurance.mk)."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .emulators import free_port

_BUILD = Path(__file__).resolve().parents[2] / "build"
TOXIPROXY, MITMDUMP = _BUILD / "toxiproxy/server", _BUILD / "mitmproxy/bin/mitmdump"
START_SECONDS, STOP_SECONDS, LIFETIME_SECONDS = 60, 5, 900
# One upstream connection only when it is needed, names as they came, and certificates without asking the server for its own.
_SETTINGS = {"keep_host_header": "true", "ssl_insecure": "true", "upstream_cert": "false", "connection_strategy": "lazy", "http2": "false"}


@contextmanager
def toxiproxy(directory: Path) -> Iterator[int]:
    """The port of its control."""
    port = free_port()
    with _running([TOXIPROXY, "-host", "127.0.0.1", "-port", port], directory / "toxiproxy.log", [port], {}):
        yield port


@contextmanager
def mitmproxy(directory: Path, modes: Mapping[int, str], script: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """`modes` by the port where it listens: "regular", or such as "reverse:https://127.0.0.1:8443". Gives its authority's certificate."""
    command = [MITMDUMP, "--quiet", "--scripts", script]
    for name, value in (_SETTINGS | {"confdir": str(directory)}).items():
        command += ["--set", f"{name}={value}"]
    for port, mode in modes.items():
        command += ["--mode", f"{mode}@127.0.0.1:{port}"]
    with _running(command, directory / "mitmproxy.log", modes, environment):
        yield directory / "mitmproxy-ca-cert.pem"


@contextmanager
def _running(command: list, log: Path, ports: Mapping | list[int], environment: Mapping[str, str]) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["timeout", str(LIFETIME_SECONDS), *(str(part) for part in command)],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for port in ports:
            _wait_for(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"it did not start; its log ends with:\n{log.read_text(errors='replace')[-2000:]}")
