"""The one exception of this implementation: an operation refused, by which error and by which rule."""

from __future__ import annotations

from contextlib import contextmanager

_skipped: set[str] = set()


class Refused(Exception):
    """An error of tests/vectors/errors.json, with the rule of docs/envelope.md that it came from."""

    def __init__(self, error: str, rule: str | None = None, names: tuple[str | None, ...] = ()):
        super().__init__(f"{error} ({rule or 'no rule'}) {names!r}")
        self.error = error
        self.rule = rule
        self.names = names


def refuse_if(broken: object, rule: str, error: str) -> None:
    if broken and rule not in _skipped:
        raise Refused(error, rule)


@contextmanager
def skipping(rule: str):
    """Reads as an implementation would that forgot this rule: shows that a vector notices it."""
    _skipped.add(rule)
    try:
        yield
    finally:
        _skipped.discard(rule)
