"""P4 with a real server: a customer whose KMS never answers holds up its own calls and nobody else's."""

from contextlib import ExitStack
from pathlib import Path

import libvault

from providers.clouds import aws, make_vault
from servers import Crowd
from servers.faulty_proxy import stall

UNDER_WAY, WAITING = 64, 1_024  # docs/leases.md, "bulkhead"
CALLS = 10 * UNDER_WAY + WAITING
OPERATIONS = 1_000
SILENT, WORKING = {"organization_id": "org-silent"}, {"organization_id": "org-working"}


def test_ten_times_a_bulkhead_of_calls_that_never_return_hold_up_nobody_else(tmp_path: Path):
    with ExitStack() as running:
        cloud = running.enter_context(aws(tmp_path / "aws"))
        keys = {context["organization_id"]: cloud.new_key() for context in (SILENT, WORKING)}
        network = running.enter_context(cloud.server.network())
        cloud.lead_through(network)
        config = make_vault(tmp_path / "vault", [cloud], keys, more="[timeouts]\nattempt = 60000\ntotal = 60000\n")
        network.spoil(stall, keys["org-silent"].is_meant_by)
        with libvault.open(config) as vault, Crowd(vault, SILENT, CALLS) as crowd:
            network.wait_for_spoilt(UNDER_WAY)
            assert crowd.outcomes() == {"pending": UNDER_WAY + WAITING, "Throttled": 9 * UNDER_WAY}
            for _ in range(OPERATIONS // 2):
                assert vault.decrypt(vault.encrypt(b"data", WORKING), WORKING) == b"data"
            assert set(crowd.outcomes()) <= {"pending", "Throttled", "Timeout"}, "its own errors only"
            assert sum(exchange.reply is not None for exchange in network.exchanges) == OPERATIONS
            assert vault.stats().managed_wraps == 0
