//! Checks of what the host passes in, made before anything is read, allocated or written.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::path::Path;

use libvault::{Error, ErrorCode};

/// A refusal of an argument, with a message that names it.
pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

/// A handle lent for the call.
pub(crate) fn lent<'a, T>(handle: Option<&'a T>, name: &str) -> Result<&'a T, Error> {
    handle.ok_or_else(|| invalid(format!("{name} is NULL")))
}

/// Bytes that the host lends for the call: not NULL unless empty, no longer than an object can be.
///
/// No `&[u8]` is made of them, since another thread of the host may change them meanwhile; `Snapshot` copies them.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    start: *const u8,
    length: usize,
}

impl Input {
    pub(crate) fn new(start: *const u8, length: usize, name: &str) -> Result<Self, Error> {
        check_extent(start, length, name)?;
        Ok(Self { start, length })
    }

    pub(crate) fn start(self) -> *const u8 {
        self.start
    }

    pub(crate) fn length(self) -> usize {
        self.length
    }
}

/// The caller's bytes that an `_into` function writes.
pub(crate) struct Output {
    start: *mut u8,
    capacity: usize,
}

impl Output {
    pub(crate) fn new(start: *mut u8, capacity: usize, name: &str) -> Result<Self, Error> {
        check_extent(start, capacity, name)?;
        Ok(Self { start, capacity })
    }

    /// # Safety
    ///
    /// The caller's contract holds: `capacity` writable bytes that nothing else touches during the call.
    pub(crate) unsafe fn bytes<'a>(self) -> &'a mut [u8] {
        if self.capacity == 0 {
            return &mut [];
        }
        // SAFETY: not NULL and at most isize::MAX bytes by `new`; writable and ours alone by this function's contract.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.capacity) }
    }
}

/// A place of the caller's that receives one value, once, on success.
pub(crate) struct Place<'a, T> {
    place: *mut T,
    call: PhantomData<&'a mut T>,
}

impl<T> Place<'_, T> {
    pub(crate) fn new(place: *mut T, name: &str) -> Result<Self, Error> {
        if place.is_null() {
            return Err(invalid(format!("{name} is NULL")));
        }
        check_aligned(place, name)?;
        Ok(Self { place, call: PhantomData })
    }

    /// A place that the caller may leave out.
    pub(crate) fn optional(place: *mut T, name: &str) -> Result<Option<Self>, Error> {
        if place.is_null() { Ok(None) } else { Self::new(place, name).map(Some) }
    }

    /// # Safety
    ///
    /// The caller's contract holds: a writable `T` that nothing else touches during the call.
    pub(crate) unsafe fn put(self, value: T) {
        // `write`, not assignment: what stood there was never ours to drop.
        // SAFETY: not NULL and aligned by `new`; writable by this function's contract.
        unsafe { self.place.write(value) }
    }
}

/// Far more than any version's struct, so that a size that was never set is not taken at its word.
const LARGEST_STRUCT: usize = 4096;

/// The `struct_size` that one of the caller's structs begins with.
///
/// # Safety
///
/// `start` is NULL or a struct that begins with its size.
pub(crate) unsafe fn declared_size<T>(start: *const T, name: &str) -> Result<usize, Error> {
    if start.is_null() {
        return Err(invalid(format!("{name} is NULL")));
    }
    check_aligned(start, name)?;
    // SAFETY: not NULL, aligned, and at least a size by this function's contract. Volatile: read once.
    let size = unsafe { start.cast::<usize>().read_volatile() };
    if (size_of::<usize>()..=LARGEST_STRUCT).contains(&size) {
        Ok(size)
    } else {
        Err(invalid(format!("{name}.struct_size is {size}; set it to the size of the struct")))
    }
}

/// Text that must be UTF-8.
pub(crate) fn utf8<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|_| invalid(format!("{name} is not UTF-8")))
}

/// A path of the file system, in its own bytes.
pub(crate) fn path<'a>(bytes: &'a [u8], name: &str) -> Result<&'a Path, Error> {
    use std::os::unix::ffi::OsStrExt;
    if bytes.contains(&0) {
        return Err(invalid(format!("{name} contains a NUL byte; its length must not count the terminator")));
    }
    Ok(Path::new(OsStr::from_bytes(bytes)))
}

/// That `pointer` may be read or written as a `T`.
fn check_aligned<T>(pointer: *const T, name: &str) -> Result<(), Error> {
    if pointer.is_aligned() { Ok(()) } else { Err(invalid(format!("{name} is not aligned"))) }
}

/// That `count` values of `T` from `start` can exist.
pub(crate) fn check_extent<T>(start: *const T, count: usize, name: &str) -> Result<(), Error> {
    if count == 0 {
        return Ok(());
    }
    if start.is_null() {
        return Err(invalid(format!("{name} is NULL but its length is {count}")));
    }
    check_aligned(start, name)?;
    let length = count.checked_mul(size_of::<T>()).filter(|&length| length <= isize::MAX as usize);
    if length.and_then(|length| start.addr().checked_add(length)).is_none() {
        return Err(invalid(format!("the length of {name} is {count}, more than can exist")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn null_is_allowed_only_for_nothing() {
        assert!(Input::new(ptr::null(), 0, "data").is_ok());
        let error = Input::new(ptr::null(), 1, "data").err();
        assert!(error.is_some_and(|error| error.message().contains("data is NULL")));
        assert!(Output::new(ptr::null_mut(), 1, "output").is_err());
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        let byte = 0_u8;
        for length in [isize::MAX as usize + 1, usize::MAX] {
            assert!(Input::new(&raw const byte, length, "data").is_err());
        }
        assert!(check_extent(ptr::dangling::<u64>(), usize::MAX / 8, "items").is_err());
        assert!(check_extent(ptr::without_provenance::<u64>(12), 1, "items").is_err());
    }

    #[test]
    fn a_place_is_checked() {
        assert!(Place::<u64>::new(ptr::null_mut(), "out").is_err());
        assert!(Place::<u64>::new(ptr::without_provenance_mut(12), "out").is_err());
        assert!(matches!(Place::<u64>::optional(ptr::null_mut(), "out"), Ok(None)));
    }
}
