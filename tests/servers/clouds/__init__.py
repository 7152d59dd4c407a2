"""Three clouds with one face: a server that plays each, the vendor's identity there, customers' keys, and what the server was asked.

For tests, the demo and the benchmarks that do the same with a key in each. `aws`, `azure` and `google` are context managers.
"""

from .aws import AwsCloud, aws
from .azure import AzureCloud, azure
from .cloud import Answered, Cloud, Key, configuration, make_vault
from .google import GoogleCloud, google

__all__ = [
    "CLOUDS", "Answered", "AwsCloud", "AzureCloud", "Cloud", "GoogleCloud", "Key", "aws", "azure", "configuration", "google", "make_vault",
]

CLOUDS = {"aws": aws, "azure": azure, "gcp": google}
