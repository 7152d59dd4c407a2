//! `vault_error`: an error that its caller owns, and the names of the status codes.

use std::ffi::{CStr, CString, c_char};
use std::sync::LazyLock;

use libvault::ErrorCode;

use crate::error_codes::VAULT_OK;
use crate::panic;

/// An error. It belongs to the caller, who frees it with vault_error_free(), and it outlives the vault. It never
/// changes, so several threads may read one. Its texts are NUL-terminated UTF-8 and live as long as the error; they hold
/// no credentials, no key context values and no key bytes.
pub struct ErrorHandle {
    code: u32,
    name: CString,
    kind: CString,
    retryable: bool,
    message: CString,
    field: Option<CString>,
    provider: Option<CString>,
    key_id: Option<CString>,
    operation: Option<CString>,
    request_id: Option<CString>,
    needed_length: usize,
}

impl ErrorHandle {
    /// Gives `failure` to C at `place`, unless that is NULL, and returns its code.
    pub(crate) fn give(failure: libvault::Error, place: *mut Option<Box<ErrorHandle>>) -> u32 {
        let code = failure.code().number();
        if !place.is_null() && place.is_aligned() {
            let handle = Some(Box::new(Self::new(&failure)));
            // SAFETY: not NULL and aligned; every function's contract says that `error` may be written to. `write`, as
            // what stood there was never ours to drop.
            unsafe { place.write(handle) };
        }
        code
    }

    fn new(failure: &libvault::Error) -> Self {
        let code = failure.code();
        Self {
            code: code.number(),
            name: terminated(code.name()),
            kind: terminated(code.kind().name()),
            retryable: code.is_retryable(),
            message: terminated(failure.message()),
            field: failure.field().map(terminated),
            provider: failure.provider().map(terminated),
            key_id: failure.key_id().map(terminated),
            operation: failure.operation().map(terminated),
            request_id: failure.request_id().map(terminated),
            needed_length: failure.needed_length().unwrap_or(0),
        }
    }
}

/// A NUL inside a text (only a hostile configuration or KMS could put one there) would cut it short.
fn terminated(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(std::ptr::null(), |text| text.as_ptr())
}

/// Frees an error. NULL is allowed. Call it once for each error, from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_free(error: Option<Box<ErrorHandle>>) {
    panic::value((), || drop(error));
}

/// The error's code, one of VAULT_ERROR_*: the status that the failed function returned. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_code(error: Option<&ErrorHandle>) -> u32 {
    panic::value(0, || error.map_or(VAULT_OK, |error| error.code))
}

/// The error's name, the same in every language, such as "KeyDisabled". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_name(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.map(|error| &error.name)))
}

/// The error's kind: "input", "policy", "key", "unavailable", "integrity", "usage" or "internal". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_kind(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.map(|error| &error.kind)))
}

/// 1 if the same call may succeed later without any change, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_retryable(error: Option<&ErrorHandle>) -> u32 {
    panic::value(0, || error.map_or(0, |error| u32::from(error.retryable)))
}

/// What happened, in one sentence for people. Its wording may change between versions. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_message(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.map(|error| &error.message)))
}

/// The path of the refused configuration field, or the name of the refused key context item; else NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_field(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.and_then(|error| error.field.as_ref())))
}

/// The provider whose call failed, such as "aws"; else NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_provider(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.and_then(|error| error.provider.as_ref())))
}

/// The id of the customer's key, as the configuration names it; else NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_key_id(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.and_then(|error| error.key_id.as_ref())))
}

/// The operation on the customer's key that failed, "wrap" or "unwrap"; else NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_operation(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.and_then(|error| error.operation.as_ref())))
}

/// The provider's own id of the failed request, by which the customer finds it in the KMS's log; else NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_request_id(error: Option<&ErrorHandle>) -> *const c_char {
    panic::value(std::ptr::null(), || pointer(error.and_then(|error| error.request_id.as_ref())))
}

/// With VAULT_ERROR_BUFFER_TOO_SMALL: how many bytes the output needs; else 0.
#[unsafe(no_mangle)]
pub extern "C" fn vault_error_needed_length(error: Option<&ErrorHandle>) -> usize {
    panic::value(0, || error.map_or(0, |error| error.needed_length))
}

/// The name of a status: "Ok" for VAULT_OK, "KeyDisabled" for VAULT_ERROR_KEY_DISABLED, NULL for a number that this
/// version does not know. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn vault_status_name(status: u32) -> *const c_char {
    panic::value(std::ptr::null(), || {
        if status == VAULT_OK {
            return c"Ok".as_ptr();
        }
        NAMES.iter().find(|(number, _)| *number == status).map_or(std::ptr::null(), |(_, name)| CStr::as_ptr(name))
    })
}

static NAMES: LazyLock<Vec<(u32, CString)>> =
    LazyLock::new(|| ErrorCode::ALL.iter().map(|code| (code.number(), terminated(code.name()))).collect());
