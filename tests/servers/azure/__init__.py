"""A test server for Azure Key Vault (keys, data plane) and Entra ID (tokens). It is libvault's own and not Microsoft's; see README.md.

`AzureServer` runs it for tests. `python -m tests.servers.azure --state-dir DIR` runs it by hand.
"""

from .client import AzureServer

__all__ = ["AzureServer"]
