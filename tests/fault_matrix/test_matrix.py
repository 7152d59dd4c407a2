"""The matrix, made by our own proxy, is the one that is committed."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from providers.scene import DATA, Scene

from .faults import Row, rows
from .spoilers import OwnProxy
from .stage import Result, observe, play
from .table import DOCUMENT, render

TIMES = Path(__file__).resolve().parents[2] / "build/fault-times.jsonl"
# Nearly all of the time is spent waiting.
AT_ONCE = 12


@pytest.fixture(scope="module")
def results(prepared, names, trap, tmp_path_factory) -> Iterator[dict[Row, Future[Result]]]:
    directory = tmp_path_factory.mktemp("rows")

    def one(number: int, row: Row) -> Result:
        with prepared[row.provider].server.network() as proxy:
            return play(row, prepared[row.provider], directory / f"row-{number}", OwnProxy(proxy, trap), names)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {row: pool.submit(one, number, row) for number, row in enumerate(rows())}


@pytest.mark.parametrize("row", list(rows()), ids=str)
def test_no_managed_key_and_no_endless_call(results, row):
    result = results[row].result()
    assert result.managed_key_uses == 0
    assert result.in_time, f"{result.seconds:.1f} s"
    assert result.calls <= 3


def test_a_use_of_a_managed_key_would_be_noticed(prepared, trap, tmp_path):
    """A context that belongs to no customer: here the vendor's own keys are right, and have to be counted."""
    server, key = prepared["aws"].server, prepared["aws"].key
    with server.network() as proxy:
        scene = Scene(server, tmp_path / "vault", proxy)
        with scene.open(key) as vault:
            result = observe(scene, vault, (vault.encrypt, DATA, {"organization_id": "nobody"}), OwnProxy(proxy, trap))
    assert (result.outcome, result.calls) == ("ok", 0)
    assert result.managed_key_uses >= 2, "by the counters and in the store"


def test_the_document_says_so(results):
    """`make fault-matrix` writes it."""
    found = {row: future.result() for row, future in results.items()}
    TIMES.parent.mkdir(exist_ok=True)
    with TIMES.open("w", encoding="utf-8") as output:
        for row, result in found.items():
            what = {"provider": row.provider, "fault": row.fault.name + row.lease.value, "operation": row.operation}
            output.write(json.dumps(what | {"outcome": result.outcome, "seconds": round(result.seconds, 3)}) + "\n")
    document = render(found)
    if os.environ.get("LIBVAULT_WRITE_FAULT_MATRIX"):
        DOCUMENT.write_text(document, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == document, "make fault-matrix, and look at what changed"
