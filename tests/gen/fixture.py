"""The fixture: a configuration, key files and a store that every language opens to run the vectors."""

from __future__ import annotations

import json
from pathlib import Path

import store
from seeded import SeededBytes

CREATED_AT = 1_750_000_000

# id, owner, selector, keys, further fields
BINDINGS = [
    ("bnd_acme", "acme", {"organization_id": "org_acme"}, ["acme"], {}),
    ("bnd_acme_vault", "acme", {"organization_id": "org_acme", "project": "vault"}, ["acme-vault"], {}),
    ("bnd_beta", "beta", {"organization_id": "org_beta"}, ["beta-1", "beta-2"], {}),
    ("bnd_gamma", "gamma", {"organization_id": "org_gamma"}, ["gamma"], {}),
    ("bnd_delta", "delta", {"partner_id": "partner_delta"}, ["delta"], {}),
    ("bnd_suspended", "sigma", {"organization_id": "org_suspended"}, ["suspended"], {"state": "suspended"}),
    ("bnd_pending", "pi", {"organization_id": "org_pending"}, ["pending"], {"state": "pending"}),
    (
        "bnd_pending_deny",
        "psi",
        {"organization_id": "org_pending_deny"},
        ["pending-deny"],
        {"state": "pending", "while_pending": "deny"},
    ),
    ("bnd_retired", "rho", {"organization_id": "org_retired"}, ["retired"], {"state": "retired"}),
    ("bnd_dual", "duo", {"organization_id": "org_dual"}, ["dual"], {"policy": "dual_control"}),
    ("bnd_any_1", "any_one", {"organization_id": "org_any"}, ["any-1"], {"policy": "any_of"}),
    ("bnd_any_2", "any_two", {"partner_id": "partner_any"}, ["any-2"], {"policy": "any_of"}),
    ("bnd_wide", "epsilon", {"organization_id": "org_epsilon"}, ["wide"], {"state": "suspended"}),
    ("bnd_narrow", "epsilon", {"organization_id": "org_epsilon", "project": "open"}, ["narrow"], {}),
]
# Drawn after everything else, so that what was there before keeps its keys.
LATER_BINDINGS = [
    ("bnd_enforced", "zeta", {"organization_id": "org_enforced"}, ["enforced"], {"enforced": True}),
    (
        "bnd_enforced_any",
        "eta",
        {"partner_id": "partner_enforced"},
        ["enforced-any-1", "enforced-any-2"],
        {"policy": "any_of", "enforced": True},
    ),
    ("bnd_enforced_wide", "iota", {"organization_id": "org_iota"}, ["enforced-wide"], {"enforced": True}),
    ("bnd_enforced_narrow", "iota", {"organization_id": "org_iota", "project": "open"}, ["enforced-narrow"], {}),
    (
        "bnd_tolerant",
        "theta",
        {"organization_id": "org_tolerant"},
        ["tolerant-1", "tolerant-2"],
        {"min_wraps": 1, "failover": "on_refusal"},
    ),
]
SHRED_ITEMS = ["subject_id"]

# Items that have a managed key; those in OLD_ITEMS are wrapped by version 1 of the root key, the rest by version 2.
OLD_ITEMS = [("organization_id", "org_old")]
ITEMS = OLD_ITEMS + [
    ("organization_id", "org_managed"),
    ("organization_id", "org_other"),
    ("user_id", "user_1"),
    ("user_id", "user_2"),
    ("project", "vault"),
    ("organizationId", "org_managed"),
    ("organization_id", "org_acme"),
    ("organization_id", "org_beta"),
    ("organization_id", "org_dual"),
    ("organization_id", "org_any"),
    ("organization_id", "org_retired"),
    ("organization_id", "org_pending"),
    ("organization_id", "org_suspended"),
    ("organization_id", "org_epsilon"),
    ("organization_id", "Größe 大 🔐"),
    ("ключ", "e\u0301"),
    ("partner_id", "partner_delta"),
]
LATER_ITEMS = [
    ("subject_id", "subject_1"),
    ("subject_id", "subject_2"),
    ("organization_id", "org_enforced"),
    ("organization_id", "org_iota"),
    ("organization_id", "org_tolerant"),
    ("organization_id", "org_pending_deny"),
    ("partner_id", "partner_enforced"),
    ("project", "open"),
]


def write(directory: Path) -> None:
    """Writes every file of the fixture into an empty directory."""
    source = SeededBytes("fixture")
    root = store.KeyFile({1: source.take(32), 2: source.take(32)})
    _private(directory / "root.key", root.text())
    for name in (name for binding in BINDINGS for name in binding[3]):
        versions = {1: source.take(32)}
        if name == "acme":  # rotated once
            versions[2] = source.take(32)
        _private(directory / f"customer-{name}.key", store.KeyFile(versions).text())
    (directory / "libvault.toml").write_text(_toml(), "utf-8")

    database = store.StoreWriter(directory / "vault.db", root, source.take(32), 1, source)
    for item in ITEMS + LATER_ITEMS:
        managed = store.ManagedKey(source.take(16), source.take(32), 1 if item in OLD_ITEMS else 2)
        database.add(item, managed, CREATED_AT)
    database.close()
    for name in (name for binding in LATER_BINDINGS for name in binding[3]):
        _private(directory / f"customer-{name}.key", store.KeyFile({1: source.take(32)}).text())
    (directory / "vault.db").chmod(0o600)


def _private(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o600)


def _toml() -> str:
    lines = [
        "# Made by tests/gen/make_vectors.py. Test keys only: they are public.",
        'store = "vault.db"',
        f"shred_items = {_value(SHRED_ITEMS)}",
        "",
        "[root_key]",
        'provider = "local"',
        'path = "root.key"',
    ]
    for text, owner, selector, names, extra in BINDINGS + LATER_BINDINGS:
        pairs = ", ".join(f'{name} = "{value}"' for name, value in selector.items())
        lines += ["", "[[bindings]]", f'id = "{text}"', f'owner = "{owner}"', f"selector = {{ {pairs} }}"]
        lines += [f"{name} = {_value(value)}" for name, value in extra.items()]
        for name in names:
            lines += ["", "[[bindings.keys]]", f'id = "key_{name.replace("-", "_")}"']
            lines += ['provider = "local"', f'path = "customer-{name}.key"']
    return "\n".join(lines) + "\n"


def _value(value: str | int | bool | list[str]) -> str:
    """As TOML, which writes these as JSON does."""
    return json.dumps(value)
