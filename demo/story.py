"""The product's main job, told once from end to end, on real input, in four languages that share only files, with keys in three clouds.

    python demo/story.py                 the story, with AWS KMS played by MiniStack, which enforces signatures, policies and key states
    python demo/story.py --kms moto      the negative control: moto serves disabled keys, so this must fail

Which key served a step is read from what the servers were asked, never from libvault.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from providers.clouds import aws, azure, google  # noqa: E402
from servers import ministack, moto  # noqa: E402
from steps.acts import Acts  # noqa: E402
from steps.corpus import standard_library_records  # noqa: E402
from steps.evidence import Evidence  # noqa: E402
from steps.languages import LANGUAGES, Languages, make_vault  # noqa: E402
from steps.parties import parties  # noqa: E402
from steps.report import Report  # noqa: E402

EMULATORS = {"ministack": ministack, "moto": moto}
CUSTOMER_RECORDS = 400
RECORDS_WITHOUT_A_KEY = 2  # for each record of a customer


def main() -> int:
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that everything is stopped in order
    workspace = ROOT / "build" / "demo" / options.kms
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    report, started = Report(), time.perf_counter()
    evidence, differences, broken = [], [], None
    try:
        with ExitStack() as running:
            acts, record = set_up(options, workspace, report, running)
            tell(acts, report, options.revoking)
            evidence, found = record.table()
            differences = [f"{organization}: {problem}" for organization, problem in found]
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
        broken = f"the story could not go on: {error}"
    finally:
        if not options.keep:
            shutil.rmtree(workspace, ignore_errors=True)
    code = report.finish(evidence, differences, broken)
    print(f"{time.perf_counter() - started:.1f} s" + (f", files kept in {workspace.relative_to(ROOT)}" if options.keep else ""))
    return code


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kms", choices=EMULATORS, default="ministack", help="the emulator that plays AWS KMS")
    parser.add_argument("--records", type=int, default=CUSTOMER_RECORDS, help="records of each customer (default %(default)s)")
    parser.add_argument("--revoking", nargs="+", help="the customers who revoke, such as org_123 (default: all)")
    parser.add_argument("--keep", action="store_true", help="keep the work directory, for a look at the files")
    return parser.parse_args()


def set_up(options: argparse.Namespace, workspace: Path, report: Report, running: ExitStack) -> tuple[Acts, Evidence]:
    report.title("1. Three customers, each with a key in a cloud of its own, and a vendor who may use the keys and nothing else")
    clouds = [
        running.enter_context(aws(workspace / "aws", EMULATORS[options.kms], configured=False)),
        running.enter_context(azure(workspace / "azure")),
        running.enter_context(google(workspace / "google")),
    ]
    everybody = parties(*clouds)
    for party in everybody:
        if party.cloud and party.key:
            report.say(f"{party.organization}  {party.cloud.name}, played by {party.cloud.played_by}")
            report.say(f"         {party.key.address}")
    report.say("org_456  no key")

    report.title("2. libvault init, and one configuration with the bindings of all three")
    config = make_vault(workspace / "vault", clouds, {party.organization: party.key for party in everybody if party.key})
    languages = Languages(workspace, config, {name: value for cloud in clouds for name, value in cloud.environment.items()})
    report.say("organization_id → the customer's key; every other context → managed keys")

    shares = [options.records if party.key else options.records * RECORDS_WITHOUT_A_KEY for party in everybody]
    records = iter(standard_library_records(sum(shares)))
    dealt = {party.organization: [next(records) for _ in range(share)] for party, share in zip(everybody, shares, strict=True)}
    report.say(f"{sum(shares)} records ({sum(map(len, sum(dealt.values(), []))):,} bytes) of Python's standard library as input")
    evidence = Evidence(everybody)
    return Acts(everybody, languages, evidence, report, workspace, dealt), evidence


def tell(acts: Acts, report: Report, revoking: list[str] | None) -> None:
    report.title("3. Python encrypts for the three customers, and for org_456, who has no key")
    acts.encrypt_everything("python")

    report.title("4. Every language decrypts, each in its own process")
    for language in LANGUAGES:
        acts.decrypt_everything(language)

    customers = [party for party in acts.parties if party.key and (revoking is None or party.organization in revoking)]

    report.title("5. One customer after another disables its key, then enables it again")
    for party in customers:
        party.key.disable()
        acts.refuse(party, party.disabled)
        party.key.enable()
    acts.serve_everybody("enabled again")

    report.title("6. One customer after another has its key deleted, then takes that back")
    for party in customers:
        party.key.schedule_deletion()
        acts.refuse(party, party.deleted)
        party.key.cancel_deletion()
    acts.serve_everybody("not deleted after all")

    report.title("7. One customer after another withdraws the vendor's permission, then grants it again")
    for party in customers:
        party.key.deny()
        acts.refuse(party, party.denied)
        party.key.grant()
    acts.serve_everybody("permitted again")


if __name__ == "__main__":
    sys.exit(main())
