#!/usr/bin/env python3
"""Runs a test program with a vault and with one whose only key is at a KMS that misbehaves.

    run_with_kms.py FAULT PROGRAM DIRECTORY      FAULT is one of tests/servers/faulty_kms.py, DIRECTORY has a vault of vault_init()
"""

import signal
import subprocess
import sys
from pathlib import Path

from run_errors import LONGEST_SECONDS, faulty_kms

BINDING = """
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}
[[bindings.keys]]
id = "key_org_123"
provider = "aws"
arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[aws]
credentials = "static"
access_key_id = "AKIAIOSFODNN7EXAMPLE"
secret_access_key = "secret"
endpoint = "{endpoint}"
[development]
allow_endpoint = true
[leases]
max_age = 0
[timeouts]
connect = 500
attempt = 700
total = {total}
"""


def main() -> int:
    program, directory = Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    base = directory / "libvault.toml"
    # Where nothing answers, waiting for the end of it is all that takes time; else retries must have their end before.
    total = 3000 if sys.argv[1] == "never_answers" else 15000
    with faulty_kms(sys.argv[1]) as kms:
        config = directory / "guest-kms.toml"
        config.write_text(base.read_text(encoding="utf-8") + BINDING.format(endpoint=kms.endpoint, total=total), encoding="utf-8")
        # Python ignores SIGPIPE, and a child would inherit that.
        run = subprocess.run([program, base, config], timeout=LONGEST_SECONDS, restore_signals=True)
    if run.returncode == -signal.SIGPIPE:
        print("SIGPIPE ended the program", file=sys.stderr)
    return 1 if run.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
