"""Our own test server for Google Cloud KMS and Google's token endpoints. It is not Google's: see README.md here.

`python -m tests.servers.google --state-dir DIR` runs it; `GoogleServer` starts and stops it for a test.
"""

from .launcher import AdminError, GoogleServer

__all__ = ["AdminError", "GoogleServer"]
