"""Asherah: one system key, wrapped by the KMS, wraps a key for each tenant, which wraps a data key for each record. Its metastore is DynamoDB.

It takes the KMS's endpoint from AWS_ENDPOINT_URL, and the metastore's from METASTORE_ENDPOINT.
"""

import functools
import os

import asherah
from workload import Place, main


class Tenant:
    def __init__(self, place: Place, tenant: str):
        session = factory(place).get_session(tenant)
        self.encrypt, self.decrypt = session.encrypt_bytes, session.decrypt_bytes


@functools.cache
def factory(place: Place) -> asherah.SessionFactory:
    region = os.environ["AWS_REGION"]
    return asherah.SessionFactory({
        "ServiceName": "service",
        "ProductID": place.directory.name,
        "KMS": "aws",
        "RegionMap": {region: place.key},
        "PreferredRegion": region,
        "Metastore": "dynamodb",
        "DynamoDBEndpoint": os.environ["METASTORE_ENDPOINT"],
        "DynamoDBRegion": region,
        "DynamoDBTableName": os.environ["METASTORE_TABLE"],
        "EnableSessionCaching": True,
    })


if __name__ == "__main__":
    main(Tenant)
