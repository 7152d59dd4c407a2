"""What the counting proxy saw, judged against what should have been asked of the customer's KMS."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from servers import KmsRequest


@dataclass(frozen=True)
class Expectation:
    """Exactly these many requests of each operation, all for one key, by one identity, for one organization."""

    operations: dict[str, int]
    key_arn: str
    access_key_id: str
    organization: str
    error: str | None = None


def judge(requests: Sequence[KmsRequest], expected: Expectation) -> list[str]:
    """Every way in which the requests differ from what was expected, in words."""
    problems = []
    counted: dict[str, int] = {}
    for request in requests:
        counted[request.operation] = counted.get(request.operation, 0) + 1
    wanted = {operation: count for operation, count in expected.operations.items() if count}
    if counted != wanted:
        problems.append(f"the KMS received {counted or 'nothing'}, not {wanted or 'nothing'}")

    def each(what: str, wrong: list[object]) -> None:
        if wrong:
            problems.append(f"{len(wrong)} requests {what}, such as {wrong[0]}")

    each("named another key", [r.key_id for r in requests if r.key_id != expected.key_arn])
    each("came from another identity", [r.access_key_id for r in requests if r.access_key_id != expected.access_key_id])
    strangers = [sorted(r.encryption_context) for r in requests if not _right_context(r, expected)]
    each("carried another encryption context", strangers)
    surprises = [r.error or r.status for r in requests if r.error != expected.error]
    each(f"were answered otherwise than {expected.error or 'OK'}", surprises)
    if expected.error is None:
        answering = [r.answered_key_id for r in requests]
        each("were answered by another key", [key for key in answering if key != expected.key_arn])
    return problems


def binds(requests: Sequence[KmsRequest], operation: str) -> set[str]:
    """The bind digests of the requests of one operation: one per wrap, so they pair encryptions with decryptions."""
    return {r.encryption_context.get("libvault:bind", "") for r in requests if r.operation == operation}


def served_by(requests: Sequence[KmsRequest]) -> str:
    """The first eight characters of the ids of the keys asked for, or a dash."""
    keys = {(request.key_id or "?").rpartition("/")[2][:8] for request in requests}
    return " ".join(sorted(keys)) or "-"


def _right_context(request: KmsRequest, expected: Expectation) -> bool:
    context = request.encryption_context
    return (
        context.keys() == {"organization_id", "libvault:bind"}
        and context["organization_id"] == expected.organization
        and len(base64.b64decode(context["libvault:bind"], validate=True)) == 32
    )
