//! What the library is: its version and what was compiled into it.

use std::ffi::{CStr, c_char};

use crate::panic;

/// The version of this ABI, which is the number in the library's SONAME. It changes only when programs must be rebuilt.
pub const VAULT_ABI_VERSION: u32 = 0;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// The library's version, such as "0.1.0". The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn vault_version() -> *const c_char {
    panic::value(std::ptr::null(), || VERSION.as_ptr())
}

/// The library's ABI version. A program that was built for another VAULT_ABI_VERSION must not go on.
#[unsafe(no_mangle)]
pub extern "C" fn vault_abi_version() -> u32 {
    panic::value(VAULT_ABI_VERSION, || VAULT_ABI_VERSION)
}

/// 1 if the library was built with a feature, else 0. Features of this version: "aws", "azure", "sqlite", "aws-lc", "rust-crypto".
///
/// name: NUL-terminated; NULL names no feature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_has_feature(name: *const c_char) -> u32 {
    panic::value(0, || {
        if name.is_null() {
            return 0;
        }
        // SAFETY: not NULL; NUL-terminated by the contract above.
        let name = unsafe { CStr::from_ptr(name) };
        name.to_str().map_or(0, |name| u32::from(libvault::has_feature(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_cores() {
        assert_eq!(VERSION.to_str(), Ok(libvault::VERSION));
    }
}
