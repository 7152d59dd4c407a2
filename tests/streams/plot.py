#!/usr/bin/env python3
"""Draws the peak memory of streams: one panel for each language, one line for each operation.

    tests/streams/plot.py ROWS.jsonl ... PICTURE.png

The rows are those that the tests/streams/rss_* programs print: {"language", "operation", "bytes", "peak_rss"}. Lines without a row in JSON are skipped. The
band shows the 8 MiB above its smallest peak in which every operation has to stay.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

ALLOWED = 8 << 20
MEBIBYTE = 1 << 20

Peaks = dict[str, dict[str, dict[int, int]]]


def read(paths: list[str]) -> Peaks:
    """Peaks by language, operation and bytes; a later row takes the place of an earlier one."""
    peaks: Peaks = defaultdict(lambda: defaultdict(dict))
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                peaks[row["language"]][row["operation"]][row["bytes"]] = row["peak_rss"]
    return peaks


def draw(peaks: Peaks, picture: str) -> None:
    figure, panels = pyplot.subplots(1, len(peaks), figsize=(max(8, 1 + 4 * len(peaks)), 4.5), sharey=True, squeeze=False)
    for panel, (language, operations) in zip(panels[0], sorted(peaks.items()), strict=True):
        for operation, sizes in operations.items():
            across = sorted(sizes)
            line = panel.plot(across, [sizes[size] / MEBIBYTE for size in across], marker="o", label=operation)[0]
            lowest = min(sizes.values()) / MEBIBYTE
            panel.fill_between(across, lowest, lowest + ALLOWED / MEBIBYTE, color=line.get_color(), alpha=0.06)
        panel.set_xscale("log")
        panel.set_ylim(bottom=0)
        panel.set_title(language)
        panel.set_xlabel("bytes of input")
        panel.grid(visible=True, alpha=0.3)
        panel.legend(fontsize="x-small", loc="lower right")
    panels[0][0].set_ylabel("peak resident memory, MiB")
    figure.suptitle("Streams in constant memory: a tar of the standard libraries, encrypted and decrypted")
    figure.tight_layout()
    figure.savefig(picture, dpi=120)


def main() -> int:
    *rows, picture = sys.argv[1:]
    if not rows:
        sys.exit(__doc__)
    peaks = read(rows)
    draw(peaks, picture)
    over = False
    for language, operations in sorted(peaks.items()):
        for operation, sizes in operations.items():
            spread = max(sizes.values()) - min(sizes.values())
            over |= spread > ALLOWED
            largest = ", ".join(f"{size:,} bytes: {peak / MEBIBYTE:.1f} MiB" for size, peak in sorted(sizes.items()))
            print(f"{language} {operation}: {largest}; spread {spread / MEBIBYTE:.1f} MiB{' (over 8)' if spread > ALLOWED else ''}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
