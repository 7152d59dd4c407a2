#!/usr/bin/env python3
"""CPU time of encryption and decryption for a managed context, in Rust, C, Python and Node, and under a lease; and the bytes an envelope adds.

    bench.py [--out docs/benchmarks.md] [--rounds 7] [--batch 5]

Run it with a Python that has the libvault wheel; bindings/node must be built (`npm run build`). One thread; each round runs every
language once, one after the other, each in a process of its own, so that a disturbance of the machine hits all of them. The numbers are
CPU microseconds per call: of each round the median over batches, shown as the median over rounds with the least and the
greatest. The floors come from floors.json and were measured at another time.
"""

import argparse
import collections
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import libvault

import report

sys.path.insert(0, str(report.ROOT / "tests"))

from servers import HonestKms  # noqa: E402

HERE = Path(__file__).resolve().parent
SIZES = {64: "64 B", 1_024: "1 KiB", 65_536: "64 KiB", 1_048_576: "1 MiB"}
OPERATIONS = ("encrypt", "decrypt")
ROUND_SECONDS = 300
CONTEXT = {"organization_id": "org_123"}
# Languages that are measured under a lease too: one without a runtime of its own, one with.
LEASED = ("Rust", "Python")


def build_c() -> Path:
    """bench.c, against what `make install` would install."""
    report.cargo("-p", "libvault-ffi")
    stage = report.WORK / "stage"
    environment = {"PATH": "/usr/bin:/bin", "DESTDIR": str(stage), "PREFIX": "/usr/local"}
    subprocess.run([report.ROOT / "ffi/install.sh"], env=environment, cwd=report.ROOT, stdout=subprocess.DEVNULL, check=True)
    include, library, program = stage / "usr/local/include", stage / "usr/local/lib", report.WORK / "bench_c"
    flags = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    paths = [f"-I{include}", f"-L{library}", f"-Wl,-rpath,{library}"]
    subprocess.run(["gcc", *flags, *paths, HERE / "bench.c", "-lvault", "-o", program], check=True)
    return program


def commands() -> dict[str, list]:
    """Each prints lines of variant, operation, bytes and microseconds."""
    return {
        "Rust": [report.build_example("bench")],
        "C": [build_c()],
        "Python": [sys.executable, HERE / "bench_python.py"],
        "Node": ["node", HERE / "bench_node.mjs"],
    }


def fresh(name: str) -> libvault.Initialized:
    directory = report.WORK / name
    shutil.rmtree(directory, ignore_errors=True)
    return libvault.init(directory)


def leased(kms: HonestKms) -> Path:
    """A vault in which the context has a customer's key, and a lease lasts longer than a program here runs."""
    made = fresh("leased")
    text = made.config.read_text(encoding="utf-8") + f"""
[leases]
max_age = 300000
[aws]
endpoint = "{kms.endpoint}"
credentials = "static"
access_key_id = "key"
secret_access_key = "secret"
[development]
allow_endpoint = true
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}
[[bindings.keys]]
id = "key_abc"
provider = "aws"
arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
"""
    made.config.write_text(text, encoding="utf-8")
    return made.config


def measure(rounds: int, batch: int) -> tuple[dict, dict]:
    """(language, variant, operation) → bytes → microseconds of every round: for the managed context, and for one under a lease."""
    programs = commands()
    managed, under_lease = (collections.defaultdict(lambda: collections.defaultdict(list)) for _ in range(2))
    with HonestKms() as kms:
        places = [(fresh("vault").config, managed, tuple(programs)), (leased(kms), under_lease, LEASED)]
        for number in range(1, rounds + 1):
            for config, results, languages in places:
                for language in languages:
                    done = subprocess.run(
                        [*programs[language], config, str(batch)], stdout=subprocess.PIPE, text=True, check=True, timeout=ROUND_SECONDS
                    )
                    for line in done.stdout.splitlines():
                        variant, operation, size, microseconds = line.split("\t")
                        results[language, variant, operation][int(size)].append(float(microseconds))
            print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        # One data key for each program, however many messages.
        asked, programs_run = len(kms.plaintexts), rounds * len(LEASED)
        if asked != programs_run:
            sys.exit(f"{programs_run} programs asked the KMS {asked} times to encrypt: something was not under a lease")
    return managed, under_lease


