"""A deadline for one call, and a call that is given up. The KMS here is a local socket that never answers."""

import asyncio
import logging
import signal
import socket
import threading
from typing import Any

import libvault

made = libvault.init("vault")
context = {"organization_id": "org_123"}
logging.getLogger("libvault").setLevel(logging.ERROR)  # its warning about the development switch is expected

silent = socket.create_server(("127.0.0.1", 0))
key = {"id": "key_org_123", "provider": "aws", "arn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
configuration: dict[str, Any] = {
    "store": made.store,
    "root_key": {"provider": "local", "path": made.root_key},
    "aws": {
        "credentials": "static",
        "access_key_id": "test",
        "secret_access_key": "test",
        "endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}",
    },
    "development": {"allow_endpoint": True},  # what lets the endpoint be something else than AWS
    "bindings": [{"id": "bnd_org_123", "owner": "org_123", "selector": context, "keys": [key]}],
}

with libvault.open(configuration) as vault:
    try:
        vault.encrypt(b"data", context, timeout=0.2)
    except libvault.Timeout as error:
        print("after 0.2 seconds:", error.name, "retryable:", error.retryable)

    # For many calls: a view of the vault, which is cheap to make. The actor goes into the audit trail.
    impatient = vault.with_options(timeout=0.1, actor="nightly job")
    try:
        impatient.create_data_key(context)
    except libvault.Timeout as error:
        print("after 0.1 seconds:", error.name)

    # Ctrl-C ends a call that waits; here the signal comes from a timer.
    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    try:
        vault.encrypt(b"data", context)
    except KeyboardInterrupt:
        print("interrupted")

    async def cancel() -> None:
        task = asyncio.create_task(libvault.AsyncVault(vault).encrypt(b"data", context))
        await asyncio.sleep(0.1)
        task.cancel()  # in a server: when the client hangs up
        print("cancelled:", type((await asyncio.gather(task, return_exceptions=True))[0]).__name__)

    asyncio.run(cancel())
