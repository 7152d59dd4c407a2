"""What the story prints: a line per step, two tables at the end, and every difference in words."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH = 112
_COLUMNS = (("step", 24), ("by", 7), ("expected", 22), ("observed", 22), ("KMS", 16), ("requests", 8), ("time", 9))


@dataclass
class Row:
    """One line of the table. `problems` says how it differs from what was expected; none means it does not."""

    step: str
    language: str
    expected: str
    observed: str
    clouds: str
    requests: int
    milliseconds: float | None  # None where the line before has it
    problems: list[str] = field(default_factory=list)


class Report:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._colour = sys.stdout.isatty()

    def title(self, text: str) -> None:
        print(f"\n{self._paint(text, '1')}", flush=True)

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        requests = "1 request" if row.requests == 1 else f"{row.requests} requests"
        served = f"{row.clouds}, {requests}" if row.requests else "managed keys, no KMS request"
        line = f"{row.step:<24} {row.language:<7} {row.observed:<22} {served}"
        print(f"  {line:<92} {_time(row):>9}  {self._mark(row)}", flush=True)

    @property
    def problems(self) -> list[str]:
        return [f"{row.step.strip()}, {row.language}: {problem}" for row in self.rows for problem in row.problems]

    def finish(self, evidence: Sequence[str] = (), differences: Sequence[str] = (), broken: str | None = None) -> int:
        """Prints the tables and the differences; returns the exit code. `broken` says why the story ended early."""
        self.title("Summary")
        print(" ".join(f"{name:<{width}}" for name, width in _COLUMNS).rstrip())
        print("-" * WIDTH)
        for row in self.rows:
            cells = (row.step, row.language, row.expected, row.observed, row.clouds, f"{row.requests:>8}", _time(row))
            line = " ".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
            print(line.rstrip() + (f"  {self._mark(row)}" if row.problems else ""))
        if evidence:
            self.title("Which server answered what")
            print("\n".join(evidence).lstrip("\n"))
        print("-" * WIDTH)
        failures = [*self.problems, *differences, *([broken] if broken else [])]
        for failure in failures:
            print(f"FAILED  {failure}")
        if failures:
            print(f"{len(failures)} differences in {len(self.rows)} rows.")
            return 1
        print(f"All {len(self.rows)} rows are as expected, and so is every request that a KMS received.")
        return 0

    def _mark(self, row: Row) -> str:
        return self._paint("DIFFERS", "31") if row.problems else self._paint("ok", "32")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _time(row: Row) -> str:
    return "" if row.milliseconds is None else f"{row.milliseconds:>6.0f} ms"
