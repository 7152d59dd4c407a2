"""Provokes every code of the error table that can be reached through the command line, as tests/vectors/reachable.json says how.

Each code is told with its number, name and kind, and with the exit code of its kind; nothing is written.
"""
import contextlib
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from test_cli import EXIT_CODES, PROGRAM, ROOT, ROWS, SECONDS

sys.path.insert(0, str(ROOT / "tests"))
from servers.faulty_kms import FaultyKms  # noqa: E402

VECTORS = ROOT / "tests/vectors"
REACHABLE = {
    name: row
    for name, row in json.loads((VECTORS / "reachable.json").read_text(encoding="utf-8"))["codes"].items()
    if row["reachable"] and "cli" not in row.get("not_in", {})
}
CUSTOMER = "organization_id=org_123"
KEY_FILE = "libvault key file v1\n1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
AWS_KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class Workplace:
    """A directory with a vault, and configurations for it."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.run("init", "vault", expect=0)
        self.base = (directory / "vault/libvault.toml").read_text(encoding="utf-8")

    def run(self, *arguments: str, config: str | None = None, stdin: bytes = b"hello", expect: int | None = None, seconds: float = SECONDS):
        command = [PROGRAM, "--json", *arguments, *(["--config", config] if config else [])]
        done = subprocess.run(command, cwd=self.directory, input=stdin, capture_output=True, timeout=seconds)
        assert expect in (None, done.returncode), done.stderr.decode()
        return done

    def config(self, before: str = "", after: str = "") -> str:
        # Names before the first table belong to the top of the file.
        (self.directory / "vault/libvault.toml").write_text(before + self.base + after, encoding="utf-8")
        return "vault/libvault.toml"

    def key_file_binding(self, **changes: str) -> str:
        key = self.directory / "vault/org.key"
        key.write_text(KEY_FILE, encoding="utf-8")
        key.chmod(0o600)
        fields = {"id": "bnd_123", "owner": "org_123", "state": "active", **changes}
        lines = [f'{name} = "{value}"' for name, value in fields.items()]
        return "\n".join([
            "\n[[bindings]]", *lines, 'selector = { organization_id = "org_123" }',
            'keys = [{ id = "key_123", provider = "local", path = "org.key" }]\n',
        ])

    def aws_binding(self, endpoint: str) -> str:
        return f"""
[leases]
max_age = 0

[timeouts]
connect = 300
attempt = 400
total = 3000

[aws]
credentials = "static"
access_key_id = "AKIAEXAMPLE"
secret_access_key = "secret"
endpoint = "{endpoint}"

[development]
allow_endpoint = true

