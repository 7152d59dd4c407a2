#!/bin/bash
# The part of tests/forks in which a child's use of the store outlasts its parent's, without the AWS provider, which takes long to build.
set -euo pipefail
cargo rustc --quiet --manifest-path fuzz/Cargo.toml -p libvault-fuzz-ffi --crate-type cdylib
built="$CARGO_TARGET_DIR/debug"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -std=c99 -D_POSIX_C_SOURCE=200809L -DEXPECTED_AWS=0 -O1 -Iinclude tests/c/test_abi.c -L"$built" -lvault_ffi -Wl,-rpath,"$built" -pthread -o "$work/test_abi"
gcc -std=c11 -D_GNU_SOURCE -O1 -Iinclude tests/forks/forks.c -L"$built" -lvault_ffi -Wl,-rpath,"$built" -pthread -o "$work/forks"
mkdir "$work/new"
"$work/test_abi" "$work/new" # makes a vault

coproc FORKS { exec "$work/forks" outlast "$work/new/libvault.toml"; }
program=$FORKS_PID
while read -r _ what _ <&"${FORKS[0]}" && [ "$what" != holds ]; do :; done
# Whoever closes a store last removes its log.
python3 -c 'import sqlite3, sys; store = sqlite3.connect(sys.argv[1]); store.execute("SELECT count(*) FROM managed_keys"); store.close()' "$work/new/vault.db"
[ -e "$work/new/vault.db-wal" ] || { echo 'forks: FAILED: the child has no lock of its own on the store'; kill "$program"; exit 1; }
echo >&"${FORKS[1]}"
cat <&"${FORKS[0]}" >"$work/rest" &
wait "$program" || { echo 'forks: FAILED'; exit 1; }
