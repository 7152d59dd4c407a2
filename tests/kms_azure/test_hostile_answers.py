"""Answers that no honest vault gives, in ways that only a vault's have, and those that the real service gave, replayed. What all providers suffer is in the
fault matrix."""

import base64
import json
import pathlib

import pytest
from providers.envelopes import blob_of

from .harness import Deployment
from .scripted import TENANT, ScriptedVault

RECORDING = pathlib.Path(__file__).parents[1] / "servers/azure/recording/wrap-unwrap.json"
VERSION = "28896fb9ab14473abeb73705c3d86646"
IDENTITY = {
    "tenant_id": TENANT,
    "client_id": "11111111-2222-4333-8444-555555555555",
    "credentials": "client_secret",
    "client_secret": "a secret",
}


def encoded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def result(url, value, version=VERSION):
    return 200, {}, json.dumps({"kid": f"{url}/{version}", "value": encoded(value)}).encode()


@pytest.fixture
def vault(tmp_path):
    with ScriptedVault(tmp_path / "tls", "contoso.vault.azure.net") as running:
        yield running


@pytest.fixture
def url(vault):
    return f"https://{vault.host}/keys/cmk"


@pytest.fixture
def deployment(vault, url, tmp_path):
    return Deployment(tmp_path / "deployment", url, vault.endpoint, vault.ca).configure(IDENTITY)


def honest(url):
    """Encrypts by nothing at all: the plaintext, and zeros up to the length of an RSA ciphertext."""
    return lambda path, body: result(url, (decoded(body["value"]) + bytes(192))[: 256 if "/wrapkey" in path else 64])


def test_an_honest_answer_opens(vault, url, deployment):
    vault.answer = honest(url)
    envelope = deployment.encrypt(b"plain").output
    assert deployment.decrypt(envelope).output == b"plain"
    assert [path.split("?")[0] for path, _ in vault.seen] == ["/keys/cmk//wrapkey", f"/keys/cmk/{VERSION}/unwrapkey"]
    assert blob_of(envelope)[:16].hex() == VERSION


HOSTILE = {
    "redirect to itself": (lambda url: (307, {"Location": url}, b""), "KmsUnavailable"),
    "another vault": (lambda url: result("https://fabrikam.vault.azure.net/keys/cmk", bytes(64)), "AuthenticationFailed"),
    "an older answer": (lambda url: result(url, bytes(64)), "AuthenticationFailed"),
    "too short": (lambda url: result(url, bytes(63)), "AuthenticationFailed"),
    "oversized refusal": (lambda url: (403, {}, b"x" * 100_000), "KmsUnavailable"),
    "no value": (lambda url: (200, {}, b"{}"), "KmsUnavailable"),
    "refusal without a body": (lambda url: (403, {}, b""), "AccessDenied"),
    "deeply nested": (lambda url: (400, {}, b'{"error":' * 5000), "KmsUnavailable"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_to_unwrap(vault, url, deployment, name):
    vault.answer = honest(url)
    envelope = deployment.encrypt().output
    answer, error = HOSTILE[name]
    vault.answer = lambda path, body: answer(url)
    outcome = deployment.decrypt(envelope)
    assert outcome.error == error, outcome.message


@pytest.mark.parametrize(("name", "error"), [
    ("redirect to itself", "KmsUnavailable"),
    ("another vault", "AuthenticationFailed"),
    ("too short", "KmsUnavailable"),
])
def test_a_hostile_answer_to_wrap(vault, url, deployment, name, error):
    vault.answer = lambda path, body: HOSTILE[name][0](url)
    assert deployment.encrypt().error == error


def test_the_recording_of_the_real_service_replays(tmp_path):
    entries = json.loads(RECORDING.read_text(encoding="utf-8"))["entries"]
    wrapped = next(entry for entry in entries if entry["request"]["path"].endswith("/wrapkey"))
    unwrapped = next(entry for entry in entries if entry["request"]["path"].endswith("/unwrapkey"))
    url = wrapped["body"]["kid"]
    with ScriptedVault(tmp_path / "tls", url.split("/")[2]) as vault:
        deployment = Deployment(tmp_path / "deployment", url, vault.endpoint, vault.ca).configure(IDENTITY)

        def replay(path, body):
            entry = unwrapped if "/unwrapkey" in path else wrapped
            return entry["status"], entry["headers"], json.dumps(entry["body"]).encode()

        vault.answer = replay
        envelope = deployment.encrypt().output
        assert blob_of(envelope)[16:-16] == decoded(wrapped["body"]["value"])
        # What was recorded is 32 bytes long: nothing of ours.
        assert deployment.decrypt(envelope).error == "AuthenticationFailed"
        for (path, body), entry in zip(vault.seen, [wrapped, unwrapped], strict=True):
            assert path.split("?")[0] == entry["request"]["path"]
            assert body["alg"] == entry["request"]["body"]["alg"]
        assert vault.seen[1][1]["value"] == unwrapped["request"]["body"]["value"]
