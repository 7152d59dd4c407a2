"""The wire, as far as no official client shows it."""

import base64

import pytest

from .discovery import Definition, Divergence
from .http_client import KEY, MEMBER


def test_false_and_empty_are_left_out_and_enumerations_are_numbers_on_request(client):
    key = client.key("wire")
    status, answer = client(f"/v1/{key}:encrypt", {})
    assert status == 200 and answer["protectionLevel"] == "SOFTWARE"
    assert set(answer) == {"name", "ciphertext", "ciphertextCrc32c", "protectionLevel"}
    ciphertext = {"ciphertext": answer["ciphertext"]}
    _, answer = client(f"/v1/{key}:decrypt?$alt=json;enum-encoding=int", ciphertext)
    assert answer == {"plaintextCrc32c": "0", "usedPrimary": True, "protectionLevel": 1}


def test_the_ciphertext_begins_as_googles_do(client):
    _, answer = client(f"/v1/{client.key('format')}:encrypt", {"plaintext": "aGVsbG8="})
    assert answer["ciphertext"].startswith("CiQA")


def test_base64_is_read_in_every_form_of_proto3(client):
    key = client.key("base64")
    for text in ("+/+/+/8=", "-_-_-_8=", "-_-_-_8"):
        _, answer = client(f"/v1/{key}:encrypt", {"plaintext": text})
        _, answer = client(f"/v1/{key}:decrypt", {"ciphertext": answer["ciphertext"]})
        assert answer["plaintext"] == "+/+/+/8=", text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Invalid JSON payload received."),
        (b"[]", "Root element must be a message."),
        ({"plaintxt": ""}, 'Unknown name "plaintxt": Cannot find field.'),
        ({"plaintext": "!"}, "Base64 decoding failed"),
        ({"plaintext": 7}, "Base64 decoding failed"),
        ({"plaintextCrc32c": "x"}, "(TYPE_INT64)"),
    ],
)
def test_bodies_that_are_not_the_messages_are_refused(client, body, message):
    status, answer = client(f"/v1/{KEY.format('wire')}:encrypt", body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT") and message in answer["error"]["message"]
    assert answer["error"]["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


def test_hsm_keys_take_8_kib_with_the_aad(client):
    key = client.key("hsm", protection_level="HSM")
    half = base64.b64encode(bytes(4096)).decode()
    status, answer = client(f"/v1/{key}:encrypt", {"plaintext": half, "additionalAuthenticatedData": half})
    assert (status, answer["protectionLevel"]) == (200, "HSM")
    status, _ = client(f"/v1/{key}:encrypt", {"plaintext": half, "additionalAuthenticatedData": "AA" + half})
    assert status == 400


def test_an_administrator_may_use_the_api_itself(client):
    client.server.admin("grant", resource="projects/admin", role="roles/owner", member=MEMBER)
    ring = "projects/admin/locations/europe-west3/keyRings/r"
    assert client("/v1/projects/admin/locations/europe-west3/keyRings?keyRingId=r", {})[1]["name"] == ring
    assert client("/v1/projects/admin/locations/europe-west3/keyRings?keyRingId=r", {})[0] == 409
    assert client(f"/v1/{ring}/cryptoKeys?cryptoKeyId=k", {"purpose": "ENCRYPT_DECRYPT", "labels": {"a": "b"}})[0] == 200
    key = f"{ring}/cryptoKeys/k"
    second = client(f"/v1/{key}/cryptoKeyVersions", {})[1]["name"]
    assert client(f"/v1/{key}")[1]["primary"]["name"] == f"{key}/cryptoKeyVersions/1"
    assert client(f"/v1/{key}:updatePrimaryVersion", {"cryptoKeyVersionId": "2"})[1]["primary"]["name"] == second
    patched = client(f"/v1/{second}?updateMask=state", {"state": "DISABLED"}, method="PATCH")
    assert patched[1]["state"] == "DISABLED"
    destroyed = client(f"/v1/{second}:destroy", {})[1]
    assert destroyed["state"] == "DESTROY_SCHEDULED" and "destroyTime" in destroyed
    assert client(f"/v1/{second}:restore", {})[1]["state"] == "DISABLED"
    page = client(f"/v1/{key}/cryptoKeyVersions?pageSize=1")[1]
    assert page["totalSize"] == 2 and len(page["cryptoKeyVersions"]) == 1
    page = client(f"/v1/{key}/cryptoKeyVersions?pageSize=1&pageToken={page['nextPageToken']}")[1]
    assert client(f"/v1/{key}/cryptoKeyVersions?pageToken=x")[0] == 400
    assert page["cryptoKeyVersions"][0]["name"] == second and "nextPageToken" not in page
    asked = {"permissions": ["cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeys.setIamPolicy"]}
    assert client(f"/v1/{key}:testIamPermissions", asked)[1] == {"permissions": asked["permissions"][:1]}
    assert client(f"/v1/{key}/cryptoKeyVersions/1:asymmetricSign", {})[0] == 501
    assert client("/v1/nothing")[0] == 404


def test_the_validator_finds_what_the_definition_does_not_allow():
    definition = Definition("cloudkms.v1")
    definition.validate("DecryptResponse", {"plaintext": "AA==", "plaintextCrc32c": "1", "usedPrimary": True})
    for wrong in (
        {"plaintext": "AA-_"}, {"plaintextCrc32c": 1}, {"usedPrimary": "yes"}, {"protectionLevel": "HARD"}, {"more": 1},
    ):  # fmt: skip
        with pytest.raises(Divergence):
            definition.validate("DecryptResponse", wrong)
