#!/usr/bin/env bash
# Names every tool that is missing or too old, before anything else is tried.
set -u
missing=0

need() { # name, minimum version, what prints it
    local name=$1 minimum=$2 found
    shift 2
    found=$("$@" 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1)
    if [ -z "$found" ]; then
        echo "missing: $name $minimum or newer" >&2
        missing=1
    elif [ "$(printf '%s\n%s\n' "$minimum" "$found" | sort -V | head -n 1)" != "$minimum" ]; then
        echo "too old: $name $found; $minimum or newer is needed" >&2
        missing=1
    fi
}

need cargo 1.95 cargo --version
need "${PYTHON:-python3}" 3.11 "${PYTHON:-python3}" --version
need node 18.0 node --version
need npm 8.0 npm --version
need gcc 9.0 gcc -dumpfullversion
need g++ 9.0 g++ -dumpfullversion
need cmake 3.16 cmake --version
need pkg-config 0.29 pkg-config --version
"${PYTHON:-python3}" -c 'import venv, ensurepip' 2>/dev/null || { echo "missing: Python's venv module (Debian: python3-venv)" >&2; missing=1; }
[ "$missing" = 0 ] || { echo "libvault cannot be built before these are installed." >&2; exit 1; }
