//! Overwriting what was secret.

use std::ops::{Deref, DerefMut};

use zeroize::Zeroize;

/// Fills `bytes` with zeros, as fast as memory goes, and so that the compiler cannot leave it out.
///
/// `Vec<u8>::zeroize` writes byte by byte; for slices zeroize 1.9 writes whole words.
#[inline]
pub fn wipe(bytes: &mut [u8]) {
    bytes.zeroize();
}

/// Overwrites `N` bytes of the stack below the caller's frame, where functions that have returned left copies of what they worked on.
pub fn wipe_stack<const N: usize>() {
    zeroize::zeroize_stack::<N>();
}

/// Bytes on the heap that are wiped when they go, whatever they held beyond their present length included.
///
/// Growing it would leave copies behind: give it the capacity that it will need.
#[derive(Default)]
pub struct WipedBytes(Vec<u8>);

impl WipedBytes {
    /// Takes over `bytes`; copies that were made of it before are the caller's to wipe.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// No bytes yet, and room for `capacity`.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The bytes, no longer wiped.
    pub fn into_unwiped(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for WipedBytes {
    fn drop(&mut self) {
        self.0.clear();
        // The whole allocation, whatever its length was: bytes in the spare capacity may have been written before they were truncated.
        self.0.resize(self.0.capacity(), 0);
        zeroize::optimization_barrier(self.0.as_slice());
    }
}

impl Deref for WipedBytes {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl AsRef<[u8]> for WipedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for WipedBytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

/// Shows the length alone.
impl std::fmt::Debug for WipedBytes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "WipedBytes({} bytes, redacted)", self.0.len())
    }
}
