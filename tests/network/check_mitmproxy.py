"""The same as with our own proxies, through one of others that looks into TLS: mitmproxy, whose authority is in `ca_bundle`."""

from pathlib import Path

import pytest
from providers.contract import Way
from providers.scene import CONTEXT, DATA
from servers.emulators import free_port
from servers.outside import mitmproxy

from .conftest import SERVICES

SCRIPT = Path(__file__).with_name("mitm_script.py")


@pytest.mark.parametrize("provider", SERVICES)
def test_a_proxy_that_looks_into_tls(make_scene, names, tmp_path, provider):
    scene, port, told = make_scene(provider, tokens=True), free_port(), tmp_path / "names"
    environment = {"LEADS_TO": str(scene.network.port), "TELLS": str(told)}
    with mitmproxy(tmp_path / "mitmproxy", {port: "regular"}, SCRIPT, environment) as ca:
        network = f'proxy = "http://127.0.0.1:{port}"'
        with scene.open(scene.server.steady_key, way=Way(None, ca, network), environment=names.environment) as vault:
            assert vault.decrypt(vault.encrypt(DATA, CONTEXT), CONTEXT) == DATA
        with scene.open(scene.server.steady_key, way=Way(None, None, network), environment=names.environment) as vault:
            assert scene.outcome(vault.encrypt, DATA, CONTEXT) == "KmsUnavailable", "mitmproxy's authority is nobody's"
    seen = told.read_text(encoding="utf-8").split()
    assert len(seen) >= 3 and all(name.endswith(SERVICES[provider]) for name in seen)
