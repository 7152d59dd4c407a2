"""Does with the official Python clients what it is told on standard input, as described in ../drivers.py."""

import base64
import json
import sys
import time
from importlib.metadata import version

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import CertificateCredential, ClientAssertionCredential, ClientSecretCredential
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm


class GivenToken:
    def __init__(self, token):
        self._token = token

    def get_token(self, *_scopes, **_options):
        return AccessToken(self._token, int(time.time()) + 3600)


def credential(given):
    match given["kind"]:
        case "secret":
            return ClientSecretCredential(given["tenant"], given["client_id"], given["secret"])
        case "certificate":
            return CertificateCredential(given["tenant"], given["client_id"], given["path"])
        case "assertion":
            return ClientAssertionCredential(given["tenant"], given["client_id"], lambda: given["assertion"])
        case "token":
            return GivenToken(given["token"])


def operate(command):
    if command["do"] == "token":
        return {"token": credential(command["credential"]).get_token(command["scope"]).token}
    identifier = "/".join([command["vault"], "keys", command["key"], *([command["version"]] if command.get("version") else [])])
    value = base64.b64decode(command["value"])
    # The client would wrap by itself if it could get the public key. The tests grant no right to get it, so that the service wraps.
    # It also reports the identifier that it was made with, without a version if that had none, and not the one that the service answers.
    answered = {}

    def note(response):
        if response.http_response.status_code == 200:
            answered.update(response.http_response.json())

    hook = {"raw_response_hook": note}
    with CryptographyClient(identifier, credential(command["credential"])) as client:
        if command["do"] == "wrap":
            result = client.wrap_key(KeyWrapAlgorithm(command["algorithm"]), value, **hook).encrypted_key
        else:
            result = client.unwrap_key(KeyWrapAlgorithm(command["algorithm"]), value, **hook).key
    return {"kid": answered["kid"], "value": base64.b64encode(result).decode()}


def answer(command):
    try:
        return operate(command)
    except HttpResponseError as error:
        body = {}
        if error.response is not None and "vault" in command:
            body = json.loads(error.response.text() or "{}").get("error", {})
        inner = body.get("innererror") or {}
        status = error.response.status_code if error.response is not None else None
        return {"status": status, "code": body.get("code"), "inner": inner.get("code"), "message": str(error)}
    except ClientAuthenticationError as error:
        return {"status": None, "code": None, "inner": None, "message": str(error)}


print(json.dumps({"clients": {name: version(name) for name in ("azure-keyvault-keys", "azure-identity")}}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
