//! `vault_buffer`: bytes that the library made and the caller gives back.

use std::mem::ManuallyDrop;

use libvault::{Error, wipe};

use crate::argument::{Place, invalid};
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
    const EMPTY: Self = Self { data: std::ptr::null_mut(), length: 0, capacity: 0 };

    /// Gives the bytes to C.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        let mut bytes = ManuallyDrop::new(bytes);
        if bytes.capacity() == 0 {
            return Self::EMPTY;
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

/// A buffer of the caller's to which a function appends. While it does, the caller's struct is empty, so that no byte is owned twice.
pub(crate) struct Appended {
    place: *mut Buffer,
    bytes: Vec<u8>,
}

impl Appended {
    /// # Safety
    ///
    /// The caller's contract holds: `place` is NULL or a buffer of this library that nothing else touches during the call.
    pub(crate) unsafe fn take(place: *mut Buffer, name: &str) -> Result<Self, Error> {
        Place::new(place, name)?;
        // SAFETY: not NULL and aligned by `Place::new`; a buffer by this function's contract.
        let taken = unsafe { place.replace(Buffer::EMPTY) };
        if taken.length > taken.capacity || taken.data.is_null() != (taken.capacity == 0) {
            // SAFETY: as above.
            unsafe { place.write(taken) };
            return Err(invalid(format!("{name} is no buffer of this library: initialise it with VAULT_BUFFER_INIT")));
        }
        let bytes = if taken.data.is_null() {
            Vec::new()
        } else {
            // SAFETY: `from_bytes` took these from a Vec, by this function's contract, and `replace` took the only copy.
            unsafe { Vec::from_raw_parts(taken.data, taken.length, taken.capacity) }
        };
        Ok(Self { place, bytes })
    }

    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Appended {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // SAFETY: `take` has checked `place` and left an empty buffer there.
        unsafe { self.place.write(Buffer::from_bytes(bytes)) };
    }
}

/// Wipes the bytes of a buffer and sets its length to 0, but keeps the memory, for the functions that append to a buffer.
///
/// buffer: one that a function of this library filled, or all zero, or NULL. No other thread may be using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_buffer_clear(buffer: *mut Buffer) {
    panic::value((), || {
        // SAFETY: NULL is refused; by the contract above it is a buffer that nobody else uses.
        if let Ok(mut appended) = unsafe { Appended::take(buffer, "buffer") } {
            wipe(appended.bytes());
            appended.bytes().clear();
        }
    });
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
        // SAFETY: not NULL and aligned; by the contract above it is a buffer that nobody else uses.
        let taken = unsafe { buffer.replace(Buffer::EMPTY) };
        if taken.data.is_null() {
            return;
        }
        // SAFETY: `from_bytes` took `data` and `capacity` from a Vec, and nobody else has freed it, as `replace` took
        // the only copy. All of the capacity is ours to write, and C may have written to it (L7).
        let mut bytes = unsafe { Vec::from_raw_parts(taken.data, taken.capacity, taken.capacity) };
        wipe(&mut bytes);
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
    fn a_buffer_is_appended_to_and_cleared() {
        let mut buffer = Buffer::from_bytes(Vec::new());
        for piece in [b"ab", b"cd"] {
            // SAFETY: made by the library.
            let mut appended = unsafe { Appended::take(&raw mut buffer, "output") }.expect("a buffer");
            appended.bytes().extend_from_slice(piece);
        }
        assert_eq!(buffer.length, 4);
        let capacity = buffer.capacity;
        // SAFETY: made by the library.
        unsafe { vault_buffer_clear(&raw mut buffer) };
        assert_eq!((buffer.length, buffer.capacity), (0, capacity));
        buffer.length = capacity + 1;
        // SAFETY: refused, and left as it is.
        assert!(unsafe { Appended::take(&raw mut buffer, "output") }.is_err());
        buffer.length = 0;
        // SAFETY: made by the library; NULL is allowed.
        unsafe {
            vault_buffer_free(&raw mut buffer);
            vault_buffer_clear(&raw mut buffer);
            vault_buffer_clear(std::ptr::null_mut());
        }
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
