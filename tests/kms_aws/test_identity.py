"""The vendor's own identity from a token of its platform (EKS and the like)."""

import base64
import json

import pytest

from .accounts import ISSUER
from .conftest import CONTEXT, Key
from .test_roles import DATA, as_role, refused

AUDIENCE = "sts.amazonaws.com"


def token(audience: str) -> str:
    """MiniStack reads the claims of tokens and leaves their signatures alone."""
    claims = {"iss": f"https://{ISSUER}", "aud": audience, "sub": "system:serviceaccount:vendor:vault"}
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "c2lnbmF0dXJl"])


@pytest.fixture
def pod(work, tmp_path):
    """The environment that the platform gives to a program: no keys, a file with a token, and a role."""

    def environment(audience: str, role: str, sts: str = "") -> dict[str, str]:
        file = tmp_path / "token"
        file.write_text(token(audience), encoding="utf-8")
        return {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
            "AWS_ROLE_ARN": role,
            "AWS_ENDPOINT_URL_STS": sts or work.proxy.endpoint,
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
        }

    return environment


def test_a_token_of_the_platform_is_an_identity(work, pod):
    key = work.account.create_key()
    environment = pod(AUDIENCE, work.account.create_web_role(AUDIENCE, key))
    with work.open(Key(key), aws="", environment=environment) as vault:
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA


def test_a_token_that_is_refused_is_a_refusal(work, pod):
    key = work.account.create_key()
    environment = pod("somebody-else", work.account.create_web_role(AUDIENCE, key))
    with work.open(Key(key), aws="", environment=environment) as vault:
        refusal = refused(vault.encrypt, DATA, CONTEXT)
    assert refusal.name == "AccessDenied" and "STS answered" in refusal.message


def test_the_environment_cannot_send_the_token_elsewhere(work, pod):
    key = work.account.create_key()
    environment = pod(AUDIENCE, work.account.create_web_role(AUDIENCE, key), "https://sts.evil.example")
    with work.open(Key(key), aws="", environment=environment) as vault:
        refusal = refused(vault.encrypt, DATA, CONTEXT)
    assert refusal.name == "AccessDenied" and "neither AWS's nor this machine's" in refusal.message


def test_a_role_of_the_customer_is_reached_from_a_token(work, pod):
    key = work.account.create_key()
    own = work.account.create_web_role(AUDIENCE, "*", "sts:AssumeRole")
    role = work.account.create_role(key, "ext-chained", trusted=own)
    with work.open(Key(key, as_role(role, "ext-chained")), aws="", environment=pod(AUDIENCE, own)) as vault:
        assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
