#!/bin/sh
# Has the command line write its own manual pages and completion scripts, where programs look for them under a prefix:
#
#     cli/make_pages.sh DIR      → DIR/share/man/man1, DIR/share/bash-completion/completions, …
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
program="${CARGO_TARGET_DIR:-$root/target}/release/libvault"
share="$1/share"
if [ ! -x "$program" ]; then
    echo "make_pages: $program is missing; run: cargo build --release -p libvault-cli" >&2
    exit 1
fi
install -d "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
"$program" man "$share/man/man1"
"$program" completions bash >"$share/bash-completion/completions/libvault"
"$program" completions zsh >"$share/zsh/site-functions/_libvault"
"$program" completions fish >"$share/fish/vendor_completions.d/libvault.fish"
