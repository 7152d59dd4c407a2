//! The one panic boundary: nothing unwinds into the host.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::error::ErrorHandle;
use crate::error_codes::VAULT_OK;

/// Runs the body of an exported function that can fail. On failure, also by a panic, `*error` receives the error
/// (unless `error` is NULL) and its code is returned.
///
/// The host's panic hook is left alone. The panic's own text is not repeated, since it may hold bytes of the data.
#[track_caller]
pub(crate) fn status(error: *mut Option<Box<ErrorHandle>>, body: impl FnOnce() -> Result<(), libvault::Error>) -> u32 {
    let place = Location::caller();
    let outcome = catch(|| match body() {
        Ok(()) => VAULT_OK,
        Err(failure) => ErrorHandle::give(failure, error),
    });
    outcome.unwrap_or_else(|| {
        let message = format!("a defect in libvault: panic in a call of {}:{}", place.file(), place.line());
        ErrorHandle::give(libvault::Error::internal(message), error)
    })
}

/// Runs the body of an exported function that cannot fail. A panic gives `otherwise`.
pub(crate) fn value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(otherwise)
}

fn catch<T>(body: impl FnOnce() -> T) -> Option<T> {
    // AssertUnwindSafe: the handles are used by many threads at once, so the core already keeps its state whole at every
    // point where another thread, or a panic, may look at it.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(outcome) => Some(outcome),
        Err(payload) => {
            // Dropping a payload may run code that panics again; leaking it is bounded by the number of defects.
            std::mem::forget(payload);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::vault_error_code;
    use crate::error_codes::VAULT_ERROR_INTERNAL;

    struct PanicsOnDrop;

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("the payload panics as well");
        }
    }

    #[test]
    fn a_panic_becomes_internal() {
        let mut error = None;
        let code = status(&raw mut error, || panic!("planted"));
        assert_eq!(code, VAULT_ERROR_INTERNAL);
        assert_eq!(vault_error_code(error.as_deref()), code);
    }

    #[test]
    fn a_panic_without_a_place_for_the_error_becomes_a_status() {
        let code = status(std::ptr::null_mut(), || panic!("planted"));
        assert_eq!(code, VAULT_ERROR_INTERNAL);
    }

    #[test]
    fn a_payload_that_panics_on_drop_is_contained() {
        let value = value(7, || std::panic::panic_any(PanicsOnDrop));
        assert_eq!(value, 7);
    }
}
