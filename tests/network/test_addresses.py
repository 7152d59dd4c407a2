"""P9: an address from a stranger leads to the real KMS or nowhere. What could lead elsewhere is refused when the vault is opened, by its field;
what is taken is dialled by the host that its parts say.

One list of attacks for all providers; the parsers' own tests in core go into every part.
"""

import json

import pytest
from providers.contract import Way
from providers.drivers import PythonVault, Refused
from providers.scene import CONTEXT, DATA
from servers.certificates import make_certificates
from servers.connect_proxy import ConnectProxy
from servers.faulty_proxy import FaultyProxy, Upstream, answer

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VAULT = "contoso.vault.azure.net"
URL = f"https://{VAULT}/keys/cmk"
NAME = "projects/my-project/locations/europe-west3/keyRings/ring/cryptoKeys/key"
REGION, LOCATION = "eu-central-1", "europe-west3"

# What stands for a host, by the attack: a URL's whole host, or the region or location of which a host is made.
HOSTS = {
    "userinfo": ("user@{}", "user:word@{}", "{}@evil.example", "evil.example@{}"),
    "ports": ("{}:443", "{}:8443", "{}:"),
    "dots that are none": ("{dot2024}", "{dot3002}", "{dotff0e}"),
    "suffixes": ("{}.evil.example", "evil.example#.{}", "evil.example?.{}", "evil.example\\.{}", "evil.example/.{}", "evil-{}.example"),
    "addresses": ("127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:169.254.169.254]", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"),
    "trailing dots": ("{}.", "{}..", "."),
    "encoded": ("{}%2f", "{}%2e", "%2f{}", "{}%00", "{}%23evil.example", "{}%40evil.example"),
    "spaces": (" {}", "{} ", "{}\t", "{}\r\nHost: evil.example", "{}\u00a0", "{}\u200b"),
    "letters": ("{first_cyrillic}", "{upper}", "xn--{}"),
    "nothing": ("", "-", "*", "{}/../evil"),
}
# The same for what stands behind the host.
PATHS = {
    "slashes": ("//{}", "{}/", "{}//", "{}/../x", "../{}", "./{}", "{}/."),
    "encoded": ("{}%2f..%2fx", "%2e%2e", "{}%00", "k%65y"),
    "ends": ("{}?x=y", "{}#x", "{};x", "{}:x", "{}@x", "{}\\x"),
    "spaces": ("{} ", " {}", "{}\n", "{}\u2028"),
    "letters": ("\u043a{}", "{}\u0301"),
}


def _filled(template: str, right: str) -> str:
    dots = {name: right.replace(".", dot).replace("-", dot) for name, dot in [("dot2024", "\u2024"), ("dot3002", "\u3002"), ("dotff0e", "\uff0e")]}
    return template.format(right, first_cyrillic="\u0441" + right[1:], upper=right.upper(), **dots)


def _attacks() -> list[tuple[str, str, str]]:
    """Provider, kind of attack, address."""
    found = []
    for kind, templates in HOSTS.items():
        for template in templates:
            found.append(("azure", kind, URL.replace(VAULT, _filled(template, VAULT))))
            found.append(("aws", kind, ARN.replace(REGION, _filled(template, REGION))))
            found.append(("gcp", kind, NAME.replace(LOCATION, _filled(template, LOCATION))))
    for kind, templates in PATHS.items():
        for template in templates:
            found.append(("azure", kind, URL.replace("/cmk", "/" + _filled(template, "cmk"))))
            found.append(("aws", kind, ARN.replace("key/1234", "key/" + _filled(template, "1234"))))
            found.append(("gcp", kind, NAME.replace("/cryptoKeys/key", "/cryptoKeys/" + _filled(template, "key"))))
    for provider, right in (("aws", ARN), ("azure", URL), ("gcp", NAME)):
        others = [f"https://evil.example/{right}", f"//evil.example/{right}", f"/{right}", "https://evil.example/", "file:///etc/passwd", "", right * 100]
        found += [(provider, "something else", address) for address in others]
    found += [("azure", "schemes", URL.replace("https", scheme)) for scheme in ("http", "HTTPS", "ftp", "ws", "gopher")]
    return found


# A word like any other: nothing but a label in front of `.rep.googleapis.com` is made of a location.
HARMLESS = NAME.replace(LOCATION, "localhost")
ATTACKS = [(provider, kind, address) for provider, kind, address in _attacks() if (provider, address) != ("gcp", HARMLESS)]
FIELDS = {"aws": "arn", "azure": "url", "gcp": "name"}


class Address:
    """A key that is nothing but its address."""

    def __init__(self, provider, address, more=""):
        self.toml = f'provider = "{provider}"\n{FIELDS[provider]} = {json.dumps(address)}\n{more}\n'


@pytest.mark.parametrize(("provider", "kind"), sorted({(provider, kind) for provider, kind, _ in ATTACKS}))
def test_an_address_that_could_lead_elsewhere_is_refused(make_scene, provider, kind):
    # In this process: there are hundreds of them.
    scene = make_scene(provider, driver=PythonVault)
    addresses = [address for where, what, address in ATTACKS if (where, what) == (provider, kind)]
    for address in addresses:
        with pytest.raises(Refused) as refusal, scene.open(Address(provider, address)):
            pass
        assert refusal.value.name == "InvalidConfig", address
        assert f"bindings[0].keys[0].{FIELDS[provider]}" in refusal.value.message


DIALLED = [
    ("aws", ARN, "", "kms.eu-central-1.amazonaws.com"),
    ("aws", ARN, "fips_endpoint = true", "kms-fips.eu-central-1.amazonaws.com"),
    ("aws", ARN, "dual_stack_endpoint = true", "kms.eu-central-1.api.aws"),
    ("aws", ARN, 'role_arn = "arn:aws:iam::111122223333:role/r"\nexternal_id = "id"', "sts.eu-central-1.amazonaws.com"),
    ("aws", ARN.replace("aws:kms:eu-central-1", "aws-cn:kms:cn-north-1"), "", "kms.cn-north-1.amazonaws.com.cn"),
    ("aws", ARN.replace("aws:kms:eu-central-1", "aws-us-gov:kms:us-gov-west-1"), "", "kms.us-gov-west-1.amazonaws.com"),
    ("aws", ARN.replace("aws:kms:eu-central-1", "aws-eusc:kms:eusc-de-east-1"), "", "kms.eusc-de-east-1.amazonaws.eu"),
    ("aws", ARN.replace("aws:kms:eu-central-1", "aws-iso:kms:us-iso-east-1"), "", "kms.us-iso-east-1.c2s.ic.gov"),
    ("azure", URL, "", VAULT),
    ("azure", URL.replace(VAULT, "contoso.managedhsm.azure.net"), "", "contoso.managedhsm.azure.net"),
    ("azure", URL.replace(VAULT, "contoso.vault.azure.cn"), "", "contoso.vault.azure.cn"),
    ("azure", URL.replace(VAULT, "contoso.vault.usgovcloudapi.net"), "", "contoso.vault.usgovcloudapi.net"),
    ("gcp", NAME, "", "cloudkms.googleapis.com"),
    ("gcp", NAME, "regional_endpoint = true", "cloudkms.europe-west3.rep.googleapis.com"),
    ("gcp", HARMLESS, "regional_endpoint = true", "cloudkms.localhost.rep.googleapis.com"),
]


# Azure's tokens come from a place of the cloud, which is asked first.
LOGIN_HOSTS = {
    VAULT: "login.microsoftonline.com",
    "contoso.managedhsm.azure.net": "login.microsoftonline.com",
    "contoso.vault.azure.cn": "login.chinacloudapi.cn",
    "contoso.vault.usgovcloudapi.net": "login.microsoftonline.us",
}
TOKEN = b'{"token_type": "Bearer", "expires_in": 3599, "access_token": "token"}'


@pytest.mark.parametrize(("provider", "address", "more", "host"), DIALLED, ids=[host for *_, host in DIALLED])
def test_the_host_of_its_parts_is_dialled_and_no_other(make_scene, names, tmp_path, provider, address, more, host):
    """A proxy that lets nobody through, but for tokens, says who was asked for."""
    scene = make_scene(provider)
    authority, tls = make_certificates(tmp_path / "login", "where tokens come from", set(LOGIN_HOSTS.values()))
    with FaultyProxy(Upstream(scene.network.port), tls) as login, ConnectProxy(dict.fromkeys(LOGIN_HOSTS.values(), login.port)) as proxy:
        login.spoil(answer(200, TOKEN))
        way = Way(None, authority, f'proxy = "{proxy.url}"')
        with scene.open(Address(provider, address, more), way=way, environment=names.environment) as vault:
            assert scene.outcome(vault.encrypt, DATA, CONTEXT) == "KmsUnavailable"
    assert set(proxy.tunnels) == {host, LOGIN_HOSTS.get(host, host)}
