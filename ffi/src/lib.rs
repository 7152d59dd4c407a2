//! The C ABI of libvault: one file for each noun of `include/vault.h`, which is generated from these sources.
//!
//! Every exported body is exactly one call of `panic::status` or `panic::value`, so no panic reaches the host.
//! Ownership is in the types of the signatures: `Option<&T>` is a handle lent for the call, `Option<Box<T>>` one given
//! back for ever, `*mut Option<Box<T>>` a place of the caller's that receives one. What the `unsafe` blocks rely on is
//! in `SAFETY.md`.

// The contract of each function is written for C, in the comment that becomes the header.
#![allow(clippy::missing_safety_doc)]
// One argument for each of the C function's; the shared ones are gathered in a struct at once.
#![allow(clippy::too_many_arguments)]

// The nouns, in the order of the header.

/// The codes of the one table of errors; generated.
pub mod error_codes;
pub mod version;

pub mod options;
pub mod reload;
pub mod vault;

pub mod context;

pub mod change;
pub mod cipher;
pub mod data_key;
pub mod file;
pub mod inspect;
pub mod log;
pub mod reader;
pub mod stats;
pub mod stream;

pub mod buffer;
pub mod error;

// What they share.

mod argument;
mod config;
mod panic;
mod snapshot;
