"""AWS KMS, as MiniStack and moto have it. What each is good for: `servers/emulators.py`."""

import copy
import json
import ssl
from importlib.metadata import version
from pathlib import Path

from servers import AccessKey, Customer, Emulator
from servers.certificates import make_certificates
from servers.emulators import REGION
from servers.faulty_proxy import Exchange, FaultyProxy, Upstream

from .contract import CustomerKey, KeyServer, KmsCall, NotOffered, Way

OTHER_REGION = "us-east-1"
_PACKAGES = {"MiniStack": "ministack", "moto": "moto"}


class AwsServer(KeyServer):
    provider = "aws"
    _tls: ssl.SSLContext | None = None

    def __init__(self, emulator: Emulator):
        self.name, self.version = emulator.name, version(_PACKAGES[emulator.name])
        self._emulator, self._customer = emulator, Customer(emulator)
        self._vendor: AccessKey = self._customer.create_vendor()
        self.vendor = self._vendor.access_key_id
        # For the default chain.
        self.environment = {"AWS_ACCESS_KEY_ID": self.vendor, "AWS_SECRET_ACCESS_KEY": self._vendor.secret_access_key}
        self.secrets = (self._vendor.secret_access_key, self._vendor.access_key_id)

    def identity(self, way: Way) -> str:
        return f"""
[aws]
credentials = "static"
access_key_id = "{self._vendor.access_key_id}"
secret_access_key = "{self._vendor.secret_access_key}"
{way.endpoint_line}
"""

    def key(self, region: str = REGION) -> "AwsKey":
        return AwsKey(self._customer.another(region), rotates=self.name == "moto", region=region)

    def unknown_key(self) -> "AwsKey":
        key = self.key()
        key.arn = key.arn.rpartition("/")[0] + "/00000000-0000-4000-8000-000000000000"
        key.customer.grant(key.arn)
        return key

    def network(self, address: str = "127.0.0.1") -> FaultyProxy:
        return FaultyProxy(Upstream(self._emulator.port), self._tls, address)

    def by_name(self, directory: Path) -> "AwsServer":
        other = copy.copy(self)
        names = [f"kms.{region}.amazonaws.com" for region in (REGION, OTHER_REGION)]
        other.ca, other._tls = make_certificates(directory, "in front of an emulator, not AWS", names)
        return other

    def call(self, exchange: Exchange) -> KmsCall | None:
        operation = exchange.headers.get("x-amz-target", "").removeprefix("TrentService.")
        reply = exchange.reply
        return KmsCall(operation.lower(), reply and reply.status, None, reply and reply.header("x-amzn-requestid"))


class AwsKey(CustomerKey):
    def __init__(self, customer: Customer, rotates: bool, region: str):
        self.customer, self.arn, self._rotates, self.region = customer, customer.key_arn, rotates, region
        self.host = f"kms.{region}.amazonaws.com"
        self.grant()

    @property
    def address(self) -> str:
        return self.arn

    @property
    def toml(self) -> str:
        return f'provider = "aws"\narn = "{self.arn}"\n'

    def disable(self) -> None:
        self.customer.disable_key()

    def enable(self) -> None:
        self.customer.enable_key()

    def schedule_deletion(self) -> None:
        self.customer.schedule_deletion()

    def cancel_deletion(self) -> None:
        self.customer.cancel_deletion()

    def deny(self) -> None:
        self.customer.withdraw()

    def grant(self) -> None:
        self.customer.grant()

    def rotate(self) -> None:
        if not self._rotates:
            raise NotOffered("it does not know RotateKeyOnDemand")
        self.customer.rotate()

    def is_meant_by(self, exchange: Exchange) -> bool:
        return json.loads(exchange.body).get("KeyId") == self.arn
