"""The product's main job, told once from end to end, on real input, in four languages that share only files.

    python demo/story.py                 the story, against MiniStack, which enforces signatures, policies and key states
    python demo/story.py --kms moto      the negative control: moto serves disabled keys, so this must fail

Which key served a step is read from a proxy in front of the KMS, never from libvault.
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

from servers import CountingProxy, Customer, ministack, moto  # noqa: E402
from steps.acts import Acts, Revocation  # noqa: E402
from steps.corpus import standard_library_records  # noqa: E402
from steps.languages import LANGUAGES, Languages  # noqa: E402
from steps.report import Report  # noqa: E402
from steps.setup import make_vault  # noqa: E402

EMULATORS = {"ministack": ministack, "moto": moto}
CUSTOMER_RECORDS = 1500
OTHER_RECORDS_PER_CUSTOMER_RECORD = 2


def main() -> int:
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that everything is stopped in order
    workspace = ROOT / "build" / "demo" / options.kms
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    report, started, broken = Report(), time.perf_counter(), None
    try:
        with ExitStack() as running:
            acts = set_up(options, workspace, report, running)
            tell(acts, report)
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
        broken = f"the story could not go on: {error}"
    finally:
        if not options.keep:
            shutil.rmtree(workspace, ignore_errors=True)
    code = report.finish(broken)
    print(f"{time.perf_counter() - started:.1f} s" + (f", files kept in {workspace.relative_to(ROOT)}" if options.keep else ""))
    return code


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kms", choices=EMULATORS, default="ministack", help="the emulator that plays AWS KMS")
    parser.add_argument("--records", type=int, default=CUSTOMER_RECORDS, help="records of the customer (default %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the work directory, for a look at the files")
    return parser.parse_args()


def set_up(options: argparse.Namespace, workspace: Path, report: Report, running: ExitStack) -> Acts:
    report.title("1. A customer with a key in AWS KMS, and a vendor who may use it and nothing else")
    emulator = running.enter_context(EMULATORS[options.kms](workspace / "emulator.log"))
    proxy = running.enter_context(CountingProxy(emulator.port, workspace / "kms-requests.jsonl"))
    customer = Customer(emulator)
    key_arn = customer.create_key()
    vendor = customer.create_vendor()
    customer.grant()
    report.say(f"{emulator.name} plays AWS KMS; a counting proxy stands in front of it")
    report.say(f"customer's key {key_arn}")

    report.title("2. libvault init, and the customer's binding in the configuration")
    config = make_vault(workspace / "vault", key_arn, proxy.endpoint)
    credentials = {"AWS_ACCESS_KEY_ID": vendor.access_key_id, "AWS_SECRET_ACCESS_KEY": vendor.secret_access_key}
    languages = Languages(workspace, config, credentials)
    report.say("organization_id = org_123 → the customer's key; every other context → managed keys")

    records = standard_library_records(options.records * (1 + OTHER_RECORDS_PER_CUSTOMER_RECORD))
    acts = Acts(languages, proxy, customer, vendor, report, workspace, records, options.records)
    report.say(f"{len(records)} records ({sum(map(len, records)):,} bytes) of Python's standard library as input")
    return acts


def tell(acts: Acts, report: Report) -> None:
    report.title("3. Python encrypts for org_123, who has a key, and for org_456, who has none")
    acts.encrypt_everything("python")

    report.title("4. Every language decrypts, each in its own process")
    for language in LANGUAGES:
        acts.decrypt_everything(language)

    disabled = Revocation("disabled", 302, "KeyDisabled", "DisabledException")
    deleted = Revocation("deletion set", 303, "KeyPendingDeletion", "KMSInvalidStateException")
    denied = Revocation("no permission", 304, "AccessDenied", "AccessDeniedException")
    customer = acts.customer

    report.title("5. The customer disables the key, then enables it again")
    customer.disable_key()
    acts.refuse_everywhere(disabled)
    customer.enable_key()
    acts.serve_everywhere("enabled again")

    report.title("6. The customer schedules the key for deletion, then cancels it")
    customer.schedule_deletion()
    acts.refuse_everywhere(deleted)
    customer.cancel_deletion()
    acts.serve_everywhere("cancelled")

    report.title("7. The customer withdraws the vendor's permission, then grants it again")
    customer.withdraw()
    acts.refuse_everywhere(denied)
    customer.grant()
    acts.serve_everywhere("permitted again")


if __name__ == "__main__":
    sys.exit(main())
