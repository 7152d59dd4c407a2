#!/usr/bin/env python3
"""Draws the peak memory of streams, and prints it as a table in Markdown: one panel for each language, one line for each operation.

    tests/streams/plot.py ROWS.jsonl ... PICTURE.png [--out FILE.md]

The rows are those that the tests/streams/rss_* programs print: {"language", "operation", "bytes", "peak_rss"}, one for each run. Lines without a row in JSON are
skipped. Shown are the medians; the band is the 8 MiB above the smallest in which every operation has to stay, which the programs judge themselves.
`--out` writes the table into a section of a Markdown file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import report

ALLOWED = 8 << 20
MEBIBYTE = 1 << 20

Peaks = dict[str, dict[str, dict[int, list[int]]]]


def read(paths: list[str]) -> Peaks:
    """Peaks of all runs by language, operation and bytes."""
    peaks: Peaks = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                peaks[row["language"]][row["operation"]][row["bytes"]].append(row["peak_rss"])
    return peaks


def draw(peaks: Peaks, picture: str) -> None:
    columns = min(len(peaks), 4)
    rows = -(-len(peaks) // columns)
    figure, panels = pyplot.subplots(rows, columns, figsize=(max(8, 3.5 * columns), 4 * rows), squeeze=False)
    for panel in panels.flat[len(peaks) :]:
        panel.set_axis_off()
    for panel, (language, operations) in zip(panels.flat, sorted(peaks.items()), strict=False):
        for operation, sizes in operations.items():
            across = sorted(sizes)
            middle = [median(sizes[size]) / MEBIBYTE for size in across]
            reach = [[value - min(sizes[size]) / MEBIBYTE for value, size in zip(middle, across, strict=True)],
                     [max(sizes[size]) / MEBIBYTE - value for value, size in zip(middle, across, strict=True)]]  # fmt: skip
            style = {"linestyle": "--"} if is_baseline(operation) else {}
            line = panel.errorbar(across, middle, yerr=reach, marker="o", capsize=3, label=operation, **style)[0]
            panel.fill_between(across, min(middle), min(middle) + ALLOWED / MEBIBYTE, color=line.get_color(), alpha=0.06)
        panel.set_xscale("log")
        panel.set_ylim(bottom=0)
        panel.set_ylabel("peak resident memory, MiB")
        panel.set_title(language)
        panel.set_xlabel("bytes of input")
        panel.grid(visible=True, alpha=0.3)
        panel.legend(fontsize="x-small", loc="lower right")
    figure.suptitle("Streams in constant memory: a tar of the standard libraries; median, least and greatest of the runs")
    figure.tight_layout()
    figure.savefig(picture, dpi=100)


def table(peaks: Peaks) -> str:
    """Median (least–greatest) in MiB."""
    sizes = sorted({size for operations in peaks.values() for found in operations.values() for size in found})
    rows = []
    for language, operations in sorted(peaks.items()):
        for operation, found in operations.items():
            medians = {size: median(found[size]) / MEBIBYTE for size in found}
            cells = [f"{medians[size]:.1f} ({min(found[size]) / MEBIBYTE:.1f}–{max(found[size]) / MEBIBYTE:.1f})" if size in found else "" for size in sizes]
            difference = f"{max(medians.values()) - min(medians.values()):.1f}"
            name = f"{language}: {operation}"
            rows.append([f"*{name}*" if is_baseline(operation) else name, *cells, difference])
    return report.table(["peak RSS, MiB", *(f"{size / 1e6:,.0f} MB" for size in sizes), "difference"], rows)


def is_baseline(operation: str) -> bool:
    """The same pipeline without libvault."""
    return operation.startswith("copy_")


def section(peaks: Peaks) -> str:
    runs = {len(found) for operations in peaks.values() for sizes in operations.values() for found in sizes.values()}
    return f"""## Memory of streams

Peak resident memory of a process that encrypts or decrypts a tar of the standard libraries, as the kernel counts it (`VmHWM`):
median of {min(runs)} to {max(runs)} runs
(least–greatest). "difference" is that of the medians; 8 MiB are allowed. The process starts at the size of its language's runtime.

- Machine: {report.machine()}
- Versions: {report.version("rustc", "--version")}, {report.version("gcc", "--version")}, Python {sys.version.split()[0]}, Node {report.version("node", "--version")}
- Command: `make rss`
- Rows in italics are the same pipelines in Node with a transform that copies each chunk, without libvault.
- "node" is V8 as it comes. Each chunk of a stream is a Buffer of its own, and V8 frees those that are done with on threads of its own, after 32 MB or when its young
  generation is full: a machine that is busy frees them later, with and without libvault. "node, one thread" is the same under `--single-threaded-gc`, where they
  are freed at once: the peak of the streams themselves.

{table(peaks)}

![Peak resident memory of the streams in each language](streams-rss.png)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+")
    parser.add_argument("picture")
    parser.add_argument("--out", type=Path, help="write the table into this Markdown file")
    options = parser.parse_args()
    peaks = read(options.rows)
    draw(peaks, options.picture)
    print(table(peaks))
    if options.out:
        report.write_section(options.out, "memory of streams", section(peaks))


if __name__ == "__main__":
    main()
