//! What a vault did, and what it warns about.

use crate::argument::{Place, declared_size, lent};
use crate::buffer::Buffer;
use crate::error::ErrorHandle;
use crate::panic;
use crate::vault::VaultHandle;

/// What a vault did since it was opened. Initialise it with VAULT_COUNTERS_INIT before vault_stats(); members that the
/// caller knows and the library does not are set to 0.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Counters {
    /// sizeof(vault_counters) as the caller knows it, at most 4096. It is not changed.
    pub struct_size: usize,
    /// Uses of the root key: managed keys wrapped or unwrapped by it.
    pub root_key_uses: u64,
    /// Shares of data keys wrapped by managed keys.
    pub managed_wraps: u64,
    /// Shares of data keys unwrapped by managed keys.
    pub managed_unwraps: u64,
    /// Wrap calls to customers' keys, whether they succeeded or not.
    pub kms_wraps: u64,
    /// Unwrap calls to customers' keys, whether they succeeded or not.
    pub kms_unwraps: u64,
}

/// Reads a vault's counters. A closed vault still has them.
///
/// counters: receives them; its struct_size must be set.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_stats(
    vault: Option<&VaultHandle>,
    counters: *mut Counters,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let vault = lent(vault, "vault")?;
        // SAFETY: the contract above gives us a struct of the size that it says.
        let size = unsafe { declared_size(counters, "counters") }?;
        let stats = vault.vault().stats();
        let known = Counters {
            struct_size: size,
            root_key_uses: stats.root_key_uses,
            managed_wraps: stats.managed_wraps,
            managed_unwraps: stats.managed_unwraps,
            kms_wraps: stats.kms_wraps,
            kms_unwraps: stats.kms_unwraps,
        };
        let shared = size.min(size_of::<Counters>());
        // SAFETY: the caller's struct has `size` writable bytes by the contract above, and `shared` is no more than
        // that and no more than `known` has, which is a local.
        unsafe {
            counters.cast::<u8>().write_bytes(0, size);
            (&raw const known).cast::<u8>().copy_to_nonoverlapping(counters.cast(), shared);
        }
        Ok(())
    })
}

/// What a vault warns about, such as a development endpoint: text for the host's log, one warning a line.
///
/// warnings: receives the text, empty if there are none, with a terminating NUL that its length does not count. The
///   caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_warnings(
    vault: Option<&VaultHandle>,
    warnings: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let vault = lent(vault, "vault")?;
        let place = Place::new(warnings, "warnings")?;
        let text: String =
            vault.vault().warnings().into_iter().map(|warning| warning.replace('\n', " ") + "\n").collect();
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_text(text)) };
        Ok(())
    })
}
