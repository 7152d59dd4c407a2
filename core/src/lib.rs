//! Bring your own key (BYOK): envelope encryption in which a key context decides which keys protect the data.
//!
//! A context that belongs to a customer with a key in a KMS is protected by that customer's key; every other context by the vendor's own managed keys. A
//! matched key that cannot be used is an error, never a fallback.
//!
//! Start with [`init`], open a [`Vault`], and encrypt. The rules are in `docs/matching.md`, the bytes in `docs/envelope.md`.

#![forbid(unsafe_code)]
// Without a provider that needs the network, what only such a provider uses is idle.
#![cfg_attr(
    not(any(feature = "aws", feature = "azure", feature = "gcp")),
    allow(dead_code, unused_imports, unused_variables)
)]

mod aead;
mod audit;
mod call;
mod clock;
mod config;
mod context;
mod directory;
mod engine;
mod envelope;
mod error;
mod fork;
#[cfg(feature = "sqlite")]
mod init;
mod kms;
mod lease;
mod log;
mod managed;
mod options;
mod random;
mod registry;
pub mod runtime;
mod secret;
mod stats;
mod store;
mod stream;
mod vault;

pub use config::{Config, no_config_error};
pub use context::{Context, MAX_CANONICAL_BYTES, MAX_ITEMS, MAX_NAME_CHARS, MAX_VALUE_CHARS};
pub use engine::{Downgrade, RewrapOptions};
pub use envelope::{
    INSPECTED_BYTES, InspectedShare, InspectedWrap, Inspection, Policy, decrypted_length, inspect, inspect_start,
};
pub use error::{Error, ErrorCode, ErrorKind, Result};
#[cfg(feature = "sqlite")]
pub use init::{Initialized, create_key_file, init};
pub use libvault_memory::{WipedBytes, wipe};
pub use log::{LogLevel, LogRecord, LogSink};
pub use options::{CallOptions, CancelToken, MAX_ACTOR_CHARS};
pub use registry::{Decision, MatchedBinding};
pub use stats::Stats;
pub use stream::{
    AsyncDecryptReader, AsyncEncryptWriter, AtomicFile, DecryptReader, Decryptor, EncryptWriter, Encryptor,
    FileContents, Reencryptor, StreamOptions,
};
pub use vault::{DataKey, Vault};

/// The version of the library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether this build has a feature: `aws`, `aws-lc`, `gcp`, `rust-crypto` or `sqlite`.
pub fn has_feature(name: &str) -> bool {
    match name {
        "aws" => cfg!(feature = "aws"),
        "aws-lc" => cfg!(feature = "aws-lc"),
        "gcp" => cfg!(feature = "gcp"),
        "rust-crypto" => cfg!(feature = "rust-crypto"),
        "sqlite" => cfg!(feature = "sqlite"),
        _ => false,
    }
}
