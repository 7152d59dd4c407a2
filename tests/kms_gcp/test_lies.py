"""Answers that are not Google's: damaged, another key's, or meant to lead elsewhere. Nothing in them is used."""

import base64

import google_crc32c
import pytest

from .conftest import CONTEXT
from .lying_google import OVERSIZED, Answer, LyingGoogle
from .test_use_of_keys import DATA, refused

OTHER_KEY = "projects/other-project/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"


@pytest.fixture
def lying(server):
    with LyingGoogle(server.http_endpoint) as lying:
        yield lying


def setting(**fields):
    def lie(answer: Answer) -> None:
        answer.body.update(fields)

    return lie


def without(name: str):
    def lie(answer: Answer) -> None:
        answer.body.pop(name, None)

    return lie


def other_bytes(name: str):
    """Other bytes with their own right checksum."""

    def lie(answer: Answer) -> None:
        other = bytes(64)
        answer.body[name] = base64.b64encode(other).decode()
        answer.body[f"{name}Crc32c"] = str(google_crc32c.value(other))

    return lie


def redirect(answer: Answer) -> None:
    answer.status, answer.headers["Location"] = 307, "/elsewhere"


def oversized(answer: Answer) -> None:
    answer.body = b'{"name": "' + b"x" * OVERSIZED + b'"}'


def garbage(answer: Answer) -> None:
    answer.body = b"<html>"


ON_ENCRYPT = {
    "redirect": (redirect, "KmsUnavailable", 3),
    "another key's answer": (setting(name=OTHER_KEY), "AuthenticationFailed", 1),
    "no key named": (without("name"), "KmsUnavailable", 3),
    "plaintext not confirmed": (without("verifiedPlaintextCrc32c"), "KmsUnavailable", 3),
    "authenticated data not confirmed": (without("verifiedAdditionalAuthenticatedDataCrc32c"), "KmsUnavailable", 3),
    "plaintext damaged": (setting(verifiedPlaintextCrc32c=False), "KmsUnavailable", 3),
    "wrong checksum": (setting(ciphertextCrc32c="1"), "KmsUnavailable", 3),
    "no checksum": (without("ciphertextCrc32c"), "KmsUnavailable", 3),
    "oversized": (oversized, "KmsUnavailable", 3),
    "garbage": (garbage, "KmsUnavailable", 3),
}
ON_DECRYPT = {
    "redirect": (redirect, "KmsUnavailable", 3),
    "another plaintext": (other_bytes("plaintext"), "AuthenticationFailed", 1),
    "wrong checksum": (setting(plaintextCrc32c="1"), "KmsUnavailable", 3),
    "no checksum": (without("plaintextCrc32c"), "KmsUnavailable", 3),
    "no plaintext": (without("plaintext"), "KmsUnavailable", 3),
    "oversized": (oversized, "KmsUnavailable", 3),
    "garbage": (garbage, "KmsUnavailable", 3),
}


@pytest.mark.parametrize("case", ON_ENCRYPT)
def test_on_encrypt(work, lying, case):
    lie, name, asked = ON_ENCRYPT[case]
    with work.open(work.key(f"encrypt-{sorted(ON_ENCRYPT).index(case)}"), endpoint=lying.endpoint) as vault:
        vault.encrypt(DATA, CONTEXT)
        lying.lie = lie
        lying.paths.clear()
        assert refused(vault.encrypt, DATA, CONTEXT) == name
        assert len(lying.paths) == asked and "/elsewhere" not in lying.paths


@pytest.mark.parametrize("case", ON_DECRYPT)
def test_on_decrypt(work, lying, case):
    lie, name, asked = ON_DECRYPT[case]
    with work.open(work.key(f"decrypt-{sorted(ON_DECRYPT).index(case)}"), endpoint=lying.endpoint) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        lying.lie = lie
        lying.paths.clear()
        assert refused(vault.decrypt, envelope, CONTEXT) == name
        assert len(lying.paths) == asked and "/elsewhere" not in lying.paths
        lying.lie = None
        assert vault.decrypt(envelope, CONTEXT) == DATA
