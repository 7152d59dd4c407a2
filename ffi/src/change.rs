//! Changing the keys of existing data.

use libvault::{Context, Downgrade, Error, RewrapOptions, Vault};

use crate::argument::{Input, Place, invalid, lent};
use crate::buffer::Buffer;
use crate::cipher::Call;
use crate::context::ContextHandle;
use crate::error::ErrorHandle;
use crate::options::{OptionsRecord, read_options, yes_or_no};
use crate::panic;
use crate::snapshot::Snapshot;
use crate::vault::VaultHandle;

/// Options of vault_rewrap(), vault_reencrypt() and vault_rekey(). Initialise it with VAULT_CHANGE_OPTIONS_INIT. Other
/// versions of this struct may be shorter or longer, as with vault_open_options.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChangeOptionsRecord {
    /// sizeof(vault_change_options) as the caller knows it, at most 4096.
    pub struct_size: usize,
    /// 1: weakening the protection of the data is allowed; 0: it fails with VAULT_ERROR_DOWNGRADE_REFUSED. It is a
    /// permission of its own and stands in the audit trail.
    pub allow_downgrade: u32,
    /// For vault_rewrap() alone: 1 to wrap although keys are left behind with which older copies still open.
    pub keep_data_key: u32,
}

/// Wraps the data key of an envelope or key bundle by the keys that match its context now; the payload stays as it is.
///
/// This revokes nothing: whoever kept the older copy opens it with the older keys. So it is refused where keys are left
/// behind, unless keep_data_key is set; vault_reencrypt() is the way there.
///
/// vault, context: shared; other threads may use them at the same time.
/// envelope_or_bundle: what to wrap anew.
/// envelope_or_bundle_length: bytes of it.
/// options: NULL for the defaults.
/// rewrapped: receives the new envelope or bundle. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, VAULT_ERROR_DOWNGRADE_REFUSED before any key is used, or any other error. Blocks while a KMS is
///   called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_rewrap(
    vault: Option<&VaultHandle>,
    envelope_or_bundle: *const u8,
    envelope_or_bundle_length: usize,
    context: Option<&ContextHandle>,
    options: *const ChangeOptionsRecord,
    rewrapped: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        let input = Input::new(envelope_or_bundle, envelope_or_bundle_length, "envelope_or_bundle")?;
        // SAFETY: the contract above gives us NULL or readable options.
        let options = unsafe { change_options(options) }?;
        let place = Place::new(rewrapped, "rewrapped")?;
        let mut snapshot = Snapshot::of_ciphertext();
        // SAFETY: the contract above says that `envelope_or_bundle` is readable.
        let input = unsafe { snapshot.copy(input) };
        let made = vault.vault().rewrap_blocking(input, context.context(), options)?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_bytes(made)) };
        Ok(())
    })
}

/// Decrypts an envelope and encrypts its data with a new data key for the keys that match its context now, in the same
/// form and bound to the same AAD.
///
/// vault, context: shared; other threads may use them at the same time.
/// envelope: the envelope.
/// envelope_length: bytes of envelope.
/// aad, aad_length: as given to the encryption.
/// options: NULL for the defaults; keep_data_key must be 0.
/// reencrypted: receives the new envelope. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns what vault_rewrap() returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_reencrypt(
    vault: Option<&VaultHandle>,
    envelope: *const u8,
    envelope_length: usize,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    options: *const ChangeOptionsRecord,
    reencrypted: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let call = Call::new(vault, context, Input::new(envelope, envelope_length, "envelope")?, aad, aad_length)?
            .of_ciphertext();
        // SAFETY: the contract above gives us NULL or readable options.
        let downgrade = unsafe { downgrade(options) }?;
        let place = Place::new(reencrypted, "reencrypted")?;
        let reencrypt = |vault: &Vault, envelope: &[u8], context: &Context, aad: Option<&[u8]>| {
            vault.reencrypt_blocking(envelope, context, aad, downgrade)
        };
        // SAFETY: the contract above says that `envelope` and `aad` are readable.
        let made = unsafe { call.run(reencrypt) }?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_bytes(made)) };
        Ok(())
    })
}

/// Makes a key bundle for another context around the same data key. The older bundle goes on to open under its context.
///
/// vault, old_context, new_context: shared; other threads may use them at the same time.
/// bundle: one that vault_create_data_key() made for old_context.
/// bundle_length: bytes of bundle.
/// options: NULL for the defaults; keep_data_key must be 0.
/// rekeyed: receives the new bundle. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns what vault_rewrap() returns; VAULT_ERROR_INVALID_CONTEXT if the contexts are equal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_rekey(
    vault: Option<&VaultHandle>,
    bundle: *const u8,
    bundle_length: usize,
    old_context: Option<&ContextHandle>,
    new_context: Option<&ContextHandle>,
    options: *const ChangeOptionsRecord,
    rekeyed: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let vault = lent(vault, "vault")?;
        let (old_context, new_context) = (lent(old_context, "old_context")?, lent(new_context, "new_context")?);
        let bundle = Input::new(bundle, bundle_length, "bundle")?;
        // SAFETY: the contract above gives us NULL or readable options.
        let downgrade = unsafe { downgrade(options) }?;
        let place = Place::new(rekeyed, "rekeyed")?;
        let mut snapshot = Snapshot::of_ciphertext();
        // SAFETY: the contract above says that `bundle` is readable.
        let bundle = unsafe { snapshot.copy(bundle) };
        let made = vault.vault().rekey_blocking(bundle, old_context.context(), new_context.context(), downgrade)?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_bytes(made)) };
        Ok(())
    })
}

// SAFETY: as the trait asks: a word, and two halves of 64 bits.
unsafe impl OptionsRecord for ChangeOptionsRecord {}

/// # Safety
///
/// `options` is NULL or a struct of the size that it says.
unsafe fn change_options(options: *const ChangeOptionsRecord) -> Result<RewrapOptions, Error> {
    // SAFETY: this function's contract.
    let Some(given) = (unsafe { read_options(options, "options") })? else {
        return Ok(RewrapOptions::default());
    };
    let allowed = yes_or_no(given.allow_downgrade, "options.allow_downgrade")?;
    Ok(RewrapOptions {
        keep_data_key: yes_or_no(given.keep_data_key, "options.keep_data_key")?,
        downgrade: if allowed { Downgrade::Allow } else { Downgrade::Refuse },
    })
}

/// # Safety
///
/// `options` is NULL or a struct of the size that it says.
unsafe fn downgrade(options: *const ChangeOptionsRecord) -> Result<Downgrade, Error> {
    // SAFETY: this function's contract.
    let options = unsafe { change_options(options) }?;
    if options.keep_data_key {
        return Err(invalid("options.keep_data_key is for vault_rewrap() alone".to_owned()));
    }
    Ok(options.downgrade)
}
