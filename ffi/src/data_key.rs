//! Data keys for callers who encrypt themselves.

use crate::argument::{Input, Place, lent};
use crate::buffer::Buffer;
use crate::context::ContextHandle;
use crate::error::ErrorHandle;
use crate::panic;
use crate::snapshot::Snapshot;
use crate::vault::VaultHandle;

/// Bytes of a data key.
pub const VAULT_DATA_KEY_LENGTH: usize = 32;

/// Makes a data key for callers who encrypt themselves. Once handed out, no revocation reaches it: keep it no longer
/// than needed.
///
/// vault, context: shared; other threads may use them at the same time.
/// key: receives the VAULT_DATA_KEY_LENGTH bytes of the key. The caller frees it, which wipes it, with
///   vault_buffer_free().
/// bundle: receives the key bundle to store with the data. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_create_data_key(
    vault: Option<&VaultHandle>,
    context: Option<&ContextHandle>,
    key: *mut Buffer,
    bundle: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        let (key, bundle) = (Place::new(key, "key")?, Place::new(bundle, "bundle")?);
        let made = vault.vault().create_data_key_blocking(context.context())?;
        // SAFETY: the contract above gives us two writable places.
        unsafe {
            key.put(Buffer::from_bytes(made.key().to_vec()));
            bundle.put(Buffer::from_bytes(made.bundle.clone()));
        }
        Ok(())
    })
}

/// Gives the data key of a key bundle that vault_create_data_key() made, in any language.
///
/// vault, context: shared; other threads may use them at the same time. The context is the one that the key was made for.
/// bundle: the key bundle.
/// bundle_length: bytes of bundle.
/// key: receives the VAULT_DATA_KEY_LENGTH bytes of the key. The caller frees it, which wipes it, with
///   vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decrypt_data_key(
    vault: Option<&VaultHandle>,
    bundle: *const u8,
    bundle_length: usize,
    context: Option<&ContextHandle>,
    key: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        let bundle = Input::new(bundle, bundle_length, "bundle")?;
        let place = Place::new(key, "key")?;
        let mut snapshot = Snapshot::of_ciphertext();
        // SAFETY: the contract above says that `bundle` is readable.
        let bundle = unsafe { snapshot.copy(bundle) };
        let opened = vault.vault().decrypt_data_key_blocking(bundle, context.context())?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_bytes(opened.key().to_vec())) };
        Ok(())
    })
}
