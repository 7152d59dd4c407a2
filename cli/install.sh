#!/bin/sh
# Installs the command line: the program, its manual pages and the completion scripts of bash, zsh and fish.
#
#     cargo build --release -p libvault-cli
#     DESTDIR=/staging PREFIX=/usr/local cli/install.sh
#
# DESTDIR (default: none) is put before every path; PREFIX defaults to /usr/local.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
built="${CARGO_TARGET_DIR:-$root/target}/release"
prefix="${DESTDIR:-}${PREFIX:-/usr/local}"

umask 022
"$root/cli/make_pages.sh" "$prefix"
install -d "$prefix/bin"
install -m 755 "$built/libvault" "$prefix/bin/"
echo "installed the command libvault under $prefix"
