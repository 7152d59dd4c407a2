#!/usr/bin/env python3
"""Instructions of one match_context call among a thousand and among a million bindings; needs valgrind.

    match_cost.py [--out docs/benchmarks.md] [--shapes single,mixed]

Runs core/examples/match_cost.rs under callgrind, which counts from the moment the vault is open. The count of a batch without
matches is subtracted. Exits with 1 if a match among a million costs more than 1.3 times one among a thousand, whatever the
shape of the selectors. Opening a million bindings under valgrind takes one to two minutes a shape, and 3 GB of memory.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import report

SHAPES = {
    "single": "selectors of one item",
    "shared-pair": "selectors of two items, one of them the same in all",
    "mixed": "context of 10 items, selectors of 1 to 10 items",
    "all-subsets": "context of 10 items, all its 1,023 subsets are selectors of one owner",
}
FEW, MANY = 1_000, 1_000_000
MATCHES = 1_000
MAX_RATIO = 1.3
OPEN_SECONDS = 900
BATCH_SECONDS = 120


class Counter:
    """One run of the example under callgrind."""

    def __init__(self, program: Path, shape: str, bindings: int):
        self.directory = report.WORK / "match-cost" / f"{shape}-{bindings}"
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.counts = self.directory / "callgrind.out"
        callgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self.counts}"]
        arguments = [str(program), shape, str(bindings), str(self.directory / "vault")]
        # The clock on the whole run: a hung child closes its output when `timeout` ends it, and that ends the reading here.
        limit = ["timeout", str(OPEN_SECONDS + 2 * BATCH_SECONDS)]
        self.process = subprocess.Popen(limit + callgrind + arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.dumps = 0

    def __enter__(self):
        self.expect("ready")
        self.control("--instr=on")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        if self.process.wait(BATCH_SECONDS) != 0:
            sys.exit("match_cost failed")
        shutil.rmtree(self.directory)

    def expect(self, word: str):
        line = self.process.stdout.readline()
        if not line.startswith(word):
            sys.exit(f"match_cost said {line!r} instead of {word!r}")

    def control(self, option: str):
        """callgrind_control wants the id of valgrind, which is the only child of `timeout`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
        done = subprocess.run(["callgrind_control", option, *children], capture_output=True, text=True, timeout=BATCH_SECONDS)
        if done.returncode != 0 or "OK" not in done.stdout:
            sys.exit(f"callgrind_control {option}: {done.stdout}{done.stderr}")

    def instructions(self, matches: int) -> int:
        """Since the last reading: a dump sets the counters to zero."""
        self.process.stdin.write(f"{matches}\n")
        self.process.stdin.flush()
        self.expect("done")
        self.control("--dump")
        self.dumps += 1
        dump = Path(f"{self.counts}.{self.dumps}").read_text(encoding="utf-8")
        return int(re.search(r"^(?:summary|totals): (\d+)$", dump, re.MULTILINE)[1])


def cost(program: Path, shape: str, bindings: int) -> float:
    """Instructions per match."""
    with Counter(program, shape, bindings) as counter:
        counter.instructions(1)
        idle = counter.instructions(0)
        return (counter.instructions(MATCHES) - idle) / MATCHES


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the result into this Markdown file")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="which shapes, separated by commas (default: all)")
    parser.add_argument("--many", type=int, default=MANY, help=f"how many bindings are many (default: {MANY})")
    options = parser.parse_args()
    shapes = options.shapes.split(",")
    if unknown := set(shapes) - SHAPES.keys():
        parser.error(f"unknown shapes: {', '.join(sorted(unknown))}")

    program = report.build_example("match_cost")
    rows, worst = [], 0.0
    for shape in shapes:
        few, many = (cost(program, shape, bindings) for bindings in (FEW, options.many))
        worst = max(worst, many / few)
        rows.append([SHAPES[shape], f"{few:,.0f}", f"{many:,.0f}", f"{many / few:.3f}"])
        print(f"{shape}: {few:,.0f} → {many:,.0f} instructions, ratio {many / few:.3f}", flush=True)
    text = f"""## Cost of a match

Instructions of one `match_context` call, counted by {report.version("valgrind", "--version")} over {MATCHES:,} calls (`tests/bench/match_cost.py`). A ratio
above {MAX_RATIO} fails the run.

{report.table(["Bindings", f"{FEW:,}", f"{options.many:,}", "ratio"], rows)}"""
    print(text)
    if options.out:
        report.write_section(options.out, "match cost", text)
    if worst > MAX_RATIO:
        sys.exit(f"a ratio of {worst:.3f} is above {MAX_RATIO}")


if __name__ == "__main__":
    main()
