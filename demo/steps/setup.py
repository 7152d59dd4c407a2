"""Makes a vault as a vendor would: `libvault init`, then the customer's binding in the configuration."""

import subprocess
from pathlib import Path

from .languages import COMMAND_LINE


def make_vault(directory: Path, key_arn: str, endpoint: str) -> Path:
    """Returns the configuration file. The root key and the store lie beside it."""
    subprocess.run([str(COMMAND_LINE), "init", str(directory)], check=True, capture_output=True, timeout=60)
    config = directory / "libvault.toml"
    config.write_text(config.read_text(encoding="utf-8") + _customer(key_arn, endpoint), encoding="utf-8")
    return config


def _customer(key_arn: str, endpoint: str) -> str:
    return f"""
[aws]
endpoint = "{endpoint}"

# The story shows each refusal at once; with leases it would show it within max_age.
[leases]
max_age = 0

[development]
allow_endpoint = true

[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}

[[bindings.keys]]
id = "key_org_123"
provider = "aws"
arn = "{key_arn}"
"""
