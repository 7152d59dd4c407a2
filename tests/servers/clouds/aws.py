"""AWS KMS, played by an emulator of others, with the counting proxy in front that writes down what was asked."""

import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ..aws_accounts import Customer
from ..counting_proxy import CountingProxy, KmsRequest
from ..emulators import Emulator, ministack
from .cloud import Answered, Cloud, Key


@contextmanager
def aws(
    directory: Path,
    emulator: Callable[[Path], AbstractContextManager[Emulator]] = ministack,
    proxy: type[CountingProxy] = CountingProxy,
    configured: bool = True,
) -> Iterator["AwsCloud"]:
    """Its files are in the directory: the emulator's log, and the requests as JSON Lines. Unless `configured`, the vendor's credentials are
    not in the settings but in `environment`, where the default chain looks for them."""
    directory.mkdir(parents=True, exist_ok=True)
    with emulator(directory / "emulator.log") as running, proxy(running.port, directory / "kms-requests.jsonl") as between:
        yield AwsCloud(running, between, configured)


class AwsCloud(Cloud):
    name, wrap, unwrap = "AWS KMS", "Encrypt", "Decrypt"
    shows_context = True

    def __init__(self, emulator: Emulator, proxy: CountingProxy, configured: bool):
        self.emulator, self.proxy, self.port = emulator, proxy, int(proxy.endpoint.rpartition(":")[2])
        self.server = f"{emulator.name} {importlib.metadata.version(emulator.name.lower())} behind a counting proxy"
        self._administrator = Customer(emulator)
        vendor = self._administrator.create_vendor()
        self.identity = vendor.access_key_id
        self.environment = {"AWS_ACCESS_KEY_ID": vendor.access_key_id, "AWS_SECRET_ACCESS_KEY": vendor.secret_access_key}
        static = f"""credentials = "static"
access_key_id = "{vendor.access_key_id}"
secret_access_key = "{vendor.secret_access_key}"
"""
        self.settings = f'[aws]\n{static * configured}endpoint = "{proxy.endpoint}"\n'

    def new_key(self, name: str) -> "AwsKey":
        return AwsKey(self._administrator.another())

    def mark(self) -> int:
        return self.proxy.mark()

    def since(self, mark: int) -> Sequence[Answered]:
        return [_answered(seen) for seen in self.proxy.since(mark)]


class AwsKey(Key):
    def __init__(self, customer: Customer):
        self._customer, self.address = customer, customer.key_arn
        self.settings = f'provider = "aws"\narn = "{self.address}"\n'
        self.grant()

    def disable(self) -> None:
        self._customer.disable_key()

    def enable(self) -> None:
        self._customer.enable_key()

    def schedule_deletion(self) -> None:
        self._customer.schedule_deletion()

    def cancel_deletion(self) -> None:
        self._customer.cancel_deletion()

    def withdraw(self) -> None:
        self._customer.withdraw()

    def grant(self) -> None:
        self._customer.grant()


def _answered(seen: KmsRequest) -> Answered:
    """An answer that names another key than the one asked for is a key of its own here, which nobody expects."""
    other = seen.error is None and seen.answered_key_id != seen.key_id
    key = f"{seen.key_id}, answered by {seen.answered_key_id}" if other else seen.key_id
    return Answered(seen.operation, key, seen.access_key_id, seen.error or "OK", seen.encryption_context)
