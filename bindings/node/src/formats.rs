//! What needs no vault: parsing, versions, and making a new store.

use std::path::Path;

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use crate::buffer::Input;
use crate::errors::{Outcome, outcome};
use crate::tasks::Background;

/// Where [`init`] put things.
#[napi(object, object_from_js = false)]
pub(crate) struct Initialized {
    /// The configuration.
    pub config: String,
    /// The root key file.
    pub root_key: String,
    /// The store.
    pub store: String,
}

/// Makes a root key, a store and a configuration that names them, on the calling thread.
#[napi]
pub(crate) fn init_sync(directory: String) -> Outcome<Initialized> {
    outcome(|| initialize(&directory))
}

/// As [`init_sync`], on libuv's pool.
#[napi]
pub(crate) fn init(directory: String) -> AsyncTask<Background<Initialized>> {
    Background::start(move || initialize(&directory))
}

/// The length that decryption of an envelope will have.
#[napi]
pub(crate) fn decrypted_length(envelope: Input<'_>) -> Outcome<i64> {
    outcome(|| libvault::decrypted_length(envelope.bytes()).map(|length| length as i64))
}

/// What an envelope or a data-key bundle says about itself, as JSON.
#[napi]
pub(crate) fn inspect(envelope_or_bundle: Input<'_>) -> Outcome<String> {
    outcome(|| libvault::inspect(envelope_or_bundle.bytes()).map(|inspection| inspection.to_json()))
}

/// The version of the core.
#[napi]
pub(crate) fn version() -> &'static str {
    libvault::VERSION
}

/// Whether the core was built with a feature.
#[napi]
pub(crate) fn has_feature(name: String) -> bool {
    libvault::has_feature(&name)
}

fn initialize(directory: &str) -> Result<Initialized, libvault::Error> {
    let made = libvault::init(Path::new(directory))?;
    // The directory came as a JavaScript string and the names in it are ASCII, so nothing is lost.
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Ok(Initialized { config: text(&made.config), root_key: text(&made.root_key), store: text(&made.store) })
}
