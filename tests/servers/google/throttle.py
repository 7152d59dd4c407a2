"""Refusing the next requests, as the admin API asks."""

from dataclasses import dataclass

from .errors import GoogleError, quota_exceeded, unavailable

PROJECT_NUMBER = 123456789012
CODES = ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL")


@dataclass
class Rule:
    """`key` and `operation` narrow it down; `retry_after` is in seconds."""

    requests: int
    code: str = "RESOURCE_EXHAUSTED"
    key: str | None = None
    operation: str | None = None
    retry_after: int | None = None

    def covers(self, operation: str, resource: str) -> bool:
        on_key = self.key is None or resource == self.key or resource.startswith(f"{self.key}/")
        return self.requests > 0 and on_key and self.operation in (None, operation)


class Throttle:
    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def check(self, operation: str, resource: str) -> None:
        """Raises the refusal of the first rule that covers the request, and counts it."""
        for rule in self.rules:
            if rule.covers(operation, resource):
                rule.requests -= 1
                raise _refusal(rule)


def _refusal(rule: Rule) -> GoogleError:
    match rule.code:
        case "RESOURCE_EXHAUSTED":
            refusal = quota_exceeded(PROJECT_NUMBER)
        case "UNAVAILABLE":
            refusal = unavailable()
        case _:
            refusal = GoogleError("INTERNAL", "Internal error encountered.")
    if rule.retry_after is not None:
        refusal.headers["Retry-After"] = str(rule.retry_after)
    return refusal
