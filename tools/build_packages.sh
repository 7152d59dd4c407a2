#!/usr/bin/env bash
# Makes what users install, in build/: the wheel (also installed into .venv), the npm tarball, and the install tree of the C library and the command line.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/dist

# 1. C and the command line: an install tree
stamp=build/.install-tree
if [ ! -e "$stamp" ] || [ -n "$(find target/release/libvault.so target/release/libvault include ffi/install.sh ffi/packaging cli/install.sh cli/make_pages.sh \
    -newer "$stamp" -print -quit 2>/dev/null)" ]; then
    rm -rf build/install
    DESTDIR="$PWD/build/install" PREFIX=/usr/local ffi/install.sh
    DESTDIR="$PWD/build/install" PREFIX=/usr/local cli/install.sh
    touch "$stamp"
fi

# 2. Python: the wheel, installed into .venv
stamp=build/.wheel
if [ ! -e "$stamp" ] || [ -n "$(find core memory bindings/python tools/clean_wheel.py Cargo.toml Cargo.lock -name target -prune -o -newer "$stamp" -type f -print -quit)" ]; then
    rm -f build/dist/*.whl
    .venv/bin/maturin build --quiet --release --locked -m bindings/python/Cargo.toml --out build/dist -i .venv/bin/python
    .venv/bin/python tools/clean_wheel.py build/dist/libvault-*.whl
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps build/dist/libvault-*.whl
    touch "$stamp"
fi

# 3. Node: the binary beside the sources, and the tarball
stamp=build/.npm
if [ ! -e "$stamp" ] || [ -n "$(find core memory bindings/node Cargo.toml Cargo.lock \( -name target -o -name node_modules \) -prune -o -newer "$stamp" -type f ! -name '*.node' -print -quit)" ]; then
    rm -f build/dist/*.tgz
    (cd bindings/node && npm run --silent build && npm pack --silent --pack-destination ../../build/dist)
    touch "$stamp"
fi
