#!/bin/sh
# rustc for cargo (.cargo/config.toml), told to leave out where the machine that builds keeps its things: panic messages name the files of
# dependencies, which stand in somebody's home directory.
here=$(cd "$(dirname "$0")/.." && pwd)
exec "$@" --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}=/cargo" --remap-path-prefix="$here=/libvault"
