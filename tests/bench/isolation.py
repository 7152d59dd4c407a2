#!/usr/bin/env python3
"""Latency of one customer's calls while another customer's KMS never answers (P4): the same provider, one vault, no leases.

    isolation.py [--out docs/benchmarks.md] [--rounds 7] [--operations 400]

Each round measures customer B alone, then while customer A has ten times its bulkhead in calls whose requests are held at a proxy,
then alone again. The result is the ratio of the second to the mean of the others; the ratio of the last to the first is what the
machine's noise alone makes. Five minutes.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import libvault
import report

sys.path.insert(0, str(report.ROOT / "tests"))

from providers.clouds import CLOUDS, Cloud, make_vault  # noqa: E402
from servers import Crowd  # noqa: E402
from servers.faulty_proxy import held_until  # noqa: E402

UNDER_WAY = 64  # the bulkhead of a key (docs/leases.md)
CALLS = 10 * UNDER_WAY
TIMEOUTS = "[timeouts]\nattempt = 60000\ntotal = 60000\n"
A, B = {"organization_id": "org-a"}, {"organization_id": "org-b"}
WHAT = ("p50", "p99")


def latencies(vault: libvault.Vault, operations: int) -> list[float]:
    """Milliseconds of single calls, encryptions and decryptions in turn, each with a request to the KMS."""

    def timed(call: Callable[[], bytes]) -> bytes:
        began = time.perf_counter_ns()
        result = call()
        measured.append((time.perf_counter_ns() - began) / 1e6)
        return result

    measured: list[float] = []
    context = vault.context(B)
    for _ in range(operations // 2):
        envelope = timed(lambda: vault.encrypt(b"data", context))
        timed(lambda envelope=envelope: vault.decrypt(envelope, context))
    return measured


def quantiles(measured: Sequence[float]) -> dict[str, float]:
    ordered = sorted(measured)
    return {"p50": statistics.median(ordered), "p99": ordered[int(0.99 * (len(ordered) - 1))]}


def measure(provider: str, rounds: int, operations: int) -> tuple[list[dict[str, dict[str, float]]], Cloud]:
    """For each round p50 and p99 before, with A, and after."""
    results = []
    with ExitStack() as running:
        temporary = running.enter_context(tempfile.TemporaryDirectory())
        cloud = running.enter_context(CLOUDS[provider](Path(temporary) / "server"))
        network = running.enter_context(cloud.server.network())
        cloud.lead_through(network)
        keys = {context["organization_id"]: cloud.new_key() for context in (A, B)}
        config = make_vault(Path(temporary) / "vault", [cloud], keys, more=TIMEOUTS)
        with libvault.open(config) as vault:
            latencies(vault, operations)  # connections, caches
            for number in range(rounds):
                before = latencies(vault, operations)
                over, mark = threading.Event(), network.mark()
                network.spoil(held_until(over), keys["org-a"].is_meant_by)
                with Crowd(vault, A, CALLS) as crowd:
                    network.wait_for_spoilt(UNDER_WAY, mark)
                    crowd.outcomes()  # answered once every call has begun
                    beside = latencies(vault, operations)
                    if crowd.outcomes() != {"pending": CALLS}:
                        sys.exit(f"A's calls did not all wait: {crowd.outcomes()}")
                    network.spoil(None)
                    over.set()
                    crowd.wait()
                after = latencies(vault, operations)
                results.append({"before": quantiles(before), "beside": quantiles(beside), "after": quantiles(after)})
                print(f"{cloud.name}, round {number + 1} of {rounds}:", results[-1], flush=True)
        return results, cloud


def spread(values: Sequence[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the result into this Markdown file")
    parser.add_argument("--providers", nargs="+", choices=CLOUDS, default=list(CLOUDS), help="default: all")
    parser.add_argument("--rounds", type=int, default=7, help="default %(default)s")
    parser.add_argument("--operations", type=int, default=400, help="of B, in each measurement (default %(default)s)")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    measured = [measure(provider, options.rounds, options.operations) for provider in options.providers]
    servers = "; ".join(f"{cloud.name} played by {cloud.played_by.partition(' behind ')[0]}" for _, cloud in measured)
    rows = [
        [
            f"{cloud.name}, {what}",
            *(spread([one[when][what] for one in results]) for when in ("before", "beside", "after")),
            spread([2 * one["beside"][what] / (one["before"][what] + one["after"][what]) for one in results]),
            spread([one["after"][what] / one["before"][what] for one in results]),
        ]
        for results, cloud in measured
        for what in WHAT
    ]
    header = ["B, ms per call", "alone", f"beside {CALLS} calls of A", "alone again", "ratio", "ratio of noise"]
    text = f"""## Isolation

Customer A's KMS never answers; A has {CALLS} calls in the vault, ten times what may be under way for one key. How long do customer B's
calls take, with the same provider in the same vault, without leases, so that each asks the KMS? Median over {options.rounds} rounds
(least–greatest), each of {options.operations} encryptions and decryptions alone, beside A, and alone again. "Ratio" is beside A to the mean of the other
two of the round, "ratio of noise" alone again to alone. That every call of B succeeds and every call of A waits is checked; that more of them
are shed is a test (`tests/kms_faults/test_isolation.py`).

- Machine: {report.machine()}; load {load:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end
- Servers: {servers}; a proxy in front holds A's requests. They answer in milliseconds of the same two cores: read the ratios
- Command: `tests/bench/isolation.py --rounds {options.rounds} --operations {options.operations}` (`make bench-isolation`)

{report.table(header, rows)}"""
    print(text)
    if options.out:
        report.write_section(options.out, "isolation", text)


if __name__ == "__main__":
    main()
