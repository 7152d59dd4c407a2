"""MongoDB's client-side field-level encryption, explicit and without a database: its key vault is a file. A data key for each tenant."""

import json
import os
import socket
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import bson
from bson.binary import UUID_SUBTYPE, Binary
from pymongocrypt.mongocrypt import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback
from workload import Place, main

ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
SUBTYPE_ENCRYPTED = 6


class Callback(MongoCryptCallback):
    """The key vault, and the connection to the KMS: libmongocrypt hands out whole HTTP requests."""

    def __init__(self, address: tuple[str, int], keys: Path):
        self._address, self._keys = address, keys

    def kms_request(self, context) -> None:
        with socket.create_connection(self._address, timeout=30) as connection:
            connection.sendall(bytes(context.message))
            while context.bytes_needed > 0 and (received := connection.recv(65536)):
                context.feed(received)

    def fetch_keys(self, filter_) -> Iterator[bytes]:
        for identifier in bson.decode(filter_)["$or"][0]["_id"]["$in"]:
            yield (self._keys / bytes(identifier).hex()).read_bytes()

    def insert_data_key(self, data_key) -> Binary:
        document = bytes(data_key)
        identifier = bytes(bson.decode(document)["_id"])
        (self._keys / identifier.hex()).write_bytes(document)
        return Binary(identifier, UUID_SUBTYPE)

    def collection_info(self, database, filter_):
        return None

    def mark_command(self, database, command):
        raise NotImplementedError

    def bson_encode(self, document) -> bytes:
        return bson.encode(document)

    def close(self) -> None:
        pass


class Tenant:
    def __init__(self, place: Place, tenant: str):
        keys = place.directory / tenant
        keys.mkdir(exist_ok=True)
        url, region = urllib.parse.urlsplit(place.endpoint), os.environ["AWS_REGION"]
        identity = {"accessKeyId": os.environ["AWS_ACCESS_KEY_ID"], "secretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"]}
        self._encrypter = ExplicitEncrypter(Callback((url.hostname, url.port), keys), MongoCryptOptions({"aws": identity}))
        known = keys / "data-key.json"
        if not known.exists():
            master = {"region": region, "key": place.key, "endpoint": f"kms.{region}.amazonaws.com"}
            known.write_text(json.dumps(bytes(self._encrypter.create_data_key("aws", master)).hex()))
        self._data_key = bytes.fromhex(json.loads(known.read_text()))

    def encrypt(self, plaintext: bytes) -> bytes:
        return bytes(bson.decode(self._encrypter.encrypt(bson.encode({"v": plaintext}), ALGORITHM, key_id=self._data_key))["v"])

    def decrypt(self, ciphertext: bytes) -> bytes:
        return bson.decode(self._encrypter.decrypt(bson.encode({"v": Binary(ciphertext, SUBTYPE_ENCRYPTED)})))["v"]


if __name__ == "__main__":
    main(Tenant)
