"""The servers do what the tests that stand on them rely on."""

import base64
import json

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from servers import AccessKey, CountingProxy, Customer, FaultyKms, ministack, moto
from servers.aws_accounts import client
from servers.faulty_kms import OTHER_KEY

NOBODY = AccessKey("nobody", "nothing")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with ministack(tmp_path_factory.mktemp("ministack") / "log.txt") as running:
        yield running


@pytest.fixture
def proxy(emulator, tmp_path):
    with CountingProxy(emulator.port, tmp_path / "kms.jsonl") as running:
        yield running


@pytest.fixture(scope="module")
def customer(emulator):
    customer = Customer(emulator)
    customer.create_key()
    return customer


@pytest.fixture(scope="module")
def vendor(customer):
    access_key = customer.create_vendor()
    customer.grant()
    return access_key


def test_the_proxy_keeps_signatures_valid_and_records_what_the_kms_was_asked(customer, vendor, proxy, tmp_path):
    kms, key = client("kms", proxy.endpoint, vendor), customer.key_arn
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"organization_id": "o"})["CiphertextBlob"]
    mark = proxy.mark()
    kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionContext={"organization_id": "o"})

    [seen] = proxy.since(mark)
    assert (seen.operation, seen.key_id, seen.answered_key_id, seen.status) == ("Decrypt", key, key, 200)
    assert seen.encryption_context == {"organization_id": "o"}
    assert (seen.access_key_id, seen.error) == (vendor.access_key_id, None)
    assert seen.request_id
    lines = [json.loads(line) for line in (tmp_path / "kms.jsonl").read_text().splitlines()]
    assert [line["operation"] for line in lines] == ["Encrypt", "Decrypt"]


def test_wrong_credentials_are_refused_behind_the_proxy(customer, vendor, proxy):
    wrong_secret = AccessKey(vendor.access_key_id, "wrong")
    for key, error in [(wrong_secret, "InvalidSignatureException"), (NOBODY, "UnrecognizedClientException")]:
        mark = proxy.mark()
        with pytest.raises(ClientError) as refused:
            client("kms", proxy.endpoint, key).encrypt(KeyId=customer.key_arn, Plaintext=b"x")
        assert refused.value.response["Error"]["Code"] == error
        [seen] = proxy.since(mark)
        assert (seen.operation, seen.error) == ("Encrypt", error)


def test_the_vendor_may_use_the_key_and_nothing_else(customer, vendor, emulator):
    kms = client("kms", emulator.endpoint, vendor)
    for forbidden in [lambda: kms.disable_key(KeyId=customer.key_arn), lambda: kms.list_keys()]:
        with pytest.raises(ClientError, match="AccessDenied"):
            forbidden()


def test_moto_serves_a_disabled_key_so_it_can_be_a_negative_control(tmp_path):
    with moto(tmp_path / "log.txt") as emulator:
        customer = Customer(emulator)
        key = customer.create_key()
        blob = client("kms", emulator.endpoint, NOBODY).encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        customer.disable_key()
        assert customer.decrypt(blob, {}) == b"x"


def answer_of(fault: str) -> str:
    """How an official client sees the fault: the AWS error type, the client's exception, or the key of the answer."""
    with FaultyKms(fault, plaintext=b"p" * 64) as kms:
        try:
            answer = client("kms", kms.endpoint, NOBODY).decrypt(KeyId="the-key", CiphertextBlob=base64.b64encode(b"blob"))
        except ClientError as error:
            return error.response["Error"]["Code"]
        except (BotoCoreError, ValueError) as error:
            return type(error).__name__
        return f"{answer['KeyId']} {answer.get('Plaintext')!r}" if "KeyId" in answer else "no key"


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("closed_port", "EndpointConnectionError"),
        ("throttled", "ThrottlingException"),
        ("access_denied", "AccessDeniedException"),
        ("disabled", "DisabledException"),
        ("pending_deletion", "KMSInvalidStateException"),
        ("not_found", "NotFoundException"),
        ("invalid_ciphertext", "InvalidCiphertextException"),
        ("internal_error", "500"),
        ("names_another_key", f"{OTHER_KEY} {b'p' * 64!r}"),
        ("wrong_plaintext", f"the-key {b'q' + b'p' * 63!r}"),
    ],
)
def test_an_official_client_sees_the_fault(fault, seen):
    assert answer_of(fault) == seen
