//! Managed keys in memory, by context. Bounded; readers of different contexts rarely meet in one lock.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::ContextKeys;

const SHARDS: usize = 16;
const MAX_PER_SHARD: usize = 1_024;

#[derive(Default)]
pub(super) struct ContextKeyCache {
    shards: [RwLock<HashMap<[u8; 32], Arc<ContextKeys>>>; SHARDS],
}

impl ContextKeyCache {
    pub(super) fn get(&self, context_digest: &[u8; 32]) -> Option<Arc<ContextKeys>> {
        let shard = self.shard(context_digest).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(context_digest).cloned()
    }

    /// Also drops, and so wipes, what has expired.
    pub(super) fn insert(&self, context_digest: [u8; 32], keys: Arc<ContextKeys>, now: Duration) {
        let mut shard = self.shard(&context_digest).write().unwrap_or_else(PoisonError::into_inner);
        // The read of the store that led here costs more than looking at a whole shard.
        shard.retain(|_, keys| keys.is_fresh(now));
        if shard.len() >= MAX_PER_SHARD && !shard.contains_key(&context_digest) {
            // Digests are evenly spread, so any entry is as good a victim as another; the oldest would need a scan.
            if let Some(victim) = shard.keys().next().copied() {
                shard.remove(&victim);
            }
        }
        shard.insert(context_digest, keys);
    }

    fn shard(&self, context_digest: &[u8; 32]) -> &RwLock<HashMap<[u8; 32], Arc<ContextKeys>>> {
        &self.shards[usize::from(context_digest[0]) % SHARDS]
    }
}
