"""Where a machine of AWS finds the credentials of its role: the metadata service of EC2 (version 2), and the agents of ECS and of EKS Pod Identity.

It is ours and not AWS's. The credentials are a session of the role at the emulator, so that they work there. One server plays all three, told
apart by the path.
"""

import json
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .counting_proxy import POLL_SECONDS

EC2, ECS, EKS = "169.254.169.254", "169.254.170.2", "169.254.170.23"
ECS_PATH, EKS_PATH = "/v2/credentials/b0d2", "/v1/credentials"
EC2_TOKEN, EC2_ROLES, EC2_ROLE = "/latest/api/token", "/latest/meta-data/iam/security-credentials/", "the-role"


@dataclass
class AwsMachine:
    """Use as a context manager. `session` is what STS gave for the role, None for a machine without one; `asked` are requests and their statuses."""

    session: dict | None
    failures: list[int] = field(default_factory=list)  # statuses of the next answers
    asked: list[tuple[str, int]] = field(default_factory=list)
    pod_token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def meanings(self) -> dict[str, str]:
        """For `Names`."""
        return {address: f"{address}:{self.port}" for address in (EC2, ECS, EKS)}

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        if self.failures:
            return self.failures.pop(0), ""
        if path == ECS_PATH and method == "GET":
            return self._credentials()
        if path == EKS_PATH and method == "GET":
            return self._credentials() if headers.get("authorization") == self.pod_token else (401, "")
        if path == EC2_TOKEN and method == "PUT":
            return (200, self._ec2_token) if "x-aws-ec2-metadata-token-ttl-seconds" in headers else (400, "")
        if headers.get("x-aws-ec2-metadata-token") != self._ec2_token:
            return 401, ""
        if path.startswith(EC2_ROLES) and self.session:
            role = path.removeprefix(EC2_ROLES)
            if role == EC2_ROLE:
                return self._credentials({"Code": "Success", "Type": "AWS-HMAC"})
            return (404, "") if role else (200, EC2_ROLE)
        return 404, ""

    def _credentials(self, more: dict[str, str] | None = None) -> tuple[int, str]:
        if self.session is None:
            return 404, ""
        ends: datetime = self.session["Expiration"]
        named = {"AccessKeyId": "AccessKeyId", "SecretAccessKey": "SecretAccessKey", "SessionToken": "Token"}
        answer = {to: self.session[name] for name, to in named.items()}
        return 200, json.dumps(answer | {"Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")} | (more or {}))

    def __enter__(self) -> "AwsMachine":
        self._ec2_token = secrets.token_hex(16)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"machine": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), name="aws-machine", daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    machine: AwsMachine

    def _answer(self) -> None:
        status, text = self.machine.answer(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        self.machine.asked.append((f"{self.command} {self.path}", status))
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if self.path == EC2_TOKEN:
            self.send_header("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = _answer

    def log_message(self, *_arguments) -> None:
        """Nothing is printed."""
