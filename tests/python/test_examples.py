"""Every program of examples/python runs in an empty directory and prints what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/python"

PRINTED = {
    "quickstart": ["decrypted: hello", "protected by: managed keys", "another organization: ContextMismatch 103"],
    "encrypt_decrypt": ["attack at dawn", "moved to another row: refused", "14 bytes in place"],
    "data_key": ["the same key: True", "its bundle says: managed"],
    "stream_file": ["the copy is the same: True", "100000 lines", "attack at dawn"],
    "random_access": ["40000", "49999"],
    "rewrap": ["without keep_data_key: DowngradeRefused", "managed -> customer_gated moved: True", "attack at dawn"],
    "reencrypt": ["managed -> customer_gated", "attack at dawn"],
    "rekey": ["the same key: True", "under the old context: ContextMismatch"],
    "handle_errors": [
        "attack at dawn",
        "not this organization's data",
        "damaged or forged",
        "InvalidContext (code 101, input): a key context needs at least one item",
    ],
    "timeout_and_cancel": [
        "after 0.2 seconds: Timeout retryable: True",
        "after 0.1 seconds: Timeout",
        "interrupted",
        "cancelled: CancelledError",
    ],
    "reload": ["suspended: KeySuspended", "refused, the old one stays: bindings[0].state", "attack at dawn"],
    "log_and_stats": ["INFO libvault: the new configuration is in force", "encryptions: 3 calls to a KMS: 0"],
    "match_context": [
        "org_123 customer_gated [('key_org_123',)]",
        "org_456 managed []",
        "context name \"organizationId\" is not bound, but \"organization_id\" is: it would silently miss the customer's key",
    ],
    "asyncio_server": ["message 17", "attack at dawn"],
    "multiprocessing_pool": ["40 messages", "40 envelopes"],
}


def test_every_example_is_tested_and_every_task_has_one() -> None:
    from test_vectors import load

    programs = {path.stem for path in EXAMPLES.glob("*.py")}
    assert programs == set(PRINTED)
    assert set(load("api.json")["example_tasks"]) <= programs


@pytest.mark.parametrize("name", PRINTED)
def test_an_example(name: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == PRINTED[name]
    assert not list(tmp_path.glob(".libvault-*"))
