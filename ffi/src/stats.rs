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
    /// Envelopes made, streams included.
    pub encryptions: u64,
    /// Envelopes opened, streams included.
    pub decryptions: u64,
    /// Data keys made for callers.
    pub data_keys_created: u64,
    /// Data keys given back to callers.
    pub data_keys_opened: u64,
    /// Envelopes and bundles wrapped anew.
    pub rewraps: u64,
    /// Envelopes encrypted anew.
    pub reencryptions: u64,
    /// Bundles moved to another context.
    pub rekeys: u64,
    /// Encrypting and decrypting streams begun.
    pub streams_opened: u64,
    /// Unwraps that went on to another key because one could not be used.
    pub failovers: u64,
    /// Wraps left out at encryption because their key could not be reached (min_wraps); a rewrap adds them.
    pub missing_wraps: u64,
    /// Events written to the audit trail.
    pub audit_events: u64,
    /// Configurations taken over by vault_reload().
    pub reloads: u64,
    /// Bytes of secret memory of this process that are locked into RAM.
    pub memory_locked_bytes: u64,
    /// Bytes of secret memory of this process that the system refused to lock: above 0 means that secrets may reach swap.
    pub memory_unlocked_bytes: u64,
    /// Data keys kept for further messages (leases).
    pub leases_opened: u64,
    /// Messages that needed no KMS because a lease gave the data key.
    pub lease_hits: u64,
    /// Calls to customers' keys that were turned away because too many were under way.
    pub kms_shed: u64,
    /// Times that calls to a customer's key were paused because its KMS did not answer.
    pub circuits_opened: u64,
}

/// Reads a vault's counters. A closed vault still has them.
///
/// vault: shared; other threads may use it at the same time.
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
            encryptions: stats.encryptions,
            decryptions: stats.decryptions,
            data_keys_created: stats.data_keys_created,
            data_keys_opened: stats.data_keys_opened,
            rewraps: stats.rewraps,
            reencryptions: stats.reencryptions,
            rekeys: stats.rekeys,
            streams_opened: stats.streams_opened,
            failovers: stats.failovers,
            missing_wraps: stats.missing_wraps,
            audit_events: stats.audit_events,
            reloads: stats.reloads,
            memory_locked_bytes: stats.memory_locked_bytes,
            memory_unlocked_bytes: stats.memory_unlocked_bytes,
            leases_opened: stats.leases_opened,
            lease_hits: stats.lease_hits,
            kms_shed: stats.kms_shed,
            circuits_opened: stats.circuits_opened,
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
/// vault: shared; other threads may use it at the same time.
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
