#!/usr/bin/env bash
# Peak memory of the streams of Rust, one line of JSON for each operation and input: rss_rust.sh DIRECTORY INPUT...
set -euo pipefail
exec cargo run --quiet --release --locked -p libvault-core -p libvault-ffi --example stream_rss -- "$@"
