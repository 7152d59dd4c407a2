"""Through a company's proxy, by the real names of AWS, with certificates of the company's own authority."""

import pytest

from .company_network import CompanyNetwork, company_network
from .conftest import CONTEXT, Key
from .test_roles import DATA, as_role, refused


@pytest.fixture
def company(emulator, tmp_path):
    with company_network(emulator.port, tmp_path / "company") as company:
        yield company


def settings(company: CompanyNetwork, proxy: str | None = None) -> str:
    return f'proxy = "{proxy or company.url}"\nca_bundle = "{company.ca}"'


@pytest.mark.parametrize(
    ("more", "sts", "kms"),
    [
        ("", "sts.eu-central-1.amazonaws.com", "kms.eu-central-1.amazonaws.com"),
        ("fips_endpoint = true", "sts-fips.eu-central-1.amazonaws.com", "kms-fips.eu-central-1.amazonaws.com"),
        ("dual_stack_endpoint = true", "sts.eu-central-1.api.aws", "kms.eu-central-1.api.aws"),
    ],
)
def test_keys_and_roles_are_reached_through_the_proxy(work, company, more, sts, kms):
    key = work.account.create_key()
    role = work.account.create_role(key, "ext-proxy")
    with work.open(Key(key, f"{as_role(role, 'ext-proxy')}\n{more}"), network=settings(company), endpoint=None) as vault:
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    assert company.proxy.tunnels == [sts, kms]


def test_the_proxy_of_the_environment_is_used(work, company):
    key = work.account.create_key()
    work.account.let_vendor(key)
    environment = {"HTTPS_PROXY": company.url, "NO_PROXY": "sts.eu-central-1.amazonaws.com"}
    network = settings(company, "environment")
    with work.open(Key(key), network=network, endpoint=None, environment=environment) as vault:
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    assert company.proxy.tunnels == ["kms.eu-central-1.amazonaws.com"]


def test_an_unknown_authority_or_a_refusing_proxy_is_an_outage(work, company):
    key = work.account.create_key()
    work.account.let_vendor(key)
    without_authority = f'proxy = "{company.url}"'
    stranger = company.url.replace("user:word@", "user:other@")
    for network in [without_authority, settings(company, stranger)]:
        with work.open(Key(key), network=network, endpoint=None) as vault:
            refusal = refused(vault.encrypt, DATA, CONTEXT)
        assert refusal.name == "KmsUnavailable" and "word" not in refusal.message and "other" not in refusal.message


def test_an_emulator_on_this_machine_is_reached_without_the_proxy(work, company):
    key = work.account.create_key()
    work.account.let_vendor(key)
    with work.open(Key(key), network=settings(company)) as vault:
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
    assert company.proxy.tunnels == []
