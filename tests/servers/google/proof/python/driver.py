"""Drives the official client of Python over its REST transport: one JSON object a line in, one out. See ../driver.py."""

import base64
import json
import socket
import sys
from urllib.parse import urlsplit

import google_crc32c
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError, TooManyRequests
from google.api_core.retry import Retry
from google.auth import identity_pool, load_credentials_from_file
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.cloud import kms_v1
from google.oauth2.credentials import Credentials

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_clients: dict[tuple[str, bool], kms_v1.KeyManagementServiceClient] = {}


def resolve_googles_names(endpoint: str) -> None:
    """Impersonation asks iamcredentials.googleapis.com, whatever the file says; here that is the test server."""
    port, resolve = urlsplit(endpoint).port, socket.getaddrinfo

    def resolve_here(host, *arguments, **more):
        if str(host).endswith(".googleapis.com"):
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]
        return resolve(host, *arguments, **more)

    socket.getaddrinfo = resolve_here


def client(question: dict) -> kms_v1.KeyManagementServiceClient:
    chosen = question["credentials"], question["exchange"]
    if chosen not in _clients:
        if "federated" in question["credentials"]:
            # The general loader would first ask another service for the project.
            credentials = identity_pool.Credentials.from_file(question["credentials"], scopes=[SCOPE])
        else:
            credentials, _project = load_credentials_from_file(question["credentials"], scopes=[SCOPE])
        if question["exchange"]:
            # Otherwise this client lets a service account sign for itself and never asks for a token.
            credentials.refresh(Request())
            credentials = Credentials(credentials.token)
        options = ClientOptions(api_endpoint=sys.argv[1].removeprefix("https://"))
        _clients[chosen] = kms_v1.KeyManagementServiceClient(credentials=credentials, transport="rest", client_options=options)
    return _clients[chosen]


def checksum(question: dict, field: str) -> int | None:
    """As told; by default the right one."""
    return question.get(f"{field}_crc32c", google_crc32c.value(decode(question.get(field))))


def encrypt(question: dict, options: dict) -> dict:
    request = kms_v1.EncryptRequest(
        name=question["name"],
        plaintext=decode(question["plaintext"]),
        additional_authenticated_data=decode(question.get("aad")),
        plaintext_crc32c=checksum(question, "plaintext"),
        additional_authenticated_data_crc32c=checksum(question, "aad"),
    )
    answer = client(question).encrypt(request, **options)
    return {
        "name": answer.name,
        "ciphertext": encode(answer.ciphertext),
        "checksum_matches": answer.ciphertext_crc32c == google_crc32c.value(answer.ciphertext),
        "verified_plaintext": answer.verified_plaintext_crc32c,
        "verified_aad": answer.verified_additional_authenticated_data_crc32c,
        "protection_level": answer.protection_level.name,
    }


def decrypt(question: dict, options: dict) -> dict:
    request = kms_v1.DecryptRequest(
        name=question["name"],
        ciphertext=decode(question["ciphertext"]),
        additional_authenticated_data=decode(question.get("aad")),
        ciphertext_crc32c=checksum(question, "ciphertext"),
        additional_authenticated_data_crc32c=checksum(question, "aad"),
    )
    answer = client(question).decrypt(request, **options)
    return {
        "plaintext": encode(answer.plaintext),
        "checksum_matches": answer.plaintext_crc32c == google_crc32c.value(answer.plaintext),
        "used_primary": answer.used_primary,
        "protection_level": answer.protection_level.name,
    }


def get_crypto_key(question: dict, options: dict) -> dict:
    answer = client(question).get_crypto_key(name=question["name"], **options)
    return {"name": answer.name, "primary": answer.primary.name, "primary_state": answer.primary.state.name}


def list_versions(question: dict, options: dict) -> dict:
    pager = client(question).list_crypto_key_versions(parent=question["name"], **options)
    return {"versions": [[version.name, version.state.name] for version in pager]}


def decode(value: str | None) -> bytes:
    return base64.b64decode(value or "")


def encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


OPERATIONS = {operation.__name__: operation for operation in (encrypt, decrypt, get_crypto_key, list_versions)}


def answer(question: dict) -> dict:
    # Nothing is tried again unless the question wants it, so that one call is one request.
    retry = Retry(lambda error: isinstance(error, TooManyRequests), initial=0.01) if question.get("retry_throttled") else None
    try:
        return {"ok": OPERATIONS[question["operation"]](question, {"retry": retry, "timeout": 20})}
    except GoogleAPICallError as error:
        status = error.response.json()["error"]
        return {"error": {"code": status["status"], "message": status["message"], "details": status.get("details", [])}}
    except GoogleAuthError as error:
        return {"error": {"code": "TOKEN_REFUSED", "message": str(error), "details": []}}


resolve_googles_names(sys.argv[1])
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
