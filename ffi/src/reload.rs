//! Changing the configuration of an open vault.

use std::ffi::c_char;

use crate::argument::lent;
use crate::config::{from_file, from_text};
use crate::error::ErrorHandle;
use crate::panic;
use crate::vault::VaultHandle;

/// Puts the configuration of a file in force for a vault and all its views, at once: bindings, states, options,
/// credentials, timeouts. The files that it names are read again. After this returns, no call hands out a result that was
/// decided under the old configuration.
///
/// vault: other threads may use it at the same time.
/// path: the file's path, as the file system spells it.
/// path_length: bytes of path, without any terminator.
/// error: see "Errors" at the top of this file.
/// Returns what vault_open() returns; after an error the old configuration stays in force.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_reload(
    vault: Option<&VaultHandle>,
    path: *const c_char,
    path_length: usize,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let vault = lent(vault, "vault")?;
        // SAFETY: the contract above says that `path` is readable.
        vault.vault().reload(unsafe { from_file(path, path_length) }?)
    })
}

/// Puts a configuration given as text in force, as vault_reload().
///
/// vault: other threads may use it at the same time.
/// text, text_length, base_directory, base_directory_length: as in vault_open_toml().
/// error: see "Errors" at the top of this file.
/// Returns what vault_reload() returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_reload_toml(
    vault: Option<&VaultHandle>,
    text: *const c_char,
    text_length: usize,
    base_directory: *const c_char,
    base_directory_length: usize,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let vault = lent(vault, "vault")?;
        // SAFETY: the contract above says that `text` and `base_directory` are readable.
        let config = unsafe { from_text(text, text_length, base_directory, base_directory_length) }?;
        vault.vault().reload(config)
    })
}
