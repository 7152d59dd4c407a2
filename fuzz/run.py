#!/usr/bin/env python3
"""Runs the fuzz targets one after another, each in one process, and adds up what they did.

    fuzz/run.py                      a minute for each target
    FUZZ_SECONDS=600 fuzz/run.py decrypt c_abi
    FUZZ_BUILD=no fuzz/run.py        what was built before
    fuzz/run.py --table              writes the counts so far to docs/assurance.md
    FUZZ_RUNS=1000000 fuzz/run.py    so many executions of each target, within FUZZ_SECONDS

Needs the nightly toolchain and cargo-fuzz. `parse_*`, `context`, `config_toml` and `decrypt` run code that has no `unsafe`, so they are built without a
sanitizer and with checks of overflow and debug assertions; `c_abi` is built with AddressSanitizer, which also reports leaks.
Corpora grow in build/fuzz/corpus, starting from what make_seeds.py makes of the vectors. An input that fails is left in build/fuzz/artifacts; once understood
it is kept in fuzz/regressions/TARGET, which `checks/tests/replay.rs` replays. The counts of all runs are in build/fuzz/counts.json.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "build" / "fuzz"
COUNTS = WORK / "counts.json"
TARGETS = {  # name: (sanitizer, longest input)
    "parse_envelope": ("none", 2048),
    "parse_bundle": ("none", 2048),
    "context": ("none", 2048),
    "config_toml": ("none", 4096),
    "decrypt": ("none", 2048),
    "c_abi": ("address", 1024),
}


def main(names: list[str]) -> int:
    if names == ["--table"]:
        document = ROOT / "docs" / "assurance.md"
        document.write_text(re.sub(r"(?<=<!-- fuzz counts -->\n).*?(?=\n<!-- end -->)", lambda _: table(), document.read_text(), flags=re.DOTALL))
        return 0
    if unknown := set(names) - TARGETS.keys():
        sys.exit(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    subprocess.run([HERE / "make_seeds.py"], check=True)
    failed = [name for name in names or TARGETS if not run(name)]
    print(table())
    if failed:
        print(f"failed: {', '.join(failed)}; see build/fuzz/logs and build/fuzz/artifacts", file=sys.stderr)
    return 1 if failed else 0


def run(name: str) -> bool:
    sanitizer, longest = TARGETS[name]
    for folder in ("corpus/" + name, "artifacts", "logs"):
        (WORK / folder).mkdir(parents=True, exist_ok=True)
    log = WORK / "logs" / f"{name}.log"
    limits = [f"-max_total_time={os.environ.get('FUZZ_SECONDS', '60')}"]
    if runs := os.environ.get("FUZZ_RUNS"):
        limits.append(f"-runs={runs}")
    # The fixture's store is written to: in memory where that is possible, or the disk sets the pace.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    scratch = tempfile.mkdtemp(prefix="libvault-fuzz-", dir=memory)
    try:
        with log.open("w") as output:
            done = subprocess.run(
                [binary(name, sanitizer), WORK / "corpus" / name, HERE / "seeds" / name, f"-max_len={longest}", "-timeout=20"]
                + ["-print_final_stats=1", f"-artifact_prefix={WORK}/artifacts/{name}-", *limits],
                stdout=output, stderr=subprocess.STDOUT, env=os.environ | {"TMPDIR": scratch},
            )  # fmt: skip
    finally:
        shutil.rmtree(scratch)
    return add_up(name, log.read_text(errors="replace")) and done.returncode == 0


def binary(name: str, sanitizer: str) -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "fuzz" / sanitizer
    build = ["cargo", "+nightly", "fuzz", "build", "--sanitizer", sanitizer, name]
    if os.environ.get("FUZZ_BUILD") != "no":
        subprocess.run(build, cwd=HERE, check=True, env=os.environ | {"CARGO_TARGET_DIR": str(target)})
    [found] = target.glob(f"*/release/{name}")
    return found


def add_up(name: str, log: str) -> bool:
    executions = re.search(r"stat::number_of_executed_units: (\d+)", log)
    rate = re.search(r"stat::average_exec_per_sec: +(\d+)", log)
    features = re.findall(r"cov: (\d+) ft: (\d+)", log)
    if not executions or not rate or not features:
        return False
    counts = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    count = counts.setdefault(name, {"executions": 0, "seconds": 0})
    count["executions"] += int(executions[1])
    count["seconds"] += round(int(executions[1]) / max(int(rate[1]), 1))
    count["edges"], count["inputs"] = int(features[-1][0]), len(list((WORK / "corpus" / name).iterdir()))
    COUNTS.write_text(json.dumps(counts, indent=1))
    return True


def table() -> str:
    counts = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    lines = ["| target | sanitizer | executions | seconds | edges reached | inputs in the corpus |", "|---|---|---:|---:|---:|---:|"]
    for name, (sanitizer, _) in TARGETS.items():
        if count := counts.get(name):
            numbers = [f"{count[field]:,}" for field in ("executions", "seconds", "edges", "inputs")]
            lines.append(f"| `{name}` | {sanitizer} | {' | '.join(numbers)} |")
    total = sum(count["executions"] for count in counts.values())
    return "\n".join([*lines, f"| all | | {total:,} | | | |"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
