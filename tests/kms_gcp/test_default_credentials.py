"""Application default credentials: where the vendor's identity is looked for, by Google's own names and ports.

Names and addresses lead to the test server (`servers/names.py`); the metadata service is where it is on a machine of Google's: port 80, plain HTTP.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from servers.faulty_proxy import FaultyProxy, Reply, Upstream, honest
from servers.names import Names

from .conftest import CONTEXT, VENDOR
from .test_use_of_keys import DATA, refused

PERSON, PROJECT = "person@example.com", "test-project"
MEMBER = f"user:{PERSON}"
CUSTOMER = "customer-of-person@test-project.iam.gserviceaccount.com"
PLACES = {
    "GOOGLE_APPLICATION_CREDENTIALS": ("login.json", "login.json"),
    "CLOUDSDK_CONFIG": (".", "application_default_credentials.json"),
    "HOME": (".", ".config/gcloud/application_default_credentials.json"),
}
GOOGLE = ("cloudkms.googleapis.com", "oauth2.googleapis.com", "iamcredentials.googleapis.com")
METADATA = "metadata.google.internal"


class Machine:
    """The vendor's: it has nothing but a home, and finds Google's names."""

    def __init__(self, work, names: Names, home: Path):
        self.work, self.home, self._names = work, home, names
        self._environment = names.environment | {"HOME": str(home)}
        self.find(metadata=work.server.ready["http_port"])

    def find(self, metadata: int | None) -> None:
        """Where the metadata service is; None: this is no machine of Google's."""
        meanings = dict.fromkeys(GOOGLE, f"127.0.0.1:{self.work.server.ready['port']}")
        self._names.mean(meanings | ({METADATA: f"169.254.169.254:{metadata}"} if metadata else {}))

    def sign_in(self, place: str = "HOME", **login: object) -> None:
        """Puts the file of a person's login where the variable says."""
        value, path = PLACES[place]
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        login = {"email": PERSON, "quota_project": PROJECT} | login
        file.write_text(json.dumps(self.work.server.admin("create-login", **login)), encoding="utf-8")
        self.name(place, value)

    def name(self, variable: str, path: str) -> None:
        self._environment[variable] = str(self.home / path)

    def open(self, key: str, credentials: str = "default", of_key: str = ""):
        trust = f'[network]\nca_bundle = "{self.work.server.ca}"'
        gcp = f'credentials = "{credentials}"'
        return self.work.open(key, endpoint=None, gcp=gcp, of_key=of_key, more=trust, environment=self._environment)

    def asked(self, act: Callable[[], object]) -> list[tuple[str, str, int]]:
        """Host, operation and status of what the server was asked meanwhile."""
        mark = self.work.server.mark()
        act()
        return [(request["host"], request["operation"], request["status"]) for request in self.work.server.log(since=mark)]


@pytest.fixture(scope="session")
def names(tmp_path_factory) -> Names:
    return Names(tmp_path_factory.mktemp("names"))


@pytest.fixture
def machine(work, names, tmp_path, monkeypatch) -> Iterator[Machine]:
    for place in ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(place, raising=False)
    consumer = "roles/serviceusage.serviceUsageConsumer"
    work.server.admin("grant", resource=f"projects/{PROJECT}", role=consumer, member=MEMBER)
    work.server.admin("metadata-account", email=VENDOR)
    yield Machine(work, names, tmp_path)
    work.server.admin("metadata-account", email=None)


@pytest.mark.parametrize("place", PLACES)
def test_a_persons_login_is_found_where_gcloud_leaves_it(machine, place):
    key = machine.work.key(f"login-{place.lower().replace('_', '-')}", granted_to=MEMBER)
    machine.sign_in(place)
    with machine.open(key) as vault:
        asked = machine.asked(lambda: vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT))
    assert asked == [
        ("oauth2.googleapis.com", "Token", 200),
        ("cloudkms.googleapis.com", "Encrypt", 200),
        ("cloudkms.googleapis.com", "Decrypt", 200),
    ]


