//! Counters of key uses.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How often keys were used since the vault was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Wraps and unwraps with the root key.
    pub root_key_uses: u64,
    /// Shares wrapped under managed keys.
    pub managed_wraps: u64,
    /// Shares unwrapped with managed keys.
    pub managed_unwraps: u64,
    /// Calls to a customer's key to wrap a share, failed ones included.
    pub kms_wraps: u64,
    /// Calls to a customer's key to unwrap a share, failed ones included.
    pub kms_unwraps: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    root_key_uses: AtomicU64,
    managed_wraps: AtomicU64,
    managed_unwraps: AtomicU64,
    kms_wraps: AtomicU64,
    kms_unwraps: AtomicU64,
}

impl Counters {
    pub(crate) fn root_key_use(&self) {
        self.root_key_uses.fetch_add(1, Relaxed);
    }

    pub(crate) fn managed_wrap(&self) {
        self.managed_wraps.fetch_add(1, Relaxed);
    }

    pub(crate) fn managed_unwrap(&self) {
        self.managed_unwraps.fetch_add(1, Relaxed);
    }

    pub(crate) fn kms_wrap(&self) {
        self.kms_wraps.fetch_add(1, Relaxed);
    }

    pub(crate) fn kms_unwrap(&self) {
        self.kms_unwraps.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            root_key_uses: self.root_key_uses.load(Relaxed),
            managed_wraps: self.managed_wraps.load(Relaxed),
            managed_unwraps: self.managed_unwraps.load(Relaxed),
            kms_wraps: self.kms_wraps.load(Relaxed),
            kms_unwraps: self.kms_unwraps.load(Relaxed),
        }
    }
}
