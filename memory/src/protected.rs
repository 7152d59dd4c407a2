//! Secret bytes in memory that is kept out of core dumps and, where the system allows it, out of swap.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::slots::{self, Group};
use crate::wipe;

/// `N` secret bytes, at most 512: zero at first, wiped when dropped, never printed. Moving the value copies a pointer.
///
/// They lie between guard pages in memory that is left out of core dumps, and locked if the limit on locked memory allows it. On systems other than Linux, or when no memory can be mapped, they are on the heap: [`usage`] counts them as unlocked.
pub struct Protected<const N: usize> {
    bytes: NonNull<[u8; N]>,
    /// Where the slot goes back to; none for the heap.
    group: Option<&'static Group>,
}

/// How much memory holds secrets, in bytes, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Locked, and left out of core dumps.
    pub locked_bytes: u64,
    /// Wiped all the same, but swap or a core dump may hold a copy.
    pub unlocked_bytes: u64,
}

/// The memory that this process has set aside for secrets, used or not.
pub fn usage() -> Usage {
    let mut usage = slots::usage();
    usage.unlocked_bytes += ON_HEAP.load(Relaxed);
    usage
}

static ON_HEAP: AtomicU64 = AtomicU64::new(0);

impl<const N: usize> Protected<N> {
    /// All zero.
    #[inline]
    pub fn zero() -> Self {
        const { assert!(N > 0 && N <= slots::LARGEST, "no slot is that large") };
        match slots::take::<N>() {
            Some((bytes, group)) => Self { bytes, group: Some(group) },
            None => Self::on_heap(),
        }
    }

    /// Copies `bytes`; the caller wipes the source.
    #[inline]
    pub fn copy_of(bytes: &[u8; N]) -> Self {
        let mut secret = Self::zero();
        *secret = *bytes;
        secret
    }

    #[cold]
    fn on_heap() -> Self {
        ON_HEAP.fetch_add(N as u64, Relaxed);
        Self { bytes: NonNull::from(Box::leak(Box::new([0; N]))), group: None }
    }
}

impl<const N: usize> Drop for Protected<N> {
    #[inline]
    fn drop(&mut self) {
        wipe(&mut **self);
        match self.group {
            // SAFETY: the slot came from this group with this size, is wiped, and nobody can use it any more.
            Some(group) => unsafe { group.give_back(self.bytes) },
            None => {
                ON_HEAP.fetch_sub(N as u64, Relaxed);
                // SAFETY: `on_heap` made it with `Box`, and `self` is its only owner.
                drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
            }
        }
    }
}

impl<const N: usize> Deref for Protected<N> {
    type Target = [u8; N];
    #[inline]
    fn deref(&self) -> &[u8; N] {
        // SAFETY: valid and initialised until `self` is dropped, and owned by it alone.
        unsafe { self.bytes.as_ref() }
    }
}

impl<const N: usize> DerefMut for Protected<N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8; N] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { self.bytes.as_mut() }
    }
}

// SAFETY: the bytes are owned like those of a `Box`, and giving a slot back from another thread is an atomic operation.
unsafe impl<const N: usize> Send for Protected<N> {}
// SAFETY: shared references only read.
unsafe impl<const N: usize> Sync for Protected<N> {}

impl<const N: usize> fmt::Debug for Protected<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Protected<{N}>([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_zero_at_first_and_redacted() {
        for _ in 0..3 {
            let mut secret = Protected::<32>::zero();
            assert_eq!(*secret, [0; 32]);
            secret.fill(0xab);
            assert_eq!(format!("{secret:?}"), "Protected<32>([redacted])");
        }
    }

    #[test]
    fn the_heap_serves_where_no_memory_is_mapped() {
        let before = ON_HEAP.load(Relaxed);
        let mut secret = Protected::<64>::on_heap();
        secret[63] = 1;
        assert_eq!(ON_HEAP.load(Relaxed), before + 64);
        drop(secret);
        assert_eq!(ON_HEAP.load(Relaxed), before);
    }

    /// Every live secret has bytes of its own, whichever threads make and drop them.
    #[test]
    fn no_slot_is_given_twice() {
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel::<(u64, Protected<32>)>();
            for thread in 0..4_u64 {
                let sender = sender.clone();
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for number in 0..5_000 {
                        let mark = thread << 32 | number;
                        let mut secret = Protected::<32>::zero();
                        assert_eq!(*secret, [0; 32], "a slot comes wiped");
                        secret.as_chunks_mut::<8>().0.fill(mark.to_ne_bytes());
                        match number % 3 {
                            0 => kept.push((mark, secret)),
                            1 => sender.send((mark, secret)).unwrap(),
                            _ => {}
                        }
                    }
                    kept.iter().for_each(check);
                });
            }
            drop(sender);
            receiver.iter().for_each(|marked| check(&marked));
        });
        fn check((mark, secret): &(u64, Protected<32>)) {
            assert!(secret.as_chunks::<8>().0.iter().all(|chunk| *chunk == mark.to_ne_bytes()));
        }
    }
}
