//! Options of calls: `vault_with` makes a view of a vault whose calls obey them. And the reading of option structs.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::Duration;

use libvault::{CallOptions, CancelToken, Error};

use crate::argument::{Input, Place, declared_size, invalid, lent, utf8};
use crate::error::ErrorHandle;
use crate::panic;
use crate::snapshot::Snapshot;
use crate::vault::VaultHandle;

/// Cancels calls from another thread. Made by vault_cancel_token_new(), freed with vault_cancel_token_free(). Any number
/// of threads and views may use one at the same time.
pub struct CancelTokenHandle(CancelToken);

/// Options of calls, for vault_with(). Initialise it with VAULT_CALL_OPTIONS_INIT. Other versions of this struct may be
/// shorter or longer, as with vault_open_options.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CallOptionsRecord {
    /// sizeof(vault_call_options) as the caller knows it, at most 4096.
    pub struct_size: usize,
    /// How long a call may wait for KMSs, all its keys and retries together, in milliseconds; then it fails with
    /// VAULT_ERROR_TIMEOUT. 0 for the configured time.
    pub timeout_ms: u64,
    /// Calls fail with VAULT_ERROR_CANCELLED once it is cancelled. NULL for none. It may be freed after vault_with().
    pub cancel: *const CancelTokenHandle,
    /// Who makes the calls, for the audit trail: UTF-8, 1 to 200 characters. NULL for nobody. It is copied.
    pub actor: *const c_char,
    /// Bytes of actor.
    pub actor_length: usize,
}

/// Makes a view of a vault whose calls obey options. It shares everything else with the vault and is cheap to make, so
/// one for each call is fine. Closing either closes both.
///
/// vault: the vault, or a view, whose own options do not count in the new one.
/// options: NULL for the defaults.
/// view: receives the view, which is used like a vault. The caller frees it with vault_free(), before or after the vault.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_with(
    vault: Option<&VaultHandle>,
    options: *const CallOptionsRecord,
    view: *mut Option<Box<VaultHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let vault = lent(vault, "vault")?;
        let place = Place::new(view, "view")?;
        // SAFETY: the contract above gives us NULL or readable options, whose token and text are readable.
        let options = unsafe { call_options(options) }?;
        let made = VaultHandle::new(vault.vault().with(options));
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(made))) };
        Ok(())
    })
}

/// Makes a token that cancels calls.
///
/// token: receives the token. The caller frees it with vault_cancel_token_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_cancel_token_new(
    token: *mut Option<Box<CancelTokenHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let place = Place::new(token, "token")?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(CancelTokenHandle(CancelToken::default())))) };
        Ok(())
    })
}

/// Cancels all calls of all views that were made with the token: those that run, also while they wait for a KMS, whose
/// call ends too, and those to come. They fail with VAULT_ERROR_CANCELLED. It cannot be undone.
///
/// token: NULL does nothing. It may be called by any thread, but not by a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn vault_cancel(token: Option<&CancelTokenHandle>) {
    panic::value((), || {
        if let Some(token) = token {
            token.0.cancel();
        }
    });
}

/// Frees a token. NULL is allowed. Call it once for each token; views that were made with it stay as they are.
#[unsafe(no_mangle)]
pub extern "C" fn vault_cancel_token_free(token: Option<Box<CancelTokenHandle>>) {
    panic::value((), || drop(token));
}

/// # Safety
///
/// `options` is NULL or a struct of the size that it says, whose pointers are as the header says.
unsafe fn call_options(options: *const CallOptionsRecord) -> Result<CallOptions, Error> {
    // SAFETY: this function's contract.
    let Some(given) = (unsafe { read_options(options, "options") })? else {
        return Ok(CallOptions::default());
    };
    let mut made = CallOptions::default();
    if given.timeout_ms != 0 {
        made = made.timeout(Duration::from_millis(given.timeout_ms));
    }
    // SAFETY: NULL or a token that lives during the call, by the contract of `vault_with`.
    if let Some(token) = unsafe { given.cancel.as_ref() } {
        made = made.cancel(&token.0);
    }
    if !given.actor.is_null() || given.actor_length != 0 {
        let actor = Input::new(given.actor.cast(), given.actor_length, "options.actor")?;
        let mut snapshot = Snapshot::new();
        // SAFETY: readable by the contract of `vault_with`.
        made = made.try_actor(utf8(unsafe { snapshot.copy(actor) }, "options.actor")?)?;
    }
    Ok(made)
}