[[bindings]]
id = "bnd_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}
keys = [{{ id = "key_123", provider = "aws", arn = "{AWS_KEY}" }}]
"""

    def encrypt(self, config: str, context: str = CUSTOMER):
        return self.run("encrypt", "--context", context, "--output", "out", config=config)

    def decrypt(self, config: str, context: str, envelope: bytes):
        return self.run("decrypt", "--context", context, "--output", "out", config=config, stdin=envelope)

    def envelope(self, config: str, context: str = CUSTOMER) -> bytes:
        return self.run("encrypt", "--context", context, config=config, expect=0).stdout


def open_vector(place: Workplace, name: str):
    fixture = place.directory / "fixture"
    shutil.copytree(VECTORS / "fixture", fixture)
    for pattern in ("*.key", "*.db"):
        for secret in fixture.glob(pattern):
            secret.chmod(0o600)
    vectors = json.loads((VECTORS / "envelope.json").read_text(encoding="utf-8"))["vectors"]
    (vector,) = [vector for vector in vectors if vector["name"] == name]
    (place.directory / "context.json").write_text(json.dumps(vector["context"]), encoding="utf-8")
    arguments = ["decrypt", "--context-json", "context.json", "--output", "out"]
    return place.run(*arguments, config="fixture/libvault.toml", stdin=bytes.fromhex(vector["envelope_hex"]))


def invalid_context(place: Workplace):
    return place.run("encrypt", "--context-json", "-", "--input", "/dev/null", "--output", "out", config=place.config(), stdin=b"{}")


def unknown_context_name(place: Workplace):
    return place.encrypt(place.config(after=place.key_file_binding()), "organizationId=org_123")


def context_mismatch(place: Workplace):
    config = place.config()
    return place.decrypt(config, "user_id=u2", place.envelope(config, "user_id=u1"))


def malformed(place: Workplace):
    config = place.config()
    return place.decrypt(config, "user_id=u1", place.envelope(config, "user_id=u1")[:-20])


def unsupported_format(place: Workplace):
    return place.decrypt(place.config(), "user_id=u1", b"Dear customer")


def invalid_argument(place: Workplace):
    return place.run("decrypt", "--context", CUSTOMER, "--input", "missing", "--output", "out", config=place.config())


def no_matching_key(place: Workplace):
    return place.encrypt(place.config(before='fallback = "deny"\n'), "user_id=u1")


def downgrade_refused(place: Workplace):
    envelope = place.envelope(place.config(after=place.key_file_binding()))
    retired = place.config(after=place.key_file_binding(state="retired"))
    return place.run("rewrap", "--context", CUSTOMER, "--output", "out", config=retired, stdin=envelope)


def store_unavailable(place: Workplace):
    (place.directory / "vault/vault.db").write_bytes(b"this is not a database, not in the least")
    return place.encrypt(place.config(), "user_id=u1")


def audit_unavailable(place: Workplace):
    return place.encrypt(place.config(after='\n[audit]\nsink = "file"\npath = "/dev/full"\n'), "user_id=u1")


def authentication_failed(place: Workplace):
    config = place.config()
    envelope = place.envelope(config, "user_id=u1")
    return place.decrypt(config, "user_id=u1", envelope[:-1] + bytes([envelope[-1] ^ 1]))


def conflict(place: Workplace):
    return place.run("init", "vault")


def invalid_config(place: Workplace):
    return place.encrypt(place.config(before="colour = 1\n"))


def region_not_allowed(place: Workplace):
    return place.encrypt(place.config(before='allowed_regions = ["us-east-1"]\n', after=place.aws_binding("http://127.0.0.1:9")))


OWN_WAYS = {
    "RegionNotAllowed": region_not_allowed,
    "InvalidContext": invalid_context,
    "UnknownContextName": unknown_context_name,
    "ContextMismatch": context_mismatch,
    "Malformed": malformed,
    "UnsupportedFormat": unsupported_format,
    "InvalidArgument": invalid_argument,
    "NoMatchingKey": no_matching_key,
    "DowngradeRefused": downgrade_refused,
    "StoreUnavailable": store_unavailable,
    "AuditUnavailable": audit_unavailable,
    "AuthenticationFailed": authentication_failed,
    "Conflict": conflict,
    "InvalidConfig": invalid_config,
}


@pytest.mark.parametrize("name", REACHABLE)
def test_code(name, tmp_path):
    row, place = REACHABLE[name], Workplace(tmp_path)
    with contextlib.ExitStack() as opened:
        if "kms_fault" in row:
            kms = opened.enter_context(FaultyKms(row["kms_fault"]))
            done = place.encrypt(place.config(after=place.aws_binding(kms.endpoint)))
        elif "vector" in row:
            done = open_vector(place, row["vector"])
        elif name in OWN_WAYS:
            done = OWN_WAYS[name](place)
        else:
            done = place.encrypt(place.config(after=place.key_file_binding(**row["binding"])))
    described = json.loads(done.stderr.decode().splitlines()[-1])
    assert described.items() >= {field: ROWS[name][field] for field in ("code", "name", "kind", "retryable")}.items(), described
    assert done.returncode == EXIT_CODES[ROWS[name]["kind"]]
    assert done.stdout == b""
    assert not (tmp_path / "out").exists()


def test_a_time_limit_goes_before_the_configured_one(tmp_path):
    place = Workplace(tmp_path)
    with FaultyKms("never_answers") as kms:
        binding = place.aws_binding(kms.endpoint).replace("attempt = 400", "attempt = 60000").replace("total = 3000", "total = 60000")
        arguments = ["encrypt", "--context", CUSTOMER, "--timeout", "0.5", "--output", "out"]
        # Long before the configured 60 s, and with time to spare for a busy machine.
        done = place.run(*arguments, config=place.config(after=binding), seconds=SECONDS / 2)
    assert json.loads(done.stderr.decode().splitlines()[-1])["name"] == "Timeout"


def test_ctrl_c_ends_a_command_that_waits_for_a_kms(tmp_path):
    place = Workplace(tmp_path)
    with FaultyKms("never_answers") as kms:
        config = place.config(after=place.aws_binding(kms.endpoint).replace("attempt = 400", "attempt = 60000").replace("total = 3000", "total = 60000"))
        command = [PROGRAM, "encrypt", "--config", config, "--context", CUSTOMER, "--output", "out"]
        process = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + SECONDS
        while not kms.operations and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGINT
    assert [path.name for path in tmp_path.iterdir()] == ["vault"]


def test_the_commands_are_those_of_the_table_of_verbs():
    verbs = json.loads((VECTORS / "api.json").read_text(encoding="utf-8"))["verbs"]

    for name in {name for verb in verbs for name in verb.get("cli", [])}:
        words = name.split()
        command = [PROGRAM, "encrypt", "--help"] if name.startswith("--") else [PROGRAM, *words, "--help"]
        if name == "--version":
            command = [PROGRAM, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, name
        assert not name.startswith("--") or name in done.stdout, name
