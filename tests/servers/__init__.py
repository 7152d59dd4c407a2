"""Servers that the tests and the demo run against, all on 127.0.0.1, bounded in time, stopped by their own pid.

MiniStack and moto are other people's emulators of AWS; the counting proxy only watches; `FaultyKms` is ours and is broken on
purpose, and no test takes it for a KMS that works. `HonestKms` is ours too: it answers when the test lets it. `servers.azure` and
`servers.google` are ours as well, and stand for Azure Key Vault with Entra ID and for Google Cloud KMS.
"""

from .aws_accounts import AccessKey, Customer
from .counting_proxy import CountingProxy, KmsRequest
from .crowd import Crowd
from .emulators import REGION, Emulator, ministack, moto
from .faulty_kms import FAULTS, FaultyKms
from .honest_kms import HonestKms

__all__ = [
    "FAULTS",
    "REGION",
    "AccessKey",
    "CountingProxy",
    "Crowd",
    "Customer",
    "Emulator",
    "FaultyKms",
    "HonestKms",
    "KmsRequest",
    "ministack",
    "moto",
]
