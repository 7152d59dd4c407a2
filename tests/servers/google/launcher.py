"""Starts the server for a test, speaks to its admin API, and stops it by its own pid."""

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from select import select

START_SECONDS = 30
STOP_SECONDS = 5
_ROOT = Path(__file__).resolve().parents[3]


class AdminError(Exception):
    """The admin API refused."""


class GoogleServer:
    """Use as a context manager. The log of the process is `DIR/server.log`."""

    def __init__(self, directory: Path, *arguments: str):
        self.directory = directory
        self._arguments = arguments
        self._process: subprocess.Popen | None = None
        self.ready: dict = {}

    @property
    def endpoint(self) -> str:
        """Over TLS; clients have to trust `ca`."""
        return f"https://localhost:{self.ready['port']}"

    @property
    def http_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ready['http_port']}"

    @property
    def ca(self) -> Path:
        return Path(self.ready["ca"])

    def admin(self, call: str, /, **arguments) -> dict:
        """One call of the admin API, such as admin("rotate", name=KEY). Raises `AdminError`."""
        return self._ask(urllib.request.Request(f"{self._admin}/{call}", json.dumps(arguments).encode(), method="POST"))

    def log(self, key: str | None = None, operation: str | None = None, since: int = 0) -> list[dict]:
        """The requests that the server answered, in order: see request_log.py for the fields."""
        chosen = {"key": key, "operation": operation, "since": since}
        query = urllib.parse.urlencode({name: value for name, value in chosen.items() if value})
        return self._ask(urllib.request.Request(f"{self._admin}/log?{query}"))["requests"]

    def mark(self) -> int:
        """A place in the log, for `since`."""
        requests = self.log()
        return requests[-1]["sequence"] if requests else 0

    def __enter__(self) -> "GoogleServer":
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.google", "--state-dir", str(self.directory), *self._arguments],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches only the test, which then stops it in order
            )
        readable, _, _ = select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            self._stop()
            raise RuntimeError(f"the test server did not start; its log ends with:\n{log.read_text(errors='replace')[-2000:]}")
        self.ready = json.loads(line)
        return self

    def __exit__(self, *_exception) -> None:
        self._stop()

    @property
    def _admin(self) -> str:
        return f"http://127.0.0.1:{self.ready['admin_port']}"

    def _ask(self, request: urllib.request.Request) -> dict:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise AdminError(json.load(refusal).get("error")) from None

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
