"""Vaults with a customer's key at a KMS endpoint that is broken on purpose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# Not the package `servers`, whose other servers need packages that these tests do without.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))

from faulty_kms import FaultyKms  # type: ignore[import-not-found]

__all__ = ["ARN", "IN_KMS", "FaultyKms", "with_kms"]

IN_KMS = {"organization_id": "org_aws"}
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def with_kms(configuration: dict[str, Any], endpoint: str, **timeouts: int) -> dict[str, Any]:
    """The configuration with a binding of IN_KMS to a key at the endpoint."""
    binding = {"id": "bnd_aws", "owner": "aws", "selector": IN_KMS, "keys": [{"id": "key_aws", "provider": "aws", "arn": ARN}]}
    return {
        **configuration,
        "bindings": [*configuration["bindings"], binding],
        "development": {"allow_endpoint": True},
        "leases": {"max_age": 0},
        "timeouts": {"connect": 2000, "attempt": 30000, "total": 30000, **timeouts},
        "aws": {
            "credentials": "static",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY",
            "endpoint": endpoint,
        },
    }
