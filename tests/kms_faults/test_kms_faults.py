"""Whatever the customer's KMS does, the operation fails with its own error, makes no output and touches no managed key.

The faults are in `servers/faulty_kms.py`; the real refusals come from MiniStack, which checks signatures, policies and key states.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import libvault
import pytest
from providers.envelopes import blob_of

from servers import FAULTS, AccessKey, CountingProxy, Customer, FaultyKms, ministack

from .harness import CONTEXT, Workplace

PLAINTEXT = b"a record of the customer"
LONGEST_SECONDS = 30  # a bound against hanging, far above the configured deadlines; not a measurement
CODES = {
    "KeyNotFound": 301,
    "KeyDisabled": 302,
    "KeyPendingDeletion": 303,
    "AccessDenied": 304,
    "Throttled": 401,
    "KmsUnavailable": 402,
    "Timeout": 403,
    "AuthenticationFailed": 501,
}

# Fault → the error of encrypt, the error of decrypt. None: the fault does not touch that operation.
EXPECTED: dict[str, tuple[str | None, str | None]] = {
    "closed_port": ("KmsUnavailable", "KmsUnavailable"),
    "never_answers": ("Timeout", "Timeout"),
    "trickles": ("Timeout", "Timeout"),
    "resets": ("KmsUnavailable", "KmsUnavailable"),
    "endless_body": ("KmsUnavailable", "KmsUnavailable"),
    "garbage": ("KmsUnavailable", "KmsUnavailable"),
    "not_http": ("KmsUnavailable", "KmsUnavailable"),
    "empty_body": ("KmsUnavailable", "KmsUnavailable"),
    "truncated_body": ("KmsUnavailable", "KmsUnavailable"),
    "wrong_shape": ("KmsUnavailable", "KmsUnavailable"),
    "missing_fields": ("KmsUnavailable", "KmsUnavailable"),
    "redirects": ("KmsUnavailable", "KmsUnavailable"),
    "internal_error": ("KmsUnavailable", "KmsUnavailable"),
    "service_unavailable": ("KmsUnavailable", "KmsUnavailable"),
    "names_another_key": ("AuthenticationFailed", "AuthenticationFailed"),
    "wrong_plaintext": (None, "AuthenticationFailed"),
    "short_plaintext": (None, "AuthenticationFailed"),
    "empty_ciphertext": ("KmsUnavailable", None),
    "oversized_ciphertext": ("KmsUnavailable", None),
    "largest_ciphertext": (None, None),  # allowed by itself: see test_limits.py
    "throttled": ("Throttled", "Throttled"),
    "access_denied": ("AccessDenied", "AccessDenied"),
    "unknown_credentials": ("AccessDenied", "AccessDenied"),
    "invalid_signature": ("AccessDenied", "AccessDenied"),
    "expired_token": ("AccessDenied", "AccessDenied"),
    # AWS answers either exception for a key that waits for deletion (developer guide, "Key states of AWS KMS keys", notes 2 and 3).
    "disabled": ("KeyDisabled", "KeyDisabled"),
    "disabled_pending_deletion": ("KeyPendingDeletion", "KeyPendingDeletion"),
    "pending_deletion": ("KeyPendingDeletion", "KeyPendingDeletion"),
    "pending_replica_deletion": ("KeyPendingDeletion", "KeyPendingDeletion"),
    # The customer deleted the imported material, or disconnected the key store: deliberate, so a refusal and no outage.
    "pending_import": ("KeyDisabled", "KeyDisabled"),
    "key_store_disconnected": ("KeyDisabled", "KeyDisabled"),
    "replica_creating": ("KmsUnavailable", "KmsUnavailable"),
    "not_found": ("KeyNotFound", "KeyNotFound"),
    "invalid_ciphertext": (None, "AuthenticationFailed"),
    "incorrect_key": (None, "AuthenticationFailed"),
    "key_unavailable": ("KmsUnavailable", "KmsUnavailable"),
    "dependency_timeout": ("Timeout", "Timeout"),
    "unheard_of_error": ("KmsUnavailable", "KmsUnavailable"),
    # Whatever a KMS calls it, status 403 says no: taken for an outage it would lead on to the next key.
    "unheard_of_refusal": ("AccessDenied", "AccessDenied"),
}

CASES = {
    (fault, operation): name
    for fault, names in EXPECTED.items()
    for operation, name in zip(("Encrypt", "Decrypt"), names, strict=True)
    if name is not None
}

Call = Callable[[libvault.Vault], bytes]


@dataclass(frozen=True)
class Scene:
    """A customer at MiniStack, a vendor, and one envelope that was made while all was well."""

    customer: Customer
    vendor: AccessKey
    proxy: CountingProxy
    workplace: Workplace
    envelope: bytes
    wrapped: bytes  # the 64 bytes inside the envelope's wrap, read at the KMS without libvault

    @property
    def calls(self) -> dict[str, Call]:
        """By the operation of the KMS that they need."""
        return {
            "Encrypt": lambda vault: vault.encrypt(PLAINTEXT, CONTEXT),
            "Decrypt": lambda vault: vault.decrypt(self.envelope, CONTEXT),
        }


@dataclass(frozen=True)
class Observation:
    """What became of one call: the error, or the output, and which of the vendor's own keys moved."""

    error: libvault.VaultError | None
    output: bytes | None
    vendor_key_uses: int  # of the root key and of managed keys, by the vault's counters
    managed_keys: int  # in the store, read without libvault
    seconds: float


