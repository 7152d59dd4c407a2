//! `vault`: opening, closing and making one.

use std::ffi::c_char;

use crate::argument::{Input, Place, invalid, lent, path as as_path};
use crate::buffer::Buffer;
use crate::config::{from_file, from_text};
use crate::error::ErrorHandle;
use crate::options::{OptionsRecord, read_options};
use crate::panic;
use crate::snapshot::Snapshot;

/// An open vault. Made by vault_open() or vault_open_toml(), freed with vault_free(). Any number of threads may use one
/// at the same time.
pub struct VaultHandle(libvault::Vault);

impl VaultHandle {
    pub(crate) fn new(vault: libvault::Vault) -> Self {
        Self(vault)
    }

    pub(crate) fn vault(&self) -> &libvault::Vault {
        &self.0
    }
}

// What the header promises about threads.
const _: fn() = || {
    fn shared_freely<T: Send + Sync>() {}
    shared_freely::<VaultHandle>();
    shared_freely::<crate::context::ContextHandle>();
    shared_freely::<ErrorHandle>();
    shared_freely::<crate::options::CancelTokenHandle>();
    shared_freely::<crate::stream::EncryptorHandle>();
    shared_freely::<crate::stream::DecryptorHandle>();
    shared_freely::<crate::reader::ReaderHandle>();
};

/// How to open a vault. Initialise it with VAULT_OPEN_OPTIONS_INIT. A caller built with another version of this header
/// may pass a shorter struct, whose missing members are taken as 0, or a longer one, whose further bytes must be 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct OpenOptions {
    /// sizeof(vault_open_options) as the caller knows it, at most 4096.
    pub struct_size: usize,
    /// Must be 0.
    pub flags: u64,
}

/// Opens a vault with a configuration file.
///
/// path: the file's path, as the file system spells it. NULL is refused with VAULT_ERROR_INVALID_CONFIG and a message
///   that says how to make a configuration, since there is no default one.
/// path_length: bytes of path, without any terminator.
/// options: NULL for the defaults.
/// vault: receives the vault. The caller frees it with vault_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK; VAULT_ERROR_INVALID_CONFIG or VAULT_ERROR_CONFLICT, with vault_error_field() naming the field;
///   VAULT_ERROR_STORE_UNAVAILABLE; or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_open(
    path: *const c_char,
    path_length: usize,
    options: *const OpenOptions,
    vault: *mut Option<Box<VaultHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let place = Place::new(vault, "vault")?;
        // SAFETY: the contract above gives us NULL or readable options.
        unsafe { check_options(options) }?;
        // SAFETY: the contract above says that `path` is readable.
        let opened = libvault::Vault::open(unsafe { from_file(path, path_length) }?)?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(VaultHandle(opened)))) };
        Ok(())
    })
}

/// Opens a vault with a configuration given as text.
///
/// text: the configuration in TOML, UTF-8.
/// text_length: bytes of text, without any terminator.
/// base_directory: what relative paths in the configuration are relative to; NULL for the working directory.
/// base_directory_length: bytes of base_directory, without any terminator.
/// options, vault, error: as in vault_open().
/// Returns what vault_open() returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_open_toml(
    text: *const c_char,
    text_length: usize,
    base_directory: *const c_char,
    base_directory_length: usize,
    options: *const OpenOptions,
    vault: *mut Option<Box<VaultHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let place = Place::new(vault, "vault")?;
        // SAFETY: the contract above gives us NULL or readable options.
        unsafe { check_options(options) }?;
        // SAFETY: the contract above says that `text` and `base_directory` are readable.
        let config = unsafe { from_text(text, text_length, base_directory, base_directory_length) }?;
        let opened = libvault::Vault::open(config)?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(VaultHandle(opened)))) };
        Ok(())
    })
}

/// Closes a vault: calls that begin afterwards, by any thread, fail with VAULT_ERROR_CLOSED; calls in flight complete.
/// The vault must still be freed. Closing twice is allowed.
///
/// Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_close(vault: Option<&VaultHandle>, error: *mut Option<Box<ErrorHandle>>) -> u32 {
    panic::status(error, || {
        lent(vault, "vault")?.vault().close();
        Ok(())
    })
}

/// To be called in a process that was restored from a snapshot of a virtual machine, or copied together with one, before
/// it encrypts: from then on its ids and keys differ from those of every other copy, for all vaults of the process. Keys
/// and connections that this vault holds are dropped. A fork needs no call.
///
/// vault: other threads may use it at the same time.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_after_restore(vault: Option<&VaultHandle>, error: *mut Option<Box<ErrorHandle>>) -> u32 {
    panic::status(error, || lent(vault, "vault")?.vault().after_restore())
}

/// Frees a vault. NULL is allowed. Call it once for each vault, when no call that uses it is running; to stop other
/// threads from using it first, call vault_close(). Contexts, buffers and errors stay valid.
#[unsafe(no_mangle)]
pub extern "C" fn vault_free(vault: Option<Box<VaultHandle>>) {
    panic::value((), || drop(vault));
}

/// Makes a new root key file (mode 0600), an empty store and a configuration that names them.
///
/// directory: where to make them; it is made (mode 0700) if it does not exist. UTF-8 is not needed.
/// directory_length: bytes of directory, without any terminator.
/// config_path: receives the path of the configuration file, with a terminating NUL that its length does not count; or
///   NULL. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK; VAULT_ERROR_CONFLICT if one of the files exists, in which case nothing is changed; or another error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_init(
    directory: *const c_char,
    directory_length: usize,
    config_path: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let directory = Input::new(directory.cast(), directory_length, "directory")?;
        let place = Place::optional(config_path, "config_path")?;
        let mut snapshot = Snapshot::new();
        // SAFETY: the contract above says that `directory` is readable.
        let directory = as_path(unsafe { snapshot.copy(directory) }, "directory")?;
        if directory.as_os_str().is_empty() {
            return Err(invalid("directory is empty".to_owned()));
        }
        let made = libvault::init(directory)?;
        if let Some(place) = place {
            let path = Buffer::from_text(made.config.into_os_string().into_encoded_bytes());
            // SAFETY: the contract above gives us a writable place.
            unsafe { place.put(path) };
        }
        Ok(())
    })
}

// SAFETY: as the trait asks; two words, or on 32 bits three or four.
unsafe impl OptionsRecord for OpenOptions {}

/// Checks the options of `vault_open`; the only one there is must be 0.
///
/// # Safety
///
/// `options` is NULL or a struct of the size that it says.
unsafe fn check_options(options: *const OpenOptions) -> Result<(), libvault::Error> {
    // SAFETY: this function's contract.
    match unsafe { read_options(options, "options") }? {
        Some(OpenOptions { flags: 1.., .. }) => Err(invalid("options.flags is not 0".to_owned())),
        _ => Ok(()),
    }
}
