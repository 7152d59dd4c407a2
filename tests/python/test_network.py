"""Calls that go to a KMS over the network: what an error carries, and that other threads run meanwhile.

The server is a thread of this process and refuses every request. It can answer only while the caller has released the interpreter.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import libvault
from conftest import MANAGED

CONTEXT = {"organization_id": "org_aws"}
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class Refusal(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"__type": "DisabledException", "message": f"{ARN} is disabled."}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", "request-17")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def at(configuration: dict[str, Any]) -> Callable[[str], libvault.Vault]:
    """Opens a vault whose context CONTEXT is bound to a key of AWS at an endpoint."""

    def open_at(endpoint: str) -> libvault.Vault:
        configuration["bindings"].append(
            {"id": "bnd_aws", "owner": "aws", "selector": CONTEXT, "keys": [{"id": "key_aws", "provider": "aws", "arn": ARN}]}
        )
        configuration["development"] = {"allow_endpoint": True}
        configuration["timeouts"] = {"connect": 2000, "attempt": 5000, "total": 10000}
        configuration["leases"] = {"max_age": 0}  # every call asks
        configuration["aws"] = {
            "credentials": "static",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY",
            "endpoint": endpoint,
        }
        return libvault.open(configuration)

    return open_at


def verbs(vault: libvault.Vault, size: int) -> list[Callable[[], object]]:
    output = bytearray(vault.encrypted_length_limit(size, CONTEXT))
    return [
        lambda: vault.encrypt(bytes(size), CONTEXT),
        lambda: vault.encrypt_into(bytes(size), CONTEXT, output),
        lambda: vault.create_data_key(CONTEXT),
    ]


@pytest.mark.parametrize("size", [64, 100_000])
def test_a_refusal_names_provider_key_operation_and_request(at: Callable[[str], libvault.Vault], endpoint: str, size: int) -> None:
    with at(endpoint) as vault:
        before = vault.stats()
        for verb in verbs(vault, size):
            with pytest.raises(libvault.KeyDisabled) as caught:
                verb()
            error = caught.value
            assert (error.provider, error.key_id, error.operation, error.request_id) == ("aws", "key_aws", "wrap", "request-17")
            assert not error.retryable
            for secret in ("wJalr", "org_aws"):
                assert secret not in str(error) + repr(error.__dict__)
        after = vault.stats()
        assert (after.root_key_uses, after.managed_wraps) == (before.root_key_uses, before.managed_wraps)
        assert after.kms_wraps - before.kms_wraps == 3
        assert vault.decrypt(vault.encrypt(b"data", MANAGED), MANAGED) == b"data"


def test_a_kms_that_is_not_there(at: Callable[[str], libvault.Vault]) -> None:
    with at("http://127.0.0.1:1") as vault:
        for verb in verbs(vault, 64):
            with pytest.raises(libvault.KmsUnavailable) as caught:
                verb()
            assert caught.value.retryable
            assert (caught.value.provider, caught.value.key_id) == ("aws", "key_aws")


def test_matching_calls_no_kms(at: Callable[[str], libvault.Vault]) -> None:
    with at("http://127.0.0.1:1") as vault:
        assert vault.match_context(CONTEXT).bindings[0].key_ids == ("key_aws",)


def test_threads_wait_for_a_kms_at_the_same_time(at: Callable[[str], libvault.Vault]) -> None:
    """Eight requests are answered only once all eight have arrived."""
    everybody = threading.Barrier(8)

    class Gathering(Refusal):
        def do_POST(self) -> None:
            everybody.wait(60)
            super().do_POST()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gathering)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    errors: list[str] = []

    def work(vault: libvault.Vault) -> None:
        try:
            vault.encrypt(b"data", CONTEXT)
        except libvault.VaultError as error:
            errors.append(error.name)

    try:
        with at(f"http://127.0.0.1:{server.server_port}") as vault:
            threads = [threading.Thread(target=work, args=(vault,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert errors == ["KeyDisabled"] * 8
