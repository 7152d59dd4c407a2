"""Whose credentials sign the requests: a profile that the configuration names wins over whatever the environment holds."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import libvault
import pytest

ENVIRONMENT_KEY, PROFILE_KEY = "AKIAENVIRONMENT00000", "AKIAPROFILE000000000"
ARN = "arn:aws:kms:eu-central-1:000000000000:key/11111111-1111-4111-8111-111111111111"
ASK = """
import sys, libvault
with libvault.open(sys.argv[1]) as vault:
    try:
        vault.encrypt(b"x", {"organization_id": "org_123"})
    except libvault.VaultError as error:
        print(error.name)
"""


@pytest.fixture
def signer() -> Iterator[tuple[str, list[str]]]:
    """An endpoint that refuses everything, and the access key ids that signed the requests."""
    seen: list[str] = []

    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(re.search(r"Credential=(\w+)/", self.headers["Authorization"])[1])
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("credentials", "expected"), [('"profile"\nprofile = "vendor"', PROFILE_KEY), ('"default"', ENVIRONMENT_KEY)]
)
def test_a_named_profile_wins_over_the_environment(
    tmp_path: Path, signer: tuple[str, list[str]], credentials: str, expected: str
) -> None:
    endpoint, seen = signer
    made = libvault.init(tmp_path / "vault")
    with Path(made.config).open("a", encoding="utf-8") as config:
        config.write(f"""
[aws]
credentials = {credentials}
endpoint = "{endpoint}"
[development]
allow_endpoint = true
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}
[[bindings.keys]]
id = "key"
provider = "aws"
arn = "{ARN}"
""")
    profiles = tmp_path / "credentials"
    profiles.write_text(f"[vendor]\naws_access_key_id = {PROFILE_KEY}\naws_secret_access_key = profile\n")
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": ENVIRONMENT_KEY,
        "AWS_SECRET_ACCESS_KEY": "environment",
        "AWS_SHARED_CREDENTIALS_FILE": str(profiles),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    asked = subprocess.run([sys.executable, "-c", ASK, made.config], env=environment, capture_output=True, text=True, timeout=60)
    assert asked.stdout.split() == ["AccessDenied"], asked.stderr
    assert set(seen) == {expected}
