"""P4 with a real server: a customer whose KMS never answers holds up its own calls and nobody else's."""

from pathlib import Path

import libvault

from servers import Crowd
from providers.clouds import aws, make_vault

UNDER_WAY, WAITING = 64, 1_024  # docs/leases.md, "bulkhead"
CALLS = 10 * UNDER_WAY + WAITING
OPERATIONS = 1_000
SECONDS = 60
SILENT, WORKING = {"organization_id": "org-silent"}, {"organization_id": "org-working"}


def test_ten_times_a_bulkhead_of_calls_that_never_return_hold_up_nobody_else(tmp_path: Path):
    with aws(tmp_path / "aws") as cloud:
        keys = {context["organization_id"]: cloud.new_key() for context in (SILENT, WORKING)}
        silent = keys["org-silent"].address
        config = make_vault(tmp_path / "vault", [cloud], keys, more="[timeouts]\nattempt = 60000\ntotal = 60000\n")
        cloud.proxy.hold(silent)
        with libvault.open(config) as vault, Crowd(vault, SILENT, CALLS) as crowd:
            cloud.proxy.wait_for_held(silent, UNDER_WAY, SECONDS)
            mark = cloud.mark()
            for _ in range(OPERATIONS // 2):
                assert vault.decrypt(vault.encrypt(b"data", WORKING), WORKING) == b"data"
            assert crowd.outcomes() == {"pending": UNDER_WAY + WAITING, "Throttled": 9 * UNDER_WAY}
            assert len(cloud.since(mark)) == OPERATIONS, "one answer for each operation, and none for the silent key"
            assert vault.stats().managed_wraps == 0
