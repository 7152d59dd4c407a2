#!/usr/bin/env bash
# Licences, bans, duplicates and sources of everything in the lockfile (deny.toml). Installs cargo-deny into build/tools once, about 3 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
tool=build/tools/bin/cargo-deny
if ! "$tool" --version 2>/dev/null | grep -q "$version"; then
    echo "installing cargo-deny $version into build/tools"
    CARGO_TARGET_DIR=target cargo install --quiet --locked --no-default-features --root build/tools "cargo-deny@$version"
fi
cargo fetch --quiet --locked
"$tool" --offline --all-features check --hide-inclusion-graph licenses bans sources
