//! Configurations as C passes them.

use std::ffi::c_char;
use std::path::Path;

use libvault::{Config, Error};

use crate::argument::{Input, path as as_path, utf8};
use crate::snapshot::Snapshot;

/// The configuration of a file.
///
/// # Safety
///
/// The host's contract holds: `path` has `path_length` readable bytes.
pub(crate) unsafe fn from_file(path: *const c_char, path_length: usize) -> Result<Config, Error> {
    if path.is_null() && path_length == 0 {
        return Err(libvault::no_config_error());
    }
    let path = Input::new(path.cast(), path_length, "path")?;
    let mut snapshot = Snapshot::new();
    // SAFETY: this function's contract.
    Config::from_file(as_path(unsafe { snapshot.copy(path) }, "path")?)
}

/// The configuration that is a text.
///
/// # Safety
///
/// The host's contract holds: both pointers have as many readable bytes as their lengths say.
pub(crate) unsafe fn from_text(
    text: *const c_char,
    text_length: usize,
    base_directory: *const c_char,
    base_directory_length: usize,
) -> Result<Config, Error> {
    let text = Input::new(text.cast(), text_length, "text")?;
    let base_directory = Input::new(base_directory.cast(), base_directory_length, "base_directory")?;
    let (mut text_copy, mut directory_copy) = (Snapshot::new(), Snapshot::new());
    // SAFETY: this function's contract.
    let text = utf8(unsafe { text_copy.copy(text) }, "text")?;
    // SAFETY: this function's contract.
    let base_directory = as_path(unsafe { directory_copy.copy(base_directory) }, "base_directory")?;
    let base_directory = if base_directory.as_os_str().is_empty() { Path::new(".") } else { base_directory };
    Config::from_toml(text, base_directory)
}
