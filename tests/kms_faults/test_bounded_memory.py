"""A KMS that answers without end must not be read without end."""

import subprocess
import sys
from pathlib import Path

from servers import AccessKey, FaultyKms

from .harness import Workplace

ARN = "arn:aws:kms:eu-central-1:000000000000:key/11111111-1111-4111-8111-111111111111"
MOST_KIB = 64 * 1024

ASK = """
import resource, sys
import libvault
with libvault.open(sys.argv[1]) as vault:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        vault.encrypt(b"x", {"organization_id": "org_123"})
    except libvault.VaultError as error:
        print(error.name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_an_endless_answer_takes_bounded_memory(tmp_path: Path):
    workplace = Workplace(tmp_path / "vault", ARN)
    with FaultyKms("endless_body") as kms:
        with workplace.open(kms.endpoint, AccessKey("AKIAIOSFODNN7EXAMPLE", "x")):
            config = max((tmp_path / "vault").glob("libvault-*.toml"))
        asked = subprocess.run([sys.executable, "-c", ASK, str(config)], capture_output=True, text=True, timeout=60)
    name, grown = asked.stdout.split()
    assert name == "KmsUnavailable"
    assert int(grown) < MOST_KIB, f"an endless answer took {grown} KiB"
