#!/bin/sh
# Checks that include/vault.h is what cbindgen makes of ffi/src. With --write, writes it instead.
set -eu

VERSION=0.29.4
root=$(cd "$(dirname "$0")/../.." && pwd)
cbindgen="$root/build/tools/bin/cbindgen"

if [ "$("$cbindgen" --version 2>/dev/null)" != "cbindgen $VERSION" ]; then
    cargo install cbindgen --version "$VERSION" --locked --quiet --root "$root/build/tools"
fi

made=$(mktemp)
trap 'rm -f "$made"' EXIT
cd "$root"
"$cbindgen" --quiet --config ffi/cbindgen.toml --crate libvault-ffi --output "$made"

if [ "${1:-}" = --write ]; then
    cp "$made" include/vault.h
elif ! diff -u include/vault.h "$made"; then
    echo "include/vault.h is not what ffi/src says; run tests/checks/check_header.sh --write" >&2
    exit 1
fi

# Every way a host may include it.
for compiler in "gcc -std=c99 -xc" "gcc -std=c17 -xc" "g++ -std=c++11 -xc++" "g++ -std=c++17 -xc++"; do
    printf '#include <vault.h>\n#include <vault.h>\nint main(void) { return 0; }\n' |
        $compiler -Wall -Wextra -Wpedantic -Wshadow -Werror -Iinclude -fsyntax-only -
done
echo "check_header: include/vault.h is up to date and compiles as C and C++"