def test_a_login_that_was_withdrawn_is_refused_at_once_and_asked_for_once(machine):
    key = machine.work.key("withdrawn", granted_to=MEMBER)
    machine.sign_in()
    with machine.open(key) as vault:
        envelope = vault.encrypt(DATA, CONTEXT)
        machine.work.server.admin("revoke-login", email=PERSON)
        outcomes: list[str] = []
        asked = machine.asked(lambda: outcomes.append(refused(vault.decrypt, envelope, CONTEXT)))
        assert outcomes == ["AccessDenied"]
        assert [what[1:] for what in asked] == [("Decrypt", 401), ("Token", 400)]
    with machine.open(key) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"


def test_a_login_without_a_project_to_count_against_is_refused(machine):
    """As Google does: `gcloud auth application-default set-quota-project` puts one into the file."""
    key = machine.work.key("no-project", granted_to=MEMBER)
    for project in (None, "project-of-somebody-else"):
        machine.sign_in(quota_project=project)
        with machine.open(key) as vault:
            assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"


def test_a_person_acts_as_the_customers_account(machine):
    server = machine.work.server
    server.admin("create-service-account", email=CUSTOMER)
    account, role = f"projects/-/serviceAccounts/{CUSTOMER}", "roles/iam.serviceAccountTokenCreator"
    server.admin("grant", resource=account, role=role, member=MEMBER)
    key = machine.work.key("of-customer", granted_to=f"serviceAccount:{CUSTOMER}")
    machine.sign_in()
    mark = server.mark()
    with machine.open(key, of_key=f'impersonate = "{CUSTOMER}"') as vault:
        vault.encrypt(DATA, CONTEXT)
    asked = [(request["operation"], request["member"].rpartition(":")[2]) for request in server.log(since=mark)]
    assert asked == [("Token", PERSON), ("GenerateAccessToken", PERSON), ("Encrypt", CUSTOMER)]


def test_a_file_that_is_named_wins_over_gclouds_and_that_over_the_machines_account(machine):
    key = machine.work.key("order")
    machine.sign_in("HOME", email="nobody@example.com")
    with machine.open(key) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied", "the machine's account could, but is not asked for"
    (machine.home / "vendor.json").write_bytes(machine.work.credentials.read_bytes())
    machine.name("GOOGLE_APPLICATION_CREDENTIALS", "vendor.json")
    with machine.open(key) as vault:
        asked = machine.asked(lambda: vault.encrypt(DATA, CONTEXT))
    assert asked == [("cloudkms.googleapis.com", "Encrypt", 200)]


@pytest.mark.parametrize("credentials", ["default", "metadata"])
def test_the_account_of_the_machine(machine, credentials):
    key = machine.work.key(f"machine-{credentials}")
    with machine.open(key, credentials) as vault:
        asked = machine.asked(lambda: vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT))
    kms = "cloudkms.googleapis.com"
    assert asked == [(METADATA, "Metadata", 200), (kms, "Encrypt", 200), (kms, "Decrypt", 200)]


def test_a_stranger_in_the_place_of_the_metadata_service_is_not_believed(machine):
    """As in a hotel whose network answers every plain HTTP request."""

    def without_flavor(reply: Reply) -> Reply:
        return replace(reply, headers=tuple(header for header in reply.headers if header[0].lower() != "metadata-flavor"))

    key = machine.work.key("stranger-metadata")
    with FaultyProxy(Upstream(machine.work.server.ready["http_port"])) as stranger:
        stranger.spoil(honest(without_flavor))
        machine.find(metadata=stranger.port)
        with machine.open(key) as vault:
            assert refused(vault.encrypt, DATA, CONTEXT) == "KmsUnavailable"
            stranger.spoil(None)
            assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA


def test_a_machine_without_a_metadata_service_has_no_identity(machine):
    machine.find(metadata=None)
    with machine.open(machine.work.key("elsewhere")) as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "KmsUnavailable"


def test_the_default_is_the_file_that_the_environment_names(work, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(work.credentials))
    key = work.key("default")
    with work.open(key, gcp='credentials = "default"') as vault:
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    # A file that is named and cannot be used is not a reason to be somebody else.
    work.server.admin("metadata-account", email=VENDOR)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    with work.open(key, gcp='credentials = "default"') as vault:
        assert refused(vault.encrypt, DATA, CONTEXT) == "AccessDenied"
