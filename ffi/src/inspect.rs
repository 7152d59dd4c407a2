//! Answers that need no key: what an envelope says, and which keys a context would use.

use crate::argument::{Input, Place, lent};
use crate::buffer::Buffer;
use crate::context::ContextHandle;
use crate::error::ErrorHandle;
use crate::panic;
use crate::snapshot::Snapshot;
use crate::vault::VaultHandle;

/// Says which keys would protect data of a context, without calling a KMS.
///
/// vault, context: shared; other threads may use them at the same time.
/// decision: receives a JSON object, with a terminating NUL that its length does not count, such as
///   {"policy":"customer_gated","bindings":[{"id":"bnd_org_123","owner":"org_123","key_ids":["key_abc"]}]}
///   or {"policy":"managed","bindings":[]}. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, or the error that vault_encrypt() would give before it calls a KMS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_match_context(
    vault: Option<&VaultHandle>,
    context: Option<&ContextHandle>,
    decision: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        let place = Place::new(decision, "decision")?;
        let json = vault.vault().match_context(context.context())?.to_json();
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_text(json)) };
        Ok(())
    })
}

/// Says what stands in an envelope or a key bundle. No vault and no keys are needed; nothing is authenticated.
///
/// bytes: the envelope or key bundle.
/// length: how many bytes there are.
/// inspection: receives a JSON object, with a terminating NUL that its length does not count. The caller frees it with
///   vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, VAULT_ERROR_MALFORMED, VAULT_ERROR_UNSUPPORTED_FORMAT, VAULT_ERROR_LIMIT_EXCEEDED or
///   VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_inspect(
    bytes: *const u8,
    length: usize,
    inspection: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        if cfg!(libvault_planted_panic) {
            panic!("planted panic");
        }
        let input = Input::new(bytes, length, "bytes")?;
        let place = Place::new(inspection, "inspection")?;
        let mut snapshot = Snapshot::of_ciphertext();
        // SAFETY: the contract above says that `bytes` is readable.
        let json = libvault::inspect(unsafe { snapshot.copy(input) })?.to_json();
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_text(json)) };
        Ok(())
    })
}
