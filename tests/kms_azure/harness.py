"""The core with a binding of org_123 to a key in Azure, as a deployment has it: one configuration, one process an operation."""

import base64
import json
import pathlib
import subprocess
from dataclasses import dataclass

from providers.drivers import RustVault, clean_environment, probe

CONTEXT = {"organization_id": "org_123"}
# Room for a retry, but not for many.
TIMEOUTS = "[timeouts]\nconnect = 2000\nattempt = 4000\ntotal = 8000\n"
_SECONDS = 60


@dataclass(frozen=True)
class Outcome:
    """What an operation gave, or the name of its error."""

    output: bytes
    error: str | None = None
    message: str = ""
    request_id: str | None = None


class Deployment:
    """A directory with a vault and its configuration, made anew from these parts by `configure`."""

    def __init__(self, directory: pathlib.Path, url: str, endpoint: str | None, ca: str):
        self.directory, self.url, self.endpoint, self.ca = directory, url, endpoint, ca
        directory.mkdir(parents=True)
        RustVault.init(directory / "vault")
        self._base = (directory / "vault/libvault.toml").read_text(encoding="utf-8")

    def configure(self, identity: dict[str, str], top: str = "", binding: str = "", key: str = "", network: str = "") -> "Deployment":
        lines = [f"{name} = {json.dumps(value)}" for name, value in identity.items()]
        if self.endpoint is not None:
            lines.append(f'endpoint = "{self.endpoint}"')
        text = f"""{top}
{self._base}
{TIMEOUTS}
[leases]
max_age = 0
[network]
ca_bundle = {json.dumps(self.ca)}
{network}
[development]
allow_endpoint = true
[azure]
{chr(10).join(lines)}
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}
{binding}
[[bindings.keys]]
id = "key_org_123"
provider = "azure"
url = "{self.url}"
{key}
"""
        (self.directory / "vault/libvault.toml").write_text(text, encoding="utf-8")
        return self

    def encrypt(self, plaintext: bytes = b"hello", **environment: str) -> Outcome:
        return self._run("encrypt", plaintext, environment)

    def decrypt(self, envelope: bytes, **environment: str) -> Outcome:
        return self._run("decrypt", envelope, environment)

    def _run(self, verb: str, given: bytes, environment: dict[str, str]) -> Outcome:
        command = json.dumps({"do": verb, "data": base64.b64encode(given).decode(), "context": CONTEXT})
        done = subprocess.run(
            [probe(), "vault/libvault.toml"], cwd=self.directory, input=command + "\n", capture_output=True, text=True, timeout=_SECONDS,
            env=clean_environment() | environment, check=True,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
        if "error" in answer:
            return Outcome(b"", answer["error"], answer["message"], answer["request_id"])
        return Outcome(base64.b64decode(answer["ok"]))