def number(microseconds: float) -> str:
    return f"{microseconds:.2f}" if microseconds < 10 else f"{microseconds:.1f}" if microseconds < 100 else f"{microseconds:.0f}"


def cell(times: list[float]) -> str:
    return f"{number(statistics.median(times))} ({number(min(times))}–{number(max(times))})"


def floor_cell(floor: dict, size: int) -> str:
    if (time := floor["microseconds"].get(str(size))) is None:
        time = size / floor["megabytes_per_second"][str(size)]
    return number(time)


def time_table(results: dict, floors: list[dict], operation: str) -> str:
    rows = []
    for language in dict.fromkeys(language for language, _, _ in results):
        for (owner, variant, kind), times in results.items():
            if (owner, kind) == (language, operation):
                rows.append([f"{language}: {variant.replace('encrypt', operation)}", *(cell(times[size]) for size in SIZES)])
        for floor in floors:
            if floor["language"] == language:
                rows.append([f"*{language} {floor['name']}*", *(floor_cell(floor[operation], size) for size in SIZES)])
    return report.table([f"{operation}, CPU µs", *SIZES.values()], rows)


def overhead_table() -> str:
    """Bytes of an envelope that are not payload; the same for every payload length, which is checked."""
    vault, customer = fresh("overhead"), fresh("overhead-customer")
    binding = {"id": "bnd_org_123", "owner": "org_123", "selector": CONTEXT}
    binding["keys"] = [{"id": "key_abc", "provider": "local", "path": str(customer.root_key)}]
    rows = []
    for policy, bindings in (("managed", []), ("customer_gated, one local key", [binding])):
        row = [policy]
        for context_in_header in ("tag", "full"):
            config = {
                "store": str(vault.store),
                "root_key": {"provider": "local", "path": str(vault.root_key)},
                "context_in_header": context_in_header,
                "bindings": bindings,
            }
            with libvault.open(config) as opened:
                if opened.match_context(CONTEXT).policy != policy.split(",")[0]:
                    sys.exit(f"the context is not {policy}")
                overheads = {len(opened.encrypt(bytes(size), CONTEXT)) - size for size in (0, *SIZES)}
            row.append(" or ".join(map(str, sorted(overheads))))
        rows.append(row)
    return report.table(["Bytes added", 'context_in_header = "tag"', '"full"'], rows)


def versions() -> str:
    return ", ".join(
        [report.version("rustc", "--version"), report.version("gcc", "--version"), f"Python {sys.version.split()[0]}"]
        + [f"Node {report.version('node', '--version')}", f"libvault {libvault.__version__}"]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the result into this Markdown file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=5, help="CPU milliseconds of a batch (default: 5)")
    options = parser.parse_args()

    report.WORK.mkdir(parents=True, exist_ok=True)
    results, under_lease = measure(options.rounds, options.batch)
    floors = json.loads((HERE / "floors.json").read_text(encoding="utf-8"))
    text = f"""## Encryption and decryption

CPU microseconds per call on one thread, for the managed context `{json.dumps(CONTEXT)}`, no AAD: median over {options.rounds} interleaved rounds
(least–greatest). CPU time is that of the whole process: an awaited call in Node includes libuv's pool.

- Machine: {report.machine()}
- Versions: {versions()}
- Command: `tests/bench/bench.py --rounds {options.rounds} --batch {options.batch}`
- The machine is a virtual one, and its speed changes with its neighbours: two values of a row may be half as much again apart. 1 MiB is nearly all AES-GCM of aws-lc; its rows beside their floors say how fast the machine was.
- Rows in italics are floors, not measured in this run: {floors["about"][0].lower()}{floors["about"][1:]}

{time_table(results, floors["floors"], "encrypt")}

{time_table(results, floors["floors"], "decrypt")}

### Under a lease

The same for a context with a customer's key in a KMS, while a lease lasts: the KMS, a stand-in on this machine, was asked to encrypt once by each program.

{time_table(under_lease, [], "encrypt")}

{time_table(under_lease, [], "decrypt")}

### Envelope overhead

For the context above, payloads of 0 bytes to 1 MiB. With `"full"` the context itself is part of it.

{overhead_table()}"""
    print(text)
    if options.out:
        report.write_section(options.out, "encryption and decryption", text)


if __name__ == "__main__":
    main()
