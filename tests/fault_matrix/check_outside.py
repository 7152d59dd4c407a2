"""Toxiproxy and mitmproxy make the faults, and what becomes of the calls is what the committed document says."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from servers.emulators import free_port
from servers.outside import mitmproxy, toxiproxy

from .faults import Kind, Lease, Row, rows
from .outside import SCRIPT, BehindMitmproxy, BehindToxiproxy, Mitmproxy, Toxiproxy
from .stage import Result, play
from .table import committed
from .test_matrix import AT_ONCE

CONNECTIONS = [row for row in rows() if row.fault.kind is Kind.CONNECTION and row.lease is not Lease.HELD]
ANSWERS = [row for row in rows() if row.fault.kind in (Kind.ANSWER, Kind.REPLAY, Kind.TOKEN) and row.lease is not Lease.HELD]


@pytest.fixture(scope="module")
def by_toxiproxy(prepared, names, trap, tmp_path_factory):
    directory = tmp_path_factory.mktemp("toxiproxy")

    def one(number: int, row: Row) -> Result:
        with prepared[row.provider].server.network() as proxy:
            spoiler = BehindToxiproxy(proxy, trap, running, f"row-{number}")
            return play(row, prepared[row.provider], directory / f"row-{number}", spoiler, names)

    with toxiproxy(directory) as control, ThreadPoolExecutor(AT_ONCE) as pool:
        running = Toxiproxy(control)
        yield {row: pool.submit(one, number, row) for number, row in enumerate(CONNECTIONS)}


@pytest.fixture(scope="module")
def by_mitmproxy(prepared, names, trap, tmp_path_factory):
    directory = tmp_path_factory.mktemp("mitmproxy")
    with ExitStack() as stack:
        networks = {row: stack.enter_context(prepared[row.provider].server.network()) for row in ANSWERS}
        ports = {row: free_port() for row in ANSWERS}
        modes = {ports[row]: f"reverse:{networks[row].endpoint}" for row in ANSWERS}
        orders = directory / "running"
        running = Mitmproxy(orders, stack.enter_context(mitmproxy(orders, modes, SCRIPT, {"FAULT_ORDERS": str(orders)})))

        def one(number: int, row: Row) -> Result:
            spoiler = BehindMitmproxy(networks[row], trap, running, ports[row])
            return play(row, prepared[row.provider], directory / f"row-{number}", spoiler, names)

        # One process that does everything in one thread.
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE // 3))
        yield {row: pool.submit(one, number, row) for number, row in enumerate(ANSWERS)}


def check(row: Row, future: Future[Result], counts: bool) -> None:
    result, expected = future.result(), committed(row)
    assert (result.outcome, result.managed_key_uses, result.in_time) == (expected.outcome, 0, True)
    if counts:
        assert (result.calls, result.tokens) == (expected.calls, expected.tokens)


@pytest.mark.parametrize("row", CONNECTIONS, ids=str)
def test_connections_by_toxiproxy(by_toxiproxy, row):
    """Whether a request still gets through to be counted depends on when the fault hits a handshake of TLS: not compared."""
    check(row, by_toxiproxy[row], counts=False)


@pytest.mark.parametrize("row", ANSWERS, ids=str)
def test_answers_by_mitmproxy(by_mitmproxy, row):
    check(row, by_mitmproxy[row], counts=True)