def observe(workplace: Workplace, vault: libvault.Vault, call: Call) -> Observation:
    before, started = vault.stats(), time.monotonic()
    error = output = None
    try:
        output = call(vault)
    except libvault.VaultError as caught:
        error = caught
    seconds, after = time.monotonic() - started, vault.stats()
    uses = sum(getattr(after, name) - getattr(before, name) for name in ("root_key_uses", "managed_wraps", "managed_unwraps"))
    return Observation(error, output, uses, workplace.managed_keys(), seconds)


def expect_refusal(observed: Observation, name: str) -> None:
    """The exact error, no output, and no key of the vendor in its place."""
    assert observed.output is None, "the operation succeeded"
    assert (observed.error.name, observed.error.code) == (name, CODES[name]), str(observed.error)
    assert observed.vendor_key_uses == 0
    assert observed.managed_keys == 0
    assert observed.seconds < LONGEST_SECONDS


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("kms-faults")
    with ministack(directory / "ministack.log") as emulator, CountingProxy(emulator.port) as proxy:
        customer = Customer(emulator)
        key_arn = customer.create_key()
        vendor = customer.create_vendor()
        customer.grant()
        workplace = Workplace(directory / "vault", key_arn)
        with workplace.open(proxy.endpoint, vendor) as vault:
            envelope = vault.encrypt(PLAINTEXT, CONTEXT)
            assert vault.decrypt(envelope, CONTEXT) == PLAINTEXT
        [encryption] = [request for request in proxy.since(0) if request.operation == "Encrypt"]
        wrapped = customer.decrypt(blob_of(envelope), encryption.encryption_context)
        yield Scene(customer, vendor, proxy, workplace, envelope, wrapped)


@pytest.fixture(scope="module")
def faults(scene):
    """Every fault on every operation, side by side, since most of the time is spent waiting for deadlines and retries."""

    def suffer(fault: str, operation: str) -> tuple[Observation, list[str]]:
        with FaultyKms(fault, scene.wrapped) as kms, scene.workplace.open(kms.endpoint, scene.vendor) as vault:
            return observe(scene.workplace, vault, scene.calls[operation]), kms.operations

    with ThreadPoolExecutor(16) as pool:
        return {case: pool.submit(suffer, *case) for case in CASES}


def test_every_fault_has_an_expectation():
    assert EXPECTED.keys() == FAULTS.keys()


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_fault(faults, case):
    fault, operation = case
    observed, asked = faults[case].result()
    expect_refusal(observed, CASES[case])
    assert set(asked) == (set() if fault == "closed_port" else {operation})


def test_the_right_answer_of_the_faulty_kms_would_have_been_accepted(scene):
    """So that the faults fail for the fault and not for the way our endpoint speaks: these two spoil the other operation only."""
    with FaultyKms("empty_ciphertext", scene.wrapped) as kms, scene.workplace.open(kms.endpoint, scene.vendor) as vault:
        assert vault.decrypt(scene.envelope, CONTEXT) == PLAINTEXT
    with FaultyKms("wrong_plaintext") as kms, scene.workplace.open(kms.endpoint, scene.vendor) as vault:
        assert vault.encrypt(PLAINTEXT, CONTEXT)


@pytest.mark.parametrize(
    ("revoke", "restore", "name"),
    [
        (Customer.disable_key, Customer.enable_key, "KeyDisabled"),
        (Customer.schedule_deletion, Customer.cancel_deletion, "KeyPendingDeletion"),
        (Customer.withdraw, Customer.grant, "AccessDenied"),
    ],
)
def test_what_the_customer_revokes_at_the_kms(scene, revoke, restore, name):
    with scene.workplace.open(scene.proxy.endpoint, scene.vendor) as vault:
        revoke(scene.customer)
        try:
            for call in scene.calls.values():
                mark = scene.proxy.mark()
                observed = observe(scene.workplace, vault, call)
                expect_refusal(observed, name)
                [request] = scene.proxy.since(mark)  # one: a refusal is not asked for again
                assert request.key_id == scene.customer.key_arn
                assert (observed.error.provider, observed.error.key_id) == ("aws", "key_org_123")
                assert observed.error.request_id == request.request_id
        finally:
            restore(scene.customer)
        assert vault.decrypt(scene.envelope, CONTEXT) == PLAINTEXT


@pytest.mark.parametrize("key", ["wrong secret", "unknown access key"])
def test_credentials_that_the_kms_does_not_accept(scene, key):
    wrong = AccessKey(scene.vendor.access_key_id if key == "wrong secret" else "AKIAIOSFODNN7EXAMPLE", "not-the-secret")
    with scene.workplace.open(scene.proxy.endpoint, wrong) as vault:
        for call in scene.calls.values():
            expect_refusal(observe(scene.workplace, vault, call), "AccessDenied")


@pytest.mark.parametrize(("key", "name"), [("never_imported", "KeyDisabled"), ("never_existed", "KeyNotFound")])
def test_keys_that_cannot_encrypt(scene, key, name):
    arn = scene.customer.key_arn.rpartition("/")[0] + "/00000000-0000-4000-8000-000000000000"
    if key == "never_imported":
        arn = scene.customer.create_key_without_material()
    scene.customer.grant(scene.customer.key_arn, arn)
    with scene.workplace.open(scene.proxy.endpoint, scene.vendor, key_arn=arn, key_id=key) as vault:
        expect_refusal(observe(scene.workplace, vault, scene.calls["Encrypt"]), name)
