"""The two parties at an emulator: the customer, who administers the key, and the vendor, who may only use it."""

import copy
import json
from dataclasses import dataclass

import boto3
from botocore.config import Config

from .emulators import REGION, Emulator

VENDOR_USER = "saas-vendor"


@dataclass(frozen=True)
class AccessKey:
    """What a program signs its requests with."""

    access_key_id: str
    secret_access_key: str


class Customer:
    """The customer's administrator, who speaks to the emulator itself and not through the counting proxy."""

    def __init__(self, emulator: Emulator):
        self._emulator = emulator
        self._kms = client("kms", emulator.endpoint, AccessKey(*emulator.administrator))
        self._iam = client("iam", emulator.endpoint, AccessKey(*emulator.administrator))
        self._key_id = ""
        self.key_arn = ""

    def create_key(self) -> str:
        """A new symmetric key; the other methods then act on it."""
        metadata = self._kms.create_key(Description="the customer's key for the vendor")["KeyMetadata"]
        self._key_id, self.key_arn = metadata["KeyId"], metadata["Arn"]
        return self.key_arn

    def another(self, region: str = REGION) -> "Customer":
        """The same administrator with a new key of its own."""
        other = copy.copy(self)
        if region != REGION:
            other._kms = client("kms", self._emulator.endpoint, AccessKey(*self._emulator.administrator), region)
        other.create_key()
        return other

    def create_key_without_material(self) -> str:
        """A key whose material was never imported: its state is PendingImport."""
        return self._kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["Arn"]

    def create_vendor(self) -> AccessKey:
        """A user without any permission yet. Not the administrator: MiniStack does not check that one's signature."""
        self._iam.create_user(UserName=VENDOR_USER)
        created = self._iam.create_access_key(UserName=VENDOR_USER)["AccessKey"]
        return AccessKey(created["AccessKeyId"], created["SecretAccessKey"])

    def grant(self, *key_arns: str) -> None:
        """Lets the vendor encrypt and decrypt with the key (or the named keys), and nothing else."""
        statement = {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": list(key_arns or [self.key_arn])}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.put_user_policy(UserName=VENDOR_USER, PolicyName=self._policy, PolicyDocument=policy)

    def withdraw(self) -> None:
        """Takes the vendor's permission away."""
        self._iam.delete_user_policy(UserName=VENDOR_USER, PolicyName=self._policy)

    @property
    def _policy(self) -> str:
        return f"use-{self._key_id}"

    # moto knows keys by their bare id only in the following calls.

    def disable_key(self) -> None:
        self._kms.disable_key(KeyId=self._key_id)

    def enable_key(self) -> None:
        self._kms.enable_key(KeyId=self._key_id)

    def schedule_deletion(self) -> None:
        self._kms.schedule_key_deletion(KeyId=self._key_id, PendingWindowInDays=7)

    def cancel_deletion(self) -> None:
        """As at AWS the key is disabled afterwards, so it is enabled too."""
        self._kms.cancel_key_deletion(KeyId=self._key_id)
        self.enable_key()

    def rotate(self) -> None:
        """New material under the same key. MiniStack does not know this."""
        self._kms.rotate_key_on_demand(KeyId=self._key_id)

    def decrypt(self, ciphertext: bytes, encryption_context: dict[str, str]) -> bytes:
        """What the KMS holds for a wrap, read without libvault."""
        answer = self._kms.decrypt(KeyId=self.key_arn, CiphertextBlob=ciphertext, EncryptionContext=encryption_context)
        return answer["Plaintext"]


def client(service: str, endpoint: str, key: AccessKey, region: str = REGION):
    """The official client of Python, without retries, so that one call is one request."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )
