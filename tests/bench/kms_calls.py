#!/usr/bin/env python3
"""Calls to a KMS for 1,000 encryptions and 1,000 decryptions, of one tenant and of 50 in turn: libvault with each provider, and its peers.

    kms_calls.py [--out docs/benchmarks.md] [--operations 1000]

Counted by the servers, never by what is measured: at the counting proxy in front of AWS KMS, in the records of the test servers for
Azure and Google. The peers are in peers/, each in a virtual environment of its own in build/peers (`make bench-kms-calls` makes them),
against the same emulator. Five to ten minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import report

sys.path.insert(0, str(report.ROOT / "tests"))

from providers.clouds import CLOUDS, AwsCloud, Cloud, CustomerKey, make_vault  # noqa: E402
from servers.aws_accounts import AccessKey, client  # noqa: E402
from servers.emulators import REGION  # noqa: E402

PROGRAMS = Path(__file__).parent / "peers"
TENANTS = (1, 50)
PHASES = ("encrypt", "decrypt")
PHASE_SECONDS = 300
METASTORE_TABLE = "EncryptionKey"
DEFAULT_MAX_AGE = 60_000
PEERS = {
    ("asherah", "default"): "Asherah, default caches",
    ("aws_encryption_sdk", "caching"): "AWS Encryption SDK, caching for 60 s",
    ("pymongocrypt", "default"): "MongoDB CSFLE (pymongocrypt), cache of 60 s",
    ("aws_encryption_sdk", "keyring"): "AWS Encryption SDK, KMS keyring",
}
PACKAGES = {"asherah": "asherah", "aws_encryption_sdk": "aws-encryption-sdk", "pymongocrypt": "pymongocrypt"}


@dataclass(frozen=True)
class Row:
    """Calls for each phase and number of tenants, in a thousand operations. `sign_in`: requests about no key, such as for tokens."""

    name: str
    calls: dict[tuple[str, int], float]
    sign_in: int | None = None

    def total(self, tenants: int) -> float:
        return sum(self.calls[phase, tenants] for phase in PHASES)


class Bench:
    def __init__(self, directory: Path, operations: int):
        self._directory, self._operations, self._places = directory, operations, 0

    def libvault(self, cloud: Cloud, keys: dict[str, CustomerKey]) -> list[Row]:
        """Written and read with leases, without, and read with them what was written without."""
        leases = make_vault(self._place(), [cloud], keys, max_age=DEFAULT_MAX_AGE)
        none = leases.with_name("no-leases.toml")
        none.write_text(leases.read_text(encoding="utf-8").replace(f"max_age = {DEFAULT_MAX_AGE}", "max_age = 0"), encoding="utf-8")
        return [
            self._row(f"**libvault, {cloud.name}, default leases**", cloud, "libvault_peer.py", [leases, leases]),
            self._row(f"libvault, {cloud.name}, written without leases", cloud, "libvault_peer.py", [none, leases]),
            self._row(f"libvault, {cloud.name}, no leases", cloud, "libvault_peer.py", [none, none]),
        ]

    def peer(self, cloud: AwsCloud, key: CustomerKey, package: str, variant: str) -> Row:
        python = report.ROOT / "build" / "peers" / package / "bin" / "python"
        if not python.exists():
            sys.exit(f"no {python}: `make bench-kms-calls` makes it")
        show = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
        version = subprocess.run([python, "-c", show, PACKAGES[package]], check=True, capture_output=True, text=True).stdout.strip()
        name = f"{PEERS[package, variant]} ({version})"
        return self._row(name, cloud, f"{package}_peer.py", [cloud.proxy.endpoint] * 2, python, variant, key.address)

    def _row(
        self,
        name: str,
        cloud: Cloud,
        program: str,
        endpoints: list[str | Path],
        python: str | Path = sys.executable,
        variant: str = "-",
        key: str = "-",
    ) -> Row:
        calls, sign_in = {}, 0
        for tenants in TENANTS:
            place = self._place()
            place.mkdir()
            for phase, endpoint in zip(PHASES, endpoints, strict=True):
                mark = cloud.mark()
                arguments = [variant, phase, str(tenants), str(self._operations), str(place), str(endpoint), key]
                finished = subprocess.run(
                    [python, PROGRAMS / program, *arguments], env=_environment(cloud), capture_output=True, text=True, timeout=PHASE_SECONDS
                )
                if finished.returncode != 0:
                    sys.exit(f"{name}, {phase}, {tenants} tenants:\n{finished.stderr[-3000:]}")
                seen = cloud.since(mark)
                if refused := {one.answer for one in seen if one.answer != "OK" and (one.operation, one.answer) not in cloud.sign_in}:
                    sys.exit(f"{name}, {phase}: the KMS answered {refused}")
                of_keys = [one for one in seen if one.key is not None]
                sign_in += len(seen) - len(of_keys)
                calls[phase, tenants] = len(of_keys) * 1000 / self._operations
        row = Row(name, calls, sign_in)
        print(name, calls, f"{sign_in} more requests", flush=True)
        return row

    def _place(self) -> Path:
        self._places += 1
        return self._directory / f"place-{self._places}"


def _environment(cloud: Cloud) -> dict[str, str]:
    """For the peers: the administrator's identity, since they need more permissions than libvault."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AZURE_", "GOOGLE_"))}
    if not isinstance(cloud, AwsCloud):
        return inherited
    access_key_id, secret_access_key = cloud.emulator.administrator
    return inherited | {
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": cloud.proxy.endpoint,
        "METASTORE_ENDPOINT": cloud.emulator.endpoint,
        "METASTORE_TABLE": METASTORE_TABLE,
    }


