"""Honest wraps can together exceed what a bundle may hold: that is refused when it is written, not when somebody tries to read it."""

from pathlib import Path

import libvault
import pytest

from servers import FaultyKms

KEYS_PER_BINDING = 10
WRAP = 3 + 16 + 1024  # docs/envelope.md, section 3: one key id and the largest blob


def configuration(directory: Path, endpoint: str, bindings: int) -> dict:
    made = libvault.init(directory)
    arn = "arn:aws:kms:eu-central-1:000000000000:key/11111111-1111-4111-8111-{:012d}"
    keys = [
        [
            {"id": f"key_{binding}_{key}", "provider": "aws", "arn": arn.format(binding * KEYS_PER_BINDING + key)}
            for key in range(KEYS_PER_BINDING)
        ]
        for binding in range(bindings)
    ]
    return {
        "store": made.store,
        "root_key": {"provider": "local", "path": made.root_key},
        "timeouts": {"total": 60000},
        "aws": {"credentials": "static", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "x", "endpoint": endpoint},
        "development": {"allow_endpoint": True},
        "bindings": [
            {"id": f"bnd_{number}", "owner": f"owner_{number}", "selector": {f"name_{number}": "x"}, "keys": keys[number]}
            for number in range(bindings)
        ],
    }


@pytest.mark.parametrize(("bindings", "fits"), [(6, True), (7, False)])
def test_a_bundle_that_would_be_too_long_is_refused_at_encryption(tmp_path: Path, bindings: int, fits: bool) -> None:
    assert (bindings * KEYS_PER_BINDING * WRAP < 65_536) == fits
    context = {f"name_{number}": "x" for number in range(bindings)}
    with FaultyKms("largest_ciphertext") as kms, libvault.open(configuration(tmp_path / "vault", kms.endpoint, bindings)) as vault:
        for make in (lambda: vault.encrypt(b"data", context), lambda: vault.create_data_key(context).bundle):
            if fits:
                assert len(libvault.inspect(make())["shares"]) == bindings
            else:
                with pytest.raises(libvault.LimitExceeded):
                    make()
