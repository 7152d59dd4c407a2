"""P4 with a real server of each provider: a customer whose KMS never answers holds up its own calls and nobody else's, with the same provider too."""

from contextlib import ExitStack
from pathlib import Path

import libvault
import pytest

from providers.clouds import CLOUDS, make_vault
from servers import Crowd
from servers.faulty_proxy import stall

UNDER_WAY, WAITING = 64, 1_024  # docs/leases.md, "bulkhead"
CALLS = 10 * UNDER_WAY + WAITING
# The whole number once; the other two show that it is no property of one provider.
OPERATIONS = {"aws": 1_000, "azure": 100, "gcp": 100}
SILENT, WORKING = {"organization_id": "org-silent"}, {"organization_id": "org-working"}


@pytest.mark.parametrize(("provider", "operations"), OPERATIONS.items())
def test_ten_times_a_bulkhead_of_calls_that_never_return_hold_up_nobody_else(tmp_path: Path, provider: str, operations: int):
    with ExitStack() as running:
        cloud = running.enter_context(CLOUDS[provider](tmp_path / provider))
        keys = {context["organization_id"]: cloud.new_key() for context in (SILENT, WORKING)}
        network = running.enter_context(cloud.server.network())
        cloud.lead_through(network)
        config = make_vault(tmp_path / "vault", [cloud], keys, more="[timeouts]\nattempt = 60000\ntotal = 60000\n")
        network.spoil(stall, keys["org-silent"].is_meant_by)
        with libvault.open(config) as vault, Crowd(vault, SILENT, CALLS) as crowd:
            network.wait_for_spoilt(UNDER_WAY)
            crowd.wait(pending=UNDER_WAY + WAITING)
            assert crowd.outcomes() == {"pending": UNDER_WAY + WAITING, "Throttled": 9 * UNDER_WAY}
            for _ in range(operations // 2):
                assert vault.decrypt(vault.encrypt(b"data", WORKING), WORKING) == b"data"
            assert set(crowd.outcomes()) <= {"pending", "Throttled", "Timeout"}, "its own errors only"
            uses = [call.status for exchange in network.exchanges if (call := cloud.server.call(exchange))]
            assert [status for status in uses if status] == [200] * operations
            assert vault.stats().managed_wraps == 0
