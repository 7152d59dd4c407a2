"""What the servers were asked, judged against what should have been asked of each customer's KMS."""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence

from providers.clouds import Answered

from .parties import Party, Requests

Marks = Mapping[str, int]
Problem = tuple[str, str]  # organization, what is wrong


class Evidence:
    """Looks at every server in every step, so that one which was asked out of turn is noticed; and once more at the end at the whole record."""

    def __init__(self, parties: Sequence[Party]):
        self._parties = parties
        self._customers = [party for party in parties if party.cloud is not None]
        self._expected: dict[str, Requests] = {party.organization: Counter() for party in parties}

    def marks(self) -> Marks:
        return {party.organization: party.cloud.mark() for party in self._customers}

    def since(self, marks: Marks) -> dict[str, Sequence[Answered]]:
        """By the organization whose KMS was asked."""
        seen: dict[str, Sequence[Answered]] = {party.organization: () for party in self._parties}
        return seen | {party.organization: party.cloud.since(marks[party.organization]) for party in self._customers}

    def judge(self, seen: Mapping[str, Sequence[Answered]], expected: Mapping[str, Requests]) -> list[Problem]:
        """Every way in which the requests of a step differ from what was expected. Who is not in `expected` has nothing to ask."""
        problems = []
        for party in self._parties:
            wanted = expected.get(party.organization, Counter())
            self._expected[party.organization] += wanted
            problems += [(party.organization, problem) for problem in _differences(party, seen[party.organization], wanted)]
        return problems

    def table(self) -> tuple[list[str], list[Problem]]:
        """Which server answered what, from the beginning to now, expected and received; and every difference."""
        lines, problems, strangers = [], [], 0
        everything = self.since({party.organization: 0 for party in self._customers})
        for party in self._customers:
            seen, expected = everything[party.organization], self._expected[party.organization]
            received = Counter((one.operation, one.answer) for one in seen)
            problems += [(party.organization, f"in all, {problem}") for problem in _differences(party, seen, expected)]
            strangers += sum(one.key != party.key.address for one in seen if (one.operation, one.answer) not in party.cloud.sign_in)
            identities = sorted({one.identity for one in seen if one.identity})
            lines += ["", f"{party.organization}: {party.cloud.name}, played by {party.cloud.played_by}"]
            lines += [f"  key        {party.key.address}", f"  identity   {', '.join(identities)}"]
            for request in sorted(expected | received):
                lines.append(_line(*request, expected[request], received[request]))
            lines.append(_line("in all", "", expected.total(), received.total()))
        for party in self._parties:
            if party.cloud is None:
                lines += ["", f"{party.organization}: no key; requests at any of the servers that are not for the key of its customer"]
                lines.append(_line("in all", "", 0, strangers))
        return lines, problems


def binds(requests: Sequence[Answered], operation: str) -> set[str]:
    """The bind digests of the requests of one operation: one per wrap, so they pair encryptions with decryptions. AWS shows them only."""
    return {one.context.get("libvault:bind", "") for one in requests if one.operation == operation}


def _line(operation: str, answer: str, expected: int, received: int) -> str:
    return f"  {operation:<10} {answer:<28} expected {expected:>6}   received {received:>6}" + ("" if expected == received else "   DIFFERS")


def _differences(party: Party, seen: Sequence[Answered], expected: Requests) -> list[str]:
    problems = []
    received = Counter((one.operation, one.answer) for one in seen)
    if received != +expected:
        problems.append(f"the KMS received {_words(received - expected)} too much and {_words(expected - received)} too little")
    if party.cloud is None:
        return problems
    of_keys = [one for one in seen if (one.operation, one.answer) not in party.cloud.sign_in]
    for what, wrong in (
        ("named another key", [one.key for one in of_keys if one.key != party.key.address]),
        ("came from another identity", [one.identity for one in of_keys if one.identity != party.cloud.identity]),
        ("carried another context", [sorted(one.context) for one in of_keys if party.cloud.shows_context and not _right_context(one, party)]),
    ):
        if wrong:
            problems.append(f"{len(wrong)} requests {what}, such as {wrong[0]}")
    return problems


def _words(requests: Requests) -> str:
    return ", ".join(f"{count} {operation} {answer}" for (operation, answer), count in sorted(requests.items())) or "nothing"


def _right_context(request: Answered, party: Party) -> bool:
    return (
        request.context.keys() == {"organization_id", "libvault:bind"}
        and request.context["organization_id"] == party.organization
        and len(base64.b64decode(request.context["libvault:bind"], validate=True)) == 32
    )
