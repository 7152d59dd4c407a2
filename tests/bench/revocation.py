#!/usr/bin/env python3
"""How long a customer's data can still be decrypted after the customer disabled the key, for each provider and lease.

    revocation.py [--out docs/revocation.md] [--picture docs/revocation.png]

Every measurement has a key and a vault of its own, and a thread that decrypts the same envelope every 20 ms. The customer's
administrator disables the key, and the time runs from the return of that call to the return of the last decryption that succeeds.
With leases the worst moment is right after a lease was opened: half of the measurements disable the key then, the others at moments
spread over the lease. Exits with 1 if a decryption that began after the end of its lease succeeded, or if a refusal was not
KeyDisabled. The providers run at the same time, in a process each; a minute and a half.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import libvault
import report

sys.path.insert(0, str(report.ROOT / "tests"))

from providers.clouds import CLOUDS, Cloud, CustomerKey, make_vault  # noqa: E402

PACE_SECONDS = 0.02
BETWEEN_STARTS_SECONDS = 0.4  # so that "right after" is not late
AFTERWARDS_SECONDS = 2  # decryptions go on for so long after the lease must have ended
REPETITIONS = {0: 10, 5: 5, 60: 3}  # by the seconds of the lease; with leases twice, at the worst moment and at others
CONTEXT = {"organization_id": "org_123"}


@dataclass(frozen=True)
class Measurement:
    """Seconds. `disabled_at` and `lease_ends` count from the moment before the call that opened the lease, the others from the disabling."""

    cloud: str
    played_by: str
    lease: int
    share: float
    disabled_at: float
    last_success: float  # its return; negative if none succeeded any more
    last_success_began: float
    first_refusal: float
    lease_ends: float
    opening: float  # how long the call took that opened the lease
    refusal: str  # all that there were
    decryptions: int

    @property
    def beyond(self) -> float:
        """How long after the end of the lease the last success began. At most `opening` if the bound holds: the request was sent within it."""
        return self.disabled_at + self.last_success_began - self.lease_ends


class Reader(threading.Thread):
    """Decrypts without end, and writes down when."""

    def __init__(self, vault: libvault.Vault, envelope: bytes):
        super().__init__(daemon=True)
        self.successes: list[tuple[float, float]] = []  # began, returned
        self.refusals: list[tuple[float, str]] = []
        self._vault, self._envelope, self._end = vault, envelope, threading.Event()

    def run(self) -> None:
        while not self._end.wait(PACE_SECONDS):
            self.decrypt()

    def decrypt(self) -> None:
        began = time.monotonic()
        try:
            self._vault.decrypt(self._envelope, CONTEXT)
            self.successes.append((began, time.monotonic()))
        except libvault.VaultError as error:
            self.refusals.append((time.monotonic(), error.name))

    def finish(self) -> None:
        self._end.set()
        self.join()


def measure(cloud: Cloud, directory: Path, key: CustomerKey, lease: int, share: float) -> Measurement:
    """Disables the key when this share of the lease has passed."""
    config = make_vault(directory, [cloud], {"org_123": key}, max_age=lease * 1000)
    with libvault.open(config) as writer:
        envelope = writer.encrypt(b"attack at dawn", CONTEXT)
    with libvault.open(config) as vault:
        reader = Reader(vault, envelope)
        opened = time.monotonic()
        reader.decrypt()
        opening = time.monotonic() - opened
        reader.start()
        # Without a lease a few decryptions go before.
        time.sleep(share * lease if lease else 10 * PACE_SECONDS * (1 + share))
        key.disable()
        disabled = time.monotonic()
        time.sleep(max(opened + lease - disabled, 0) + AFTERWARDS_SECONDS)
        reader.finish()
    began, returned = reader.successes[-1]
    refused = reader.refusals[0][0] if reader.refusals else float("nan")
    refusal = " ".join(sorted({name for _, name in reader.refusals})) or "none"
    ends = lease if lease else disabled - opened
    return Measurement(
        cloud.name, cloud.played_by, lease, share, disabled - opened, returned - disabled, began - disabled, refused - disabled, ends, opening,
        refusal, len(reader.successes),
    )  # fmt: skip


def measure_cloud(provider: str) -> list[Measurement]:
    with tempfile.TemporaryDirectory() as temporary, CLOUDS[provider](Path(temporary) / "server") as cloud:
        plan = [(lease, share) for lease, count in REPETITIONS.items() for share in _shares(lease, count)]
        keys = [cloud.new_key() for number in range(len(plan))]
        works = [(cloud, Path(temporary) / f"vault-{number}", keys[number], *one) for number, one in enumerate(plan)]
        leased = [work for work in works if work[3]]
        with ThreadPoolExecutor(len(leased)) as pool:
            running = []
            for work in leased:
                running.append(pool.submit(measure, *work))
                time.sleep(BETWEEN_STARTS_SECONDS)
            # One after another: each asks the KMS fifty times a second.
            return [measure(*work) for work in works if not work[3]] + [one.result() for one in running]


def _shares(lease: int, count: int) -> list[float]:
    """Not at the very end: a slow machine would disable the key under the next lease."""
    spread = [number / (count + 1) for number in range(1, count + 1)]
    return [0.0] * count + spread if lease else spread


def seconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def table(measurements: Sequence[Measurement]) -> str:
    rows = []
    for cloud in dict.fromkeys(one.cloud for one in measurements):
        for lease in REPETITIONS:
            mine = [one for one in measurements if (one.cloud, one.lease) == (cloud, lease)]
            at_once = [one.last_success for one in mine if not lease or not one.share]
            later = [one.last_success for one in mine if lease and one.share]
            beyond = max(one.beyond for one in mine)
            rows.append([
                f"{cloud}, {lease} s" if lease else f"{cloud}, none", seconds(at_once), str(len(at_once)), seconds(later) if later else "",
                str(len(later) or ""), f"{beyond * 1000:.1f}" if lease else "",
            ])  # fmt: skip
    moments = ["disabled right after the lease was opened", "n", "disabled at moments spread over the lease", "n"]
    return report.table(["provider, lease", *moments, "past the lease's end, ms"], rows)


def draw(measurements: Sequence[Measurement], picture: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    leases = list(REPETITIONS)
    figure, panels = plt.subplots(1, len(leases), figsize=(12, 4), layout="constrained")
    for lease, panel in zip(leases, panels, strict=True):
        for number, cloud in enumerate(dict.fromkeys(one.cloud for one in measurements)):
            mine = [one for one in measurements if (one.cloud, one.lease) == (cloud, lease)]
            across = [one.disabled_at if lease else number for one in mine]
            up = [one.last_success if lease else one.last_success * 1000 for one in mine]
            panel.plot(across, up, "osD"[number], alpha=0.6, label=cloud, fillstyle="none")
        if lease:
            panel.plot([0, lease], [lease, 0], color="grey", linewidth=1, label="end of the lease")
            panel.set(title=f"lease of {lease} s", xlabel="key disabled, s after the lease was opened", ylabel="last decryption, s after disabling")
        else:
            panel.axhline(0, color="grey", linewidth=1)
            panel.set(title="no lease", xticks=[], xlabel="", ylabel="last decryption, ms after disabling")
        panel.legend(fontsize="small")
    figure.savefig(picture, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the result into this Markdown file")
    parser.add_argument("--picture", type=Path, help="draw it; needs matplotlib (tests/streams/requirements.txt)")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with multiprocessing.get_context("spawn").Pool(len(CLOUDS)) as pool:
        measurements = [one for of_cloud in pool.map(measure_cloud, CLOUDS, chunksize=1) for one in of_cloud]
    late = [one for one in measurements if one.lease and one.disabled_at >= one.lease]
    measurements = [one for one in measurements if one not in late]
    for one in late:
        print(f"left out, since the machine was so slow that the key was disabled only after the lease: {one}", file=sys.stderr)
    raw = report.WORK / "revocation.jsonl"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_text("".join(json.dumps(asdict(one)) + "\n" for one in measurements), encoding="utf-8")
    servers = "; ".join(dict.fromkeys(f"{one.cloud} played by {one.played_by}" for one in measurements))
    text = f"""Seconds from the return of the call that disabled the key to the return of the last decryption that succeeded: median (least to
greatest). Negative: the last one succeeded before. "Past the lease's end" is when the latest success began, counted from `max_age` after the
beginning of the call that opened the lease; it may be above 0 by what that call took to send its request.

- Machine: {report.machine()}; load {load:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end
- Servers: {servers}
- Command: `make revocation`

{table(measurements)}"""
    print(text)
    if options.out:
        report.write_section(options.out, "revocation", text)
    if options.picture:
        draw(measurements, options.picture)
    broken = [one for one in measurements if one.refusal != "KeyDisabled" or one.lease and one.beyond > one.opening]
    if broken:
        sys.exit("not as promised:\n" + "\n".join(map(str, broken)))


if __name__ == "__main__":
    main()
