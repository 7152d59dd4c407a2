//! For tests: a restored snapshot is an event of the whole process, which other tests must not notice.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Tests that must not be disturbed; `usize::MAX` while one restores. Whoever comes later never makes those wait who are there, so that a test may come twice.
static UNDISTURBED: Mutex<usize> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();
const RESTORING: usize = usize::MAX;

/// Held by a test while no other one may restore.
pub(crate) struct Undisturbed(());

/// Held by a test that restores.
pub(crate) struct Alone(());

impl Undisturbed {
    pub(crate) fn begin() -> Self {
        let mut count = lock();
        while *count == RESTORING {
            count = CHANGED.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        *count += 1;
        Self(())
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        *lock() -= 1;
        CHANGED.notify_all();
    }
}

impl Alone {
    pub(crate) fn begin() -> Self {
        let mut count = lock();
        while *count != 0 {
            count = CHANGED.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        *count = RESTORING;
        Self(())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        *lock() = 0;
        CHANGED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, usize> {
    UNDISTURBED.lock().unwrap_or_else(PoisonError::into_inner)
}
