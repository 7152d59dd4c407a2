"""Every case on every server; and that the tables leave no provider untested."""

import pytest

from .cases import CASES
from .conftest import SERVERS
from .contract import NotOffered
from .divergences import COUNTS, DIVERGENCES, SKIPS, VERSIONS
from .drivers import PythonVault


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("server", SERVERS)
def test_case(make_scene, server: str, name: str):
    scene, case = make_scene(server), CASES[name]
    assert scene.server.version == VERSIONS[server], "look at the rows of this server again"
    expected = case.expected(scene.server.provider)
    try:
        observed = case.run(scene)
    except NotOffered as lacking:
        assert SKIPS.get((server, name)) == str(lacking)
        pytest.skip(str(lacking))
    row = DIVERGENCES.get((server, name))
    assert (server, name) not in SKIPS, "the server has it now"
    assert observed == expected | (row.observed if row else {})
    assert not row or observed != expected, "the row is no divergence"


@pytest.mark.parametrize("name", ["disabled", "denied", "request id", "nothing told"])
@pytest.mark.parametrize("server", ["MiniStack", "our key vault", "our Cloud KMS"])
def test_case_in_python(make_scene, server: str, name: str):
    """What is made of a refusal in the binding."""
    scene = make_scene(server, driver=PythonVault)
    assert CASES[name].run(scene) == CASES[name].expected(scene.server.provider)


# What has to be as it should be on one server of each provider at least, without any row.
INDISPENSABLE = ("disabled", "denied", "wrong context at the kms", "wrong keys reply")
PROVIDERS = {"MiniStack": "aws", "moto": "aws", "our key vault": "azure", "our managed HSM": "azure", "our Cloud KMS": "gcp"}


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS.values())))
@pytest.mark.parametrize("name", INDISPENSABLE)
def test_what_is_indispensable_holds_undiverged_somewhere(provider: str, name: str):
    assert name in CASES
    candidates = [(server, name) for server, its in PROVIDERS.items() if its == provider]
    assert any(row not in DIVERGENCES and row not in SKIPS for row in candidates)


def test_the_tables_name_what_there_is_and_are_counted():
    for server, name in (*DIVERGENCES, *SKIPS):
        assert server in SERVERS and name in CASES
    assert SERVERS.keys() == VERSIONS.keys() == PROVIDERS.keys() | {"key file"}
    assert not DIVERGENCES.keys() & SKIPS.keys()
    found = {"cases": len(CASES), "servers": len(SERVERS), "divergences": len(DIVERGENCES), "skips": len(SKIPS)}
    assert found == COUNTS
