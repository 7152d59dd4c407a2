#!/bin/sh
# Installs the C library: headers for C and C++, libvault.so, libvault.a, pkg-config and CMake files.
#
#     cargo build --release -p libvault-ffi
#     DESTDIR=/staging PREFIX=/usr/local ffi/install.sh
#
# Needs binutils. DESTDIR (default: none) is put before every path; PREFIX defaults to /usr/local. What is installed finds its own
# place, so the whole PREFIX may be moved afterwards.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
built="${CARGO_TARGET_DIR:-$root/target}/release"
prefix="${DESTDIR:-}${PREFIX:-/usr/local}"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
abi=$(sed -n 's/^#define VAULT_ABI_VERSION \([0-9]*\)$/\1/p' "$root/include/vault.h")
# What a static library needs, as `cargo rustc -- --print native-static-libs` says on Linux with glibc.
static_libraries="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

for file in libvault.so libvault.a; do
    if [ ! -f "$built/$file" ]; then
        echo "install: $built/$file is missing; run: cargo build --release -p libvault-ffi" >&2
        exit 1
    fi
    if grep -q "planted panic" "$built/$file"; then
        echo "install: $built/$file was built for a test, with a panic in it; build it again" >&2
        exit 1
    fi
done

fill_in() {
    sed -e "s/@VERSION@/$version/g" -e "s/@ABI@/$abi/g" -e "s/@STATIC_LIBRARIES@/$static_libraries/g" \
        -e "s/@MAJOR@/$(echo "$version" | cut -d. -f1)/g" -e "s/@MINOR@/$(echo "$version" | cut -d. -f2)/g" \
        -e "s/@POINTER_BYTES@/$(($(getconf LONG_BIT) / 8))/g" "$root/ffi/packaging/$1.in" >"$2/$1"
    chmod 644 "$2/$1"
}

# rustc's archive exports everything in it, SQLite and the cryptography included, which would clash with a host's own.
# So its members are linked into one object in which only vault_* stays global. (The two sections that are removed hold
# compiler intermediates of Rust's standard library, on which some versions of ar stumble.)
make_static_library() {
    objects=$(mktemp -d)
    trap 'rm -rf "$objects"' EXIT
    ld -r --whole-archive "$built/libvault.a" -o "$objects/all.o"
    objcopy --wildcard --keep-global-symbol='vault_*' --remove-section=.llvmbc --remove-section=.llvmcmd \
        "$objects/all.o" "$objects/vault.o"
    rm -f "$1"
    ar rcs "$1" "$objects/vault.o"
    chmod 644 "$1"
}

install -d "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/lib/cmake/libvault"
install -d "$prefix/include/libvault"
install -m 644 "$root/include/vault.h" "$root/include/vault.hpp" "$prefix/include/"
install -m 644 "$root"/include/libvault/*.hpp "$prefix/include/libvault/"
install -m 755 "$built/libvault.so" "$prefix/lib/libvault.so.$version"
ln -sf "libvault.so.$version" "$prefix/lib/libvault.so.$abi"
ln -sf "libvault.so.$abi" "$prefix/lib/libvault.so"
make_static_library "$prefix/lib/libvault.a"
fill_in libvault.pc "$prefix/lib/pkgconfig"
fill_in libvault-config.cmake "$prefix/lib/cmake/libvault"
fill_in libvault-config-version.cmake "$prefix/lib/cmake/libvault"
echo "installed libvault $version under $prefix"
