"""What the story prints: a line per step, a table at the end, and every difference in words."""

import sys
from dataclasses import dataclass, field

WIDTH = 100
_COLUMNS = (("step", 24), ("by", 7), ("expected", 22), ("observed", 22), ("key", 8), ("KMS", 4))


@dataclass
class Row:
    """One line of the table. `problems` says how it differs from what was expected; none means it does not."""

    step: str
    language: str
    expected: str
    observed: str
    key: str
    requests: int
    milliseconds: float
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
        requests = "1 KMS request" if row.requests == 1 else f"{row.requests} KMS requests"
        served = f"key {row.key}, {requests}" if row.requests else "managed keys, no KMS request"
        line = f"{row.step:<24} {row.language:<7} {row.observed:<22} {served}"
        print(f"  {line:<89} {row.milliseconds:>6.0f} ms  {self._mark(row)}", flush=True)

    @property
    def problems(self) -> list[str]:
        return [f"{row.step}, {row.language}: {problem}" for row in self.rows for problem in row.problems]

    def finish(self, broken: str | None = None) -> int:
        """Prints the table and the differences; returns the exit code. `broken` says why the story ended early."""
        self.title("Summary")
        print(" ".join(f"{name:<{width}}" for name, width in _COLUMNS) + "     ms")
        print("-" * WIDTH)
        for row in self.rows:
            cells = (row.step, row.language, row.expected, row.observed, row.key, str(row.requests))
            line = " ".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
            print(f"{line} {row.milliseconds:>6.0f}" + (f"  {self._mark(row)}" if row.problems else ""))
        print("-" * WIDTH)
        for problem in [*self.problems, *([broken] if broken else [])]:
            print(f"FAILED  {problem}")
        if self.problems or broken:
            print(f"{len(self.problems)} differences in {len(self.rows)} rows.")
            return 1
        print(f"All {len(self.rows)} rows are as expected.")
        return 0

    def _mark(self, row: Row) -> str:
        return self._paint("DIFFERS", "31") if row.problems else self._paint("ok", "32")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