def make_metastore(cloud: AwsCloud) -> None:
    """Asherah keeps its keys in DynamoDB, which the emulator plays too."""
    names = {"Id": ("HASH", "S"), "Created": ("RANGE", "N")}
    client("dynamodb", cloud.emulator.endpoint, AccessKey(*cloud.emulator.administrator)).create_table(
        TableName=METASTORE_TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, (kind, _) in names.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, (_, kind) in names.items()],
    )


def recorded() -> tuple[str, list[Row]]:
    known = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    rows = [
        Row(f"*{peer['name']}*", {(phase, tenants): peer[phase][str(tenants)] for phase in PHASES for tenants in TENANTS})
        for peer in known["peers"]
    ]
    return known["about"], rows


def markdown(rows: list[Row], about: str, servers: str) -> str:
    base = rows[0]
    header = ["KMS calls per 1,000"] + [f"{phase}, {tenants} tenant{'s' * (tenants > 1)}" for tenants in TENANTS for phase in PHASES]
    header += [f"against libvault, {tenants} tenant{'s' * (tenants > 1)}" for tenants in TENANTS]
    table = [
        [row.name, *(f"{row.calls[phase, tenants]:,.0f}" for tenants in TENANTS for phase in PHASES)]
        + [_times(row.total(tenants) / base.total(tenants)) for tenants in TENANTS]
        for row in rows
    ]
    sign_in = max(row.sign_in or 0 for row in rows)
    return f"""## KMS calls

Requests about a key for 1,000 encryptions of 64 bytes, and for their 1,000 decryptions in another process with cold caches; one tenant, and
50 in turn. Counted by the servers. "Against libvault" is the sum of both beside that of libvault with AWS KMS and default leases, whose tenants
have a key each.

- Servers: {servers}
- Command: `make bench-kms-calls`
- {about}

{report.table(header, table)}

What the numbers mean:

- **libvault** asks once per tenant and lease: after 60 s (by default) the next call asks again. All messages under a lease share a key bundle, so
  reading them back takes one call per tenant too. Data that was written without leases, by many processes, or over a long time has many bundles:
  each one that is not in memory is a call. The revocation bound is the lease.
- **AWS Encryption SDK** with a KMS keyring asks for each message; a disabled key stops the next one. Its caching manager has no default age: with the 60 s
  set here it asks as often as libvault. A refusal ends none of its entries early.
- **MongoDB CSFLE** caches a data key for 60 s and encrypts all of a tenant's values with that one key: no key per message or lease. The
  additional calls at encryption make the data keys.
- **Asherah** asks the KMS for its system key only, one for all tenants: a tenant has no key of its own in a KMS, and so none to revoke. Its
  default caches ask again after an hour.
- **Tink** and the **WorkOS SDK** have no cache.
- Requests about no key come on top with Azure only: a token for each process, and a challenge for each customer's vault in it ({sign_in} in the
  four processes of a row)."""


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.2f} ×"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the result into this Markdown file")
    parser.add_argument("--operations", type=int, default=1000, help="of each phase (default %(default)s)")
    options = parser.parse_args()
    rows: list[Row] = []
    servers = []
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as running:
        bench = Bench(Path(temporary), options.operations)
        clouds = {name: running.enter_context(start(Path(temporary) / name)) for name, start in CLOUDS.items()}
        for cloud in clouds.values():
            servers.append(f"{cloud.name} played by {cloud.played_by}")
            rows += bench.libvault(cloud, {f"org-{number}": cloud.new_key() for number in range(max(TENANTS))})
        aws = clouds["aws"]
        make_metastore(aws)
        rows += [bench.peer(aws, aws.new_key(), *peer) for peer in PEERS]
    about, more = recorded()
    text = markdown(rows + more, about, "; ".join(servers))
    print(text)
    if options.out:
        report.write_section(options.out, "kms calls", text)
    if rows[0].calls != {(phase, tenants): tenants * 1000 / options.operations for tenants in TENANTS for phase in PHASES}:
        sys.exit("with default leases a tenant is one call for its encryptions and one for its decryptions")


if __name__ == "__main__":
    main()
