//! What each fuzz target checks. The targets in `fuzz_targets/` only call these functions, and `tests/replay.rs` calls them without a fuzzer.
//!
//! A check fails by panicking. Apart from panics of the library itself it looks for answers that contradict one another, for errors of the code
//! `Internal` (a defect, by definition), and for anything that opens though it is not one of the committed vectors.

mod c_abi;
mod config;
mod context;
mod decrypt;
mod fixture;
mod parse;

pub use c_abi::c_abi;
pub use config::config_toml;
pub use context::context;
pub use decrypt::decrypt;
pub use parse::{parse_bundle, parse_envelope};

/// A function for each target, by its name.
pub const TARGETS: [(&str, fn(&[u8])); 6] = [
    ("parse_envelope", parse_envelope),
    ("parse_bundle", parse_bundle),
    ("decrypt", decrypt),
    ("context", context),
    ("config_toml", config_toml),
    ("c_abi", c_abi),
];

fn assert_no_defect(error: &libvault::Error) {
    assert_ne!(error.code(), libvault::ErrorCode::Internal, "{error}");
}
