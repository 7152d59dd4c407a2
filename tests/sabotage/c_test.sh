#!/bin/bash
# One program of tests/c against the C ABI without the AWS provider, which builds quickly: tests/sabotage/c_test.sh test_wipe
set -euo pipefail
cargo rustc --quiet --manifest-path fuzz/Cargo.toml -p libvault-fuzz-ffi --crate-type cdylib
built="$CARGO_TARGET_DIR/debug"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in test_abi "$1"; do
    gcc -std=c99 -D_POSIX_C_SOURCE=200809L -DEXPECTED_AWS=0 -O1 -Iinclude "tests/c/$name.c" -L"$built" -lvault_ffi -Wl,-rpath,"$built" -pthread -o "$work/$name"
done
mkdir "$work/new"
"$work/test_abi" "$work/new" # makes a vault
"$work/$1" "$work/new/libvault.toml" || { echo "$1: FAILED"; exit 1; }
