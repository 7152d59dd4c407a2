"""Who takes part: three customers with a key in a cloud of their own, and an organization without a key."""

from collections import Counter
from dataclasses import dataclass

from providers.clouds import Cloud, CustomerKey

# (operation, answer) → how many requests
Requests = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Revocation:
    """What a customer does, and what libvault and the KMS must then say."""

    act: str
    code: int
    name: str
    answer: str


@dataclass(frozen=True)
class Party:
    """An organization. `refusals` are what its cloud and libvault say when the customer disables the key, deletes it, or withdraws the permission."""

    organization: str
    cloud: Cloud | None = None
    key: CustomerKey | None = None
    disabled: Revocation | None = None
    deleted: Revocation | None = None
    denied: Revocation | None = None

    def requests(self, wraps: int, unwraps: int, processes: int, answer: str = "OK") -> Requests:
        """What the KMS must receive; without a key nothing, ever."""
        if self.cloud is None:
            return Counter()
        sign_in = Counter({request: processes for request in self.cloud.sign_in})
        return sign_in + Counter({(self.cloud.wrap, answer): wraps, (self.cloud.unwrap, answer): unwraps})


def parties(aws: Cloud, azure: Cloud, google: Cloud) -> list[Party]:
    """Makes the customers' keys. What Azure calls deletion hides the key, but it can be recovered."""
    return [
        Party(
            "org_123", aws, aws.new_key(),
            Revocation("disabled", 302, "KeyDisabled", "DisabledException"),
            Revocation("to be deleted", 303, "KeyPendingDeletion", "KMSInvalidStateException"),
            Revocation("not permitted", 304, "AccessDenied", "AccessDeniedException"),
        ),
        Party(
            "org_234", azure, azure.new_key(),
            Revocation("disabled", 302, "KeyDisabled", "KeyDisabled"),
            Revocation("deleted", 301, "KeyNotFound", "KeyNotFound"),
            Revocation("not permitted", 304, "AccessDenied", "ForbiddenByRbac"),
        ),
        Party(
            "org_345", google, google.new_key(),
            Revocation("disabled", 302, "KeyDisabled", "FAILED_PRECONDITION"),
            Revocation("to be deleted", 303, "KeyPendingDeletion", "FAILED_PRECONDITION"),
            Revocation("not permitted", 304, "AccessDenied", "PERMISSION_DENIED"),
        ),
        Party("org_456"),
    ]  # fmt: skip
