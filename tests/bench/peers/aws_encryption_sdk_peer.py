"""The AWS Encryption SDK for Python, committing suite without signature: with a KMS keyring, or with the caching materials manager.

The caching manager has no defaults: max_age is set to libvault's, 60 s. One cache for all tenants, whose contexts tell them apart.
"""

import functools

import aws_encryption_sdk
import botocore.session
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsKeyringInput
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy
from workload import Place, main

CLIENT = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
MAX_AGE_SECONDS = 60.0


class Tenant:
    def __init__(self, place: Place, tenant: str):
        self._context = {"organization_id": tenant}
        self._source = {"keyring": keyring(place)} if place.variant == "keyring" else {"materials_manager": caching(place)}
        # Only keyrings compare the expected context.
        self._expected = {"encryption_context": self._context} if place.variant == "keyring" else {}

    def encrypt(self, plaintext: bytes) -> bytes:
        suite = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
        return CLIENT.encrypt(source=plaintext, algorithm=suite, encryption_context=self._context, **self._source)[0]

    def decrypt(self, ciphertext: bytes) -> bytes:
        return CLIENT.decrypt(source=ciphertext, **self._expected, **self._source)[0]


@functools.cache
def keyring(place: Place):
    client = botocore.session.get_session().create_client("kms", endpoint_url=place.endpoint)
    providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
    return providers.create_aws_kms_keyring(input=CreateAwsKmsKeyringInput(kms_key_id=place.key, kms_client=client))


@functools.cache
def caching(place: Place):
    """Its provider takes the endpoint from AWS_ENDPOINT_URL."""
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[place.key])
    cache = aws_encryption_sdk.LocalCryptoMaterialsCache(1000)
    return aws_encryption_sdk.CachingCryptoMaterialsManager(master_key_provider=provider, cache=cache, max_age=MAX_AGE_SECONDS)


if __name__ == "__main__":
    main(Tenant)
