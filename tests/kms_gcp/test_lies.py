"""Answers that are not Google's, in ways that only Google's have: nothing in them is used. What all providers suffer is in the fault matrix."""

import base64
import json
from collections.abc import Callable

import google_crc32c
import pytest
from servers.faulty_proxy import FaultyProxy, Reply, Upstream, honest

from .conftest import CONTEXT
from .test_use_of_keys import DATA, refused


@pytest.fixture
def between(server):
    with FaultyProxy(Upstream(server.ready["http_port"])) as proxy:
        yield proxy


def changed(change: Callable[[dict], None]):
    def lie(reply: Reply) -> Reply:
        body = json.loads(reply.body)
        change(body)
        return reply.but(body=json.dumps(body).encode())

    return honest(lie)


def setting(**fields):
    return changed(lambda body: body.update(fields))


def without(name: str):
    return changed(lambda body: body.pop(name, None))


def other_bytes(name: str):
    """Other bytes with their own right checksum."""
    other = bytes(64)
    return setting(**{name: base64.b64encode(other).decode(), f"{name}Crc32c": str(google_crc32c.value(other))})


ON_ENCRYPT = {
    "no key named": (without("name"), "KmsUnavailable", 3),
    "plaintext not confirmed": (without("verifiedPlaintextCrc32c"), "KmsUnavailable", 3),
    "authenticated data not confirmed": (without("verifiedAdditionalAuthenticatedDataCrc32c"), "KmsUnavailable", 3),
    "plaintext damaged": (setting(verifiedPlaintextCrc32c=False), "KmsUnavailable", 3),
    "no checksum": (without("ciphertextCrc32c"), "KmsUnavailable", 3),
}
ON_DECRYPT = {
    "another plaintext": (other_bytes("plaintext"), "AuthenticationFailed", 1),
    "no checksum": (without("plaintextCrc32c"), "KmsUnavailable", 3),
    "no plaintext": (without("plaintext"), "KmsUnavailable", 3),
}


@pytest.mark.parametrize("case", ON_ENCRYPT)
def test_on_encrypt(work, between, case):
    lie, name, asked = ON_ENCRYPT[case]
    with work.open(work.key(f"encrypt-{sorted(ON_ENCRYPT).index(case)}"), endpoint=between.endpoint) as vault:
        vault.encrypt(DATA, CONTEXT)
        between.spoil(lie)
        mark = between.mark()
        assert refused(vault.encrypt, DATA, CONTEXT) == name
        assert len(between.exchanges[mark:]) == asked


@pytest.mark.parametrize("case", ON_DECRYPT)
def test_on_decrypt(work, between, case):
    lie, name, asked = ON_DECRYPT[case]
    with work.open(work.key(f"decrypt-{sorted(ON_DECRYPT).index(case)}"), endpoint=between.endpoint) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        between.spoil(lie)
        mark = between.mark()
        assert refused(vault.decrypt, envelope, CONTEXT) == name
        assert len(between.exchanges[mark:]) == asked
        between.spoil(None)
        assert vault.decrypt(envelope, CONTEXT) == DATA
