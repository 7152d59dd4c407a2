//! `vault_buffer`: bytes that the library made and the caller gives back.

use std::mem::ManuallyDrop;

use zeroize::Zeroize;

use crate::panic;

/// Bytes made by the library. The caller owns them and gives them back with vault_buffer_free(), once, by any thread.
///
/// A buffer is written only on success. Initialise it with VAULT_BUFFER_INIT: freeing such a buffer does nothing. Do not
/// change its members, and do not free data by other means.
#[repr(C)]
pub struct Buffer {
    /// The bytes. NULL only when length is 0.
    pub data: *mut u8,
    /// How many bytes there are.
    pub length: usize,
    /// How many bytes are allocated; for vault_buffer_free() alone.
    pub capacity: usize,
}

impl Buffer {
    /// Gives the bytes to C.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        let mut bytes = ManuallyDrop::new(bytes);
        if bytes.capacity() == 0 {
            return Self { data: std::ptr::null_mut(), length: 0, capacity: 0 };
        }
        Self { data: bytes.as_mut_ptr(), length: bytes.len(), capacity: bytes.capacity() }
    }

    /// Gives text to C, with a terminating NUL that `length` does not count.
    pub(crate) fn from_text(text: impl Into<Vec<u8>>) -> Self {
        let mut bytes = text.into();
        bytes.reserve_exact(1);
        bytes.push(0);
        let mut buffer = Self::from_bytes(bytes);
        buffer.length -= 1;
        buffer
    }
}

/// Wipes and frees the bytes of a buffer and sets its members to zero, so that a second call does nothing.
///
/// buffer: one that a function of this library filled, or all zero, or NULL. No other thread may be using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_buffer_free(buffer: *mut Buffer) {
    panic::value((), || {
        if buffer.is_null() || !buffer.is_aligned() {
            return;
        }
        let empty = Buffer { data: std::ptr::null_mut(), length: 0, capacity: 0 };
        // SAFETY: not NULL and aligned; by the contract above it is a buffer that nobody else uses.
        let taken = unsafe { buffer.replace(empty) };
        if taken.data.is_null() {
            return;
        }
        // SAFETY: `from_bytes` took `data` and `capacity` from a Vec, and nobody else has freed it, as `replace` took
        // the only copy. Length 0: `zeroize` wipes the whole capacity whatever the length is.
        let mut bytes = unsafe { Vec::from_raw_parts(taken.data, 0, taken.capacity) };
        bytes.zeroize();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_terminator_that_is_not_counted() {
        let mut buffer = Buffer::from_text("abc");
        assert_eq!(buffer.length, 3);
        // SAFETY: `from_text` made four bytes.
        assert_eq!(unsafe { std::slice::from_raw_parts(buffer.data, 4) }, b"abc\0");
        // SAFETY: made by the library, freed twice on purpose.
        unsafe {
            vault_buffer_free(&raw mut buffer);
            vault_buffer_free(&raw mut buffer);
        }
        assert!(buffer.data.is_null());
    }

    #[test]
    fn no_bytes_need_no_memory() {
        let mut buffer = Buffer::from_bytes(Vec::new());
        assert!(buffer.data.is_null());
        // SAFETY: made by the library; NULL is allowed.
        unsafe {
            vault_buffer_free(&raw mut buffer);
            vault_buffer_free(std::ptr::null_mut());
        }
    }
}