/// A struct of options: nothing but words, of which all zero is a value.
///
/// # Safety
///
/// It is `repr(C)`, begins with its size, has no padding, consists of integers, raw pointers and optional function pointers, and its size is a multiple of a word's.
pub(crate) unsafe trait OptionsRecord: Copy {}

// SAFETY: as the trait asks; five words, or on 32 bits six.
unsafe impl OptionsRecord for CallOptionsRecord {}

/// Reads options of any version: members that the caller does not have are 0, and those that we do not know must be 0.
///
/// # Safety
///
/// `options` is NULL or a struct of the size that it says.
pub(crate) unsafe fn read_options<T: OptionsRecord>(options: *const T, name: &str) -> Result<Option<T>, Error> {
    const WORD: usize = size_of::<*const ()>();
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: this function's contract.
    let size = unsafe { declared_size(options, name) }?;
    let mut known = MaybeUninit::<T>::zeroed();
    if size % WORD != 0 {
        return Err(invalid(format!("{name}.struct_size is {size}, which no version of the struct has")));
    }
    for index in 0..size / WORD {
        // As pointers, so that a pointer among them stays one. SAFETY: aligned by `declared_size`, within `size`.
        let word = unsafe { options.cast::<*const ()>().add(index).read_volatile() };
        if (index + 1) * WORD <= size_of::<T>() {
            // SAFETY: within `known`, which is aligned for words as it begins with one.
            unsafe { known.as_mut_ptr().cast::<*const ()>().add(index).write(word) };
        } else if !word.is_null() {
            return Err(invalid(format!("{name} has a member that this version does not know and that is not 0")));
        }
    }
    // SAFETY: zeroed and then partly written with words, which the trait says is a value.
    Ok(Some(unsafe { known.assume_init() }))
}

/// A member that is 0 for no or 1 for yes.
pub(crate) fn yes_or_no(value: u32, name: &str) -> Result<bool, Error> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(invalid(format!("{name} is {value}; it is 0 or 1"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Newer {
        known: CallOptionsRecord,
        added: usize,
    }

    fn record() -> CallOptionsRecord {
        CallOptionsRecord {
            struct_size: size_of::<CallOptionsRecord>(),
            timeout_ms: 7,
            cancel: std::ptr::null(),
            actor: std::ptr::null(),
            actor_length: 0,
        }
    }

    #[test]
    fn shorter_and_longer_structs_are_read() {
        let mut newer = Newer { known: record(), added: 0 };
        newer.known.struct_size = size_of::<Newer>();
        // SAFETY: a struct of the size that it says, here and below.
        let read = unsafe { read_options((&raw const newer).cast::<CallOptionsRecord>(), "options") };
        assert_eq!(read.expect("known").map(|options| options.timeout_ms), Some(7));
        newer.added = 1;
        // SAFETY: as above.
        assert!(unsafe { read_options((&raw const newer).cast::<CallOptionsRecord>(), "options") }.is_err());
        newer.known.struct_size = size_of::<usize>();
        // SAFETY: as above.
        let read = unsafe { read_options((&raw const newer).cast::<CallOptionsRecord>(), "options") };
        assert_eq!(read.expect("known").map(|options| options.timeout_ms), Some(0));
        newer.known.struct_size = size_of::<usize>() + 1;
        // SAFETY: as above.
        assert!(unsafe { read_options((&raw const newer).cast::<CallOptionsRecord>(), "options") }.is_err());
    }
}
