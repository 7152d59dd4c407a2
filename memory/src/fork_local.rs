//! Values that belong to one process: a child of a fork makes its own.

use std::fmt;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::fork_generation;

/// A value that a child of a fork must not use: locks that a thread of the parent may have held at the fork, connections, threads.
///
/// It is made when first asked for, and again in each child. The parent's value is never dropped in a child, since dropping it could wait for a
/// lock or close what the parent still uses: it stays in memory.
pub struct ForkLocal<T> {
    current: AtomicPtr<Made<T>>,
    owned: PhantomData<Box<Made<T>>>,
}

struct Made<T> {
    generation: u64,
    value: T,
}

impl<T> ForkLocal<T> {
    /// Nothing is made yet.
    pub const fn new() -> Self {
        Self { current: AtomicPtr::new(null_mut()), owned: PhantomData }
    }
}

impl<T: Send + Sync> ForkLocal<T> {
    /// This process's value. `make` gets what an ancestor left, if it left one: it may look at it without waiting for anything in it.
    ///
    /// Threads that come first at once may all call `make`; one result is kept. So let it be cheap, and put a `OnceLock` into the value where it is not.
    #[inline]
    pub fn get_or_make(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        let generation = fork_generation();
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: null, or from `Box::into_raw` in `make`. It is freed only with `self`, exclusively.
        match unsafe { current.as_ref() } {
            Some(made) if made.generation == generation => &made.value,
            inherited => self.make(generation, current, make(inherited.map(|made| &made.value))),
        }
    }

    #[cold]
    fn make(&self, generation: u64, inherited: *mut Made<T>, value: T) -> &T {
        let made = Box::into_raw(Box::new(Made { generation, value }));
        match self.current.compare_exchange(inherited, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: made above, now owned by `self`, which frees it only when it is dropped itself.
            Ok(_) => unsafe { &(*made).value },
            Err(others) => {
                // SAFETY: made above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: another thread of this process put it there, so it is not null and of this generation; as above.
                unsafe { &(*others).value }
            }
        }
    }
}

impl<T> Default for ForkLocal<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for ForkLocal<T> {
    fn drop(&mut self) {
        let current = std::mem::replace(self.current.get_mut(), null_mut());
        // SAFETY: null, or from `Box::into_raw`, and not freed so far.
        let is_ours = unsafe { current.as_ref() }.is_some_and(|made| made.generation == fork_generation());
        if is_ours {
            // SAFETY: as above; `&mut self` says that nobody has a reference to the value.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

impl<T> fmt::Debug for ForkLocal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ForkLocal")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn one_value_for_all_threads_and_dropped_once() {
        let marker = Arc::new(());
        let cell = ForkLocal::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| std::ptr::from_ref(cell.get_or_make(|_| Arc::clone(&marker))).addr()))
                .collect();
            let addresses: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(addresses.iter().all(|address| *address == addresses[0]));
        });
        assert_eq!(Arc::strong_count(&marker), 2, "losers of the race are dropped");
        drop(cell);
        assert_eq!(Arc::strong_count(&marker), 1);
    }

    #[test]
    fn a_value_of_an_ancestor_is_replaced_and_kept_in_memory() {
        let marker = Arc::new(());
        let cell = ForkLocal::new();
        cell.get_or_make(|_| Arc::clone(&marker));
        // As in a child: the value is of another generation.
        let inherited = cell.current.load(Ordering::Relaxed);
        // SAFETY: made by `get_or_make` above, and no reference to it is left.
        unsafe { (*inherited).generation = u64::MAX };
        cell.get_or_make(|inherited| Arc::clone(inherited.expect("it is still there")));
        assert_eq!(Arc::strong_count(&marker), 3);
        drop(cell);
        assert_eq!(Arc::strong_count(&marker), 2, "what an ancestor made is not dropped");
        // SAFETY: from `Box::into_raw`; the cell gave it up.
        drop(unsafe { Box::from_raw(inherited) });
    }
}
