//! Key material: wiped when dropped, redacted when printed, never cloned by accident.

use subtle::ConstantTimeEq;

/// `N` secret bytes in protected memory: moving the value copies a pointer and leaves nothing behind.
pub(crate) use libvault_memory::Protected as Secret;

/// Compares without telling by its duration where the difference is; only a difference in length is told.
pub(crate) fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
