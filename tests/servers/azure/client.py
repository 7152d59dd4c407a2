"""Starts the server for a test, and asks its administration."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

STOP_SECONDS = 5
LIFETIME_SECONDS = 900
_TESTS = Path(__file__).parents[2]
# The alarm survives exec: a server whose starter was killed ends by itself.
_BOUNDED = "import os, signal, sys; signal.alarm(int(sys.argv[1])); os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"


class AzureServer:
    """A running server. `ca` is the certificate to trust; `proxy` the URL of a proxy through which its host names lead to it."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.tls_port: int = ready["tls_port"]
        self.metadata_port: int = ready["metadata_port"]
        self.proxy = f"http://127.0.0.1:{ready['proxy_port']}"
        self.ca: str = ready["ca"]
        self._administration = f"http://127.0.0.1:{ready['admin_port']}"

    @staticmethod
    @contextlib.contextmanager
    def run(directory: Path) -> Iterator["AzureServer"]:
        """Runs a server with its files in the directory, and stops it at the end."""
        directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", _BOUNDED, str(LIFETIME_SECONDS), "-m", "servers.azure", "--state-dir", str(directory)]
        with (directory / "stderr.txt").open("wb") as errors:
            process = subprocess.Popen(
                command, cwd=_TESTS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if not ready:
                raise RuntimeError(f"the server did not start:\n{(directory / 'stderr.txt').read_text(errors='replace')[-2000:]}")
            yield AzureServer(json.loads(ready))
        finally:
            _stop(process)

    def admin(self, method: str, path: str, **body: Any) -> Any:
        """Asks the administration; an error of it is a `RuntimeError`."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._administration + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with _without_proxy.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def key(self, vault: str, name: str, action: str, **body: Any) -> Any:
        """Does something to a key as its administrator: `create`, `disable`, `enable`, `update`, `rotate`, `delete`, `recover`, `purge`."""
        return self.admin("POST", f"/vaults/{vault}/keys/{name}/{action}", **body)

    def mark(self) -> int:
        """A point in the log of requests; see `requests`."""
        return self.admin("GET", "/requests?since=999999999")["next"]

    def requests(self, since: int = 0, **fields: str | int) -> list[dict[str, Any]]:
        """The requests that the server saw since a mark, in order, whose fields have these values."""
        return self.admin("GET", "/requests?" + urlencode({"since": since, **fields}))["requests"]

    def environment(self) -> dict[str, str]:
        """The environment in which an unchanged client of any language reaches the server by the names of the real services."""
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
        inherited = {name: value for name, value in os.environ.items() if name.upper() not in proxies and not name.startswith("AZURE_")}
        trust = {name: self.ca for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")}
        return inherited | {"HTTPS_PROXY": self.proxy, "https_proxy": self.proxy} | trust


# Loopback is never reached through a proxy of the machine.
_without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
