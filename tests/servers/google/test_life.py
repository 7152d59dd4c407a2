"""The server as a process: names and certificate, log, throttle, admin API and restart."""

import json
import socket
import ssl
from pathlib import Path

import pytest

from . import AdminError, GoogleServer
from .http_client import KEY, MEMBER, Client


def test_throttling_can_be_narrowed_and_can_say_when_to_come_back(client):
    one, other = client.key("throttle-1"), client.key("throttle-2")
    client.server.admin("throttle", requests=1, key=one, operation="Decrypt", code="UNAVAILABLE", retry_after=1)
    assert client(f"/v1/{one}:encrypt", {})[0] == 200
    assert client(f"/v1/{other}:decrypt", {})[0] == 400
    assert client(f"/v1/{one}:decrypt", {})[0] == 503
    assert client(f"/v1/{one}:decrypt", {})[0] == 400


def test_the_log_counts_and_holds_no_secret(client):
    key, mark = client.key("log"), client.server.mark()
    _, answer = client(f"/v1/{key}:encrypt", {"plaintext": "c2VjcmV0"})
    client(f"/v1/{key}:decrypt", {"ciphertext": answer["ciphertext"]})
    requests = client.server.log(since=mark)
    assert [(request["operation"], request["member"], request["code"]) for request in requests] == [
        ("Encrypt", MEMBER, "OK"),
        ("Decrypt", MEMBER, "OK"),
    ]
    assert {request["version"] for request in requests} == {f"{key}/cryptoKeyVersions/1"}
    text = json.dumps(requests)
    assert not any(secret in text for secret in ("c2VjcmV0", answer["ciphertext"], client.token))
    assert len(client.server.log(key=key, operation="Decrypt")) == 1


def test_the_admin_api_says_what_is_wrong(client):
    for call, arguments in (
        ("create-key", {"name": "k"}),
        ("create-key", {}),
        ("rotate", {"name": KEY.format("none")}),
        ("grant", {"resource": "r", "role": "roles/none", "member": "m"}),
        ("no-such-call", {}),
    ):
        with pytest.raises(AdminError):
            client.server.admin(call, **arguments)


def test_a_restart_on_the_same_directory_finds_the_same_keys(tmp_path: Path):
    with GoogleServer(tmp_path) as server:
        first = Client(server)
        key = first.key("kept")
        _, answer = first(f"/v1/{key}:encrypt", {"plaintext": "aGVsbG8="})
    with GoogleServer(tmp_path) as server:
        again = Client(server)
        assert again(f"/v1/{key}:decrypt", {"ciphertext": answer["ciphertext"]})[1]["plaintext"] == "aGVsbG8="
        assert again(f"/v1/{key}:decrypt", {"ciphertext": answer["ciphertext"]}, token=first.token)[0] == 401


def test_the_certificate_is_for_googles_names_and_for_loopback(client):
    trusting = ssl.create_default_context(cafile=client.server.ca)
    for name in (
        "cloudkms.googleapis.com", "oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com",
        "cloudkms.europe-west3.rep.googleapis.com", "localhost", "127.0.0.1",
    ):  # fmt: skip
        with socket.create_connection(("127.0.0.1", client.server.ready["port"]), 5) as plain:
            trusting.wrap_socket(plain, server_hostname=name).close()
    with socket.create_connection(("127.0.0.1", client.server.ready["port"]), 5) as plain, pytest.raises(ssl.SSLError):
        trusting.wrap_socket(plain, server_hostname="storage.googleapis.com")


def test_names_of_hosts_choose_the_service_and_the_location(client):
    path = f"/v1/{client.key('hosts')}:encrypt"
    for host, status in (
        ("cloudkms.googleapis.com", 200),
        ("cloudkms.europe-west3.rep.googleapis.com:443", 200),
        ("cloudkms.us-east1.rep.googleapis.com", 404),
        ("oauth2.googleapis.com", 404),
        ("example.com", 404),
    ):
        assert client(path, {}, Host=host)[0] == status, host
    _, answer = client(path, {}, Host="cloudkms.us-east1.rep.googleapis.com")
    assert answer["error"]["message"].startswith("The request concerns location 'europe-west3' but was sent to location 'us-east1'.")
    assert client("/token", b"", token=None, Host="cloudkms.googleapis.com")[0] == 404
