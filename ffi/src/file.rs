//! Whole files.

use std::ffi::c_char;
use std::path::Path;

use libvault::Error;

use crate::argument::{Input, invalid, lent, path as as_path};
use crate::context::ContextHandle;
use crate::error::ErrorHandle;
use crate::options::{OptionsRecord, read_options, yes_or_no};
use crate::panic;
use crate::snapshot::Snapshot;
use crate::vault::VaultHandle;

/// Options of vault_encrypt_file() and vault_decrypt_file(). Initialise it with VAULT_FILE_OPTIONS_INIT. Other versions of
/// this struct may be shorter or longer, as with vault_open_options.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FileOptionsRecord {
    /// sizeof(vault_file_options) as the caller knows it, at most 4096.
    pub struct_size: usize,
    /// 1: the target may take the place of another file; 0: that is VAULT_ERROR_CONFLICT.
    pub replace: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// Encrypts a file into another, in constant memory. The target appears whole and synced to the disk, or not at all.
///
/// vault, context: shared; other threads may use them at the same time.
/// source: the path of the file to encrypt, as the file system spells it.
/// source_length: bytes of source, without any terminator.
/// target: the path of the envelope.
/// target_length: bytes of target, without any terminator.
/// aad, aad_length: as in vault_encrypt().
/// options: NULL for the defaults.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK; VAULT_ERROR_CONFLICT if the target exists; VAULT_ERROR_INVALID_ARGUMENT where the operating system
///   refuses a file, as when the disk is full; or any other error. Blocks while a KMS is called and files are read and written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_encrypt_file(
    vault: Option<&VaultHandle>,
    source: *const c_char,
    source_length: usize,
    target: *const c_char,
    target_length: usize,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    options: *const FileOptionsRecord,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?.vault(), lent(context, "context")?.context());
        let (source, target) = (Given(source, source_length, "source"), Given(target, target_length, "target"));
        // SAFETY: the contract above says that the texts, `aad` and `options` are readable.
        unsafe {
            run(source, target, aad, aad_length, options, |source, target, aad, replace| {
                vault.encrypt_file_blocking(source, target, context, Some(aad), replace)
            })
        }
    })
}

/// Decrypts a file into another, with mode 0600, in constant memory. The target appears whole, authenticated to its end and
/// synced to the disk, or not at all.
///
/// vault, context: shared; other threads may use them at the same time.
/// source, source_length: the path of the envelope.
/// target, target_length: the path of the decrypted file.
/// aad, aad_length: as given to the encryption.
/// options: NULL for the defaults.
/// error: see "Errors" at the top of this file.
/// Returns what vault_encrypt_file() returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decrypt_file(
    vault: Option<&VaultHandle>,
    source: *const c_char,
    source_length: usize,
    target: *const c_char,
    target_length: usize,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    options: *const FileOptionsRecord,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?.vault(), lent(context, "context")?.context());
        let (source, target) = (Given(source, source_length, "source"), Given(target, target_length, "target"));
        // SAFETY: the contract above says that the texts, `aad` and `options` are readable.
        unsafe {
            run(source, target, aad, aad_length, options, |source, target, aad, replace| {
                vault.decrypt_file_blocking(source, target, context, Some(aad), replace)
            })
        }
    })
}

/// A path as it was given, its length, and the parameter's name.
struct Given(*const c_char, usize, &'static str);

// SAFETY: as the trait asks: a word, and two halves of 64 bits.
unsafe impl OptionsRecord for FileOptionsRecord {}

/// # Safety
///
/// The host's contract holds for all that is given.
unsafe fn run(
    source: Given,
    target: Given,
    aad: *const u8,
    aad_length: usize,
    options: *const FileOptionsRecord,
    operation: impl FnOnce(&Path, &Path, &[u8], bool) -> Result<(), Error>,
) -> Result<(), Error> {
    let (source_bytes, target_bytes) =
        (Input::new(source.0.cast(), source.1, source.2)?, Input::new(target.0.cast(), target.1, target.2)?);
    let aad = Input::new(aad, aad_length, "aad")?;
    // SAFETY: this function's contract.
    let replace = match unsafe { read_options(options, "options") }? {
        None => false,
        Some(given) => {
            if given.reserved != 0 {
                return Err(invalid("options.reserved is not 0".to_owned()));
            }
            yes_or_no(given.replace, "options.replace")?
        }
    };
    let (mut source_copy, mut target_copy, mut aad_copy) = (Snapshot::new(), Snapshot::new(), Snapshot::new());
    // SAFETY: this function's contract.
    let (source_path, target_path) = unsafe { (source_copy.copy(source_bytes), target_copy.copy(target_bytes)) };
    // SAFETY: this function's contract.
    let aad = unsafe { aad_copy.copy(aad) };
    operation(as_path(source_path, source.2)?, as_path(target_path, target.2)?, aad, replace)
}
