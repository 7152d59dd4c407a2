//! Managed keys in memory, by context. Bounded; readers of different contexts rarely meet in one lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, TryLockError};
use std::time::Duration;

use libvault_memory::ForkLocal;

use super::{CACHE_TIME, ContextKeys};
use crate::clock::nanoseconds;

const SHARDS: usize = 16;
const MAX_PER_SHARD: usize = 1_024;
/// Where entries expire all the time, the cache is not searched for them more often than this.
const PAUSE: Duration = Duration::from_secs(1);

/// A child of a fork begins with an empty cache: what the parent read says nothing about what the child may use.
#[derive(Default)]
pub(super) struct ContextKeyCache(ForkLocal<Entries>);

struct Entries {
    shards: [RwLock<Shard>; SHARDS],
    /// When there may be something to drop, in nanoseconds of the clock.
    next_expiry: AtomicU64,
}

type Shard = HashMap<[u8; 32], Arc<ContextKeys>>;

impl ContextKeyCache {
    /// Also drops, and so wipes, what has expired, whatever its context.
    pub(super) fn get(&self, context_digest: &[u8; 32], now: Duration) -> Option<Arc<ContextKeys>> {
        let entries = self.entries();
        if nanoseconds(now) >= entries.next_expiry.load(Ordering::Relaxed) {
            entries.drop_expired(now);
        }
        let shard = entries.shard(context_digest).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(context_digest).filter(|keys| keys.is_fresh(now)).cloned()
    }

    pub(super) fn insert(&self, context_digest: [u8; 32], keys: Arc<ContextKeys>) {
        let entries = self.entries();
        entries.next_expiry.fetch_min(nanoseconds(keys.read_at + CACHE_TIME), Ordering::Relaxed);
        let mut shard = entries.shard(&context_digest).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MAX_PER_SHARD && !shard.contains_key(&context_digest) {
            // Digests are evenly spread, so any entry is as good a victim as another; the oldest would need a scan.
            if let Some(victim) = shard.keys().next().copied() {
                shard.remove(&victim);
            }
        }
        shard.insert(context_digest, keys);
    }

    pub(super) fn clear(&self) {
        for shard in &self.entries().shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn entries(&self) -> &Entries {
        self.0.get_or_make(|inherited| {
            // Wiped where that needs no waiting: the thread that held a lock at the fork does not exist here.
            inherited
                .iter()
                .flat_map(|entries| &entries.shards)
                .filter_map(at_once)
                .for_each(|mut shard| shard.clear());
            Entries { shards: Default::default(), next_expiry: AtomicU64::new(u64::MAX) }
        })
    }
}

impl Entries {
    fn shard(&self, context_digest: &[u8; 32]) -> &RwLock<Shard> {
        &self.shards[usize::from(context_digest[0]) % SHARDS]
    }

    /// By one thread; the others find the next time set already and go on.
    #[cold]
    fn drop_expired(&self, now: Duration) {
        let due = self.next_expiry.swap(u64::MAX, Ordering::Relaxed);
        if due > nanoseconds(now) {
            self.next_expiry.fetch_min(due, Ordering::Relaxed);
            return;
        }
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, keys| keys.is_fresh(now));
            if let Some(first) = shard.values().map(|keys| keys.read_at + CACHE_TIME).min() {
                self.next_expiry.fetch_min(nanoseconds(first.max(now + PAUSE)), Ordering::Relaxed);
            }
        }
    }
}

fn at_once(shard: &RwLock<Shard>) -> Option<RwLockWriteGuard<'_, Shard>> {
    match shard.try_write() {
        Ok(shard) => Some(shard),
        Err(TryLockError::Poisoned(shard)) => Some(shard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::Hkdf;

    fn keys(read_at: Duration) -> (Arc<ContextKeys>, std::sync::Weak<ContextKeys>) {
        let keys = Arc::new(ContextKeys { ids: Vec::new(), chain_key: Hkdf::extract(b"", b""), read_at });
        let weak = Arc::downgrade(&keys);
        (keys, weak)
    }

    #[test]
    fn what_has_expired_leaves_memory_at_the_next_access_to_any_entry() {
        let (cache, start) = (ContextKeyCache::default(), Duration::from_secs(1_000));
        let (early, early_left) = keys(start);
        let (late, late_left) = keys(start + CACHE_TIME / 2);
        cache.insert([0; 32], early);
        cache.insert([1; 32], late);
        let other = [2; 32];
        assert!(cache.get(&other, start + CACHE_TIME - Duration::from_nanos(1)).is_none());
        assert!(early_left.upgrade().is_some());
        cache.get(&other, start + CACHE_TIME);
        assert!(early_left.upgrade().is_none(), "dropped, and so wiped");
        assert!(cache.get(&[1; 32], start + CACHE_TIME).is_some());
        cache.get(&other, start + CACHE_TIME * 2);
        assert!(late_left.upgrade().is_none());
    }
}
