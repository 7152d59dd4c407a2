//! Leases in memory, by slot. Bounded; reading takes no lock.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use libvault_memory::ForkLocal;

use super::{Lease, Slot};

const SHARDS: usize = 64;

/// Every shard is a map that is replaced as a whole: writing copies a few dozen pointers, which is nothing beside the call to a KMS that came before.
///
/// A child of a fork begins with an empty cache: it has its own consent to ask for.
pub(super) struct Cache<T> {
    shards: ForkLocal<Vec<Shard<T>>>,
    most_per_shard: usize,
}

type Shard<T> = ArcSwap<HashMap<Slot, Arc<Lease<T>>>>;

impl<T> Cache<T> {
    pub(super) fn new(most_per_shard: usize) -> Self {
        Self { shards: ForkLocal::new(), most_per_shard }
    }
}

impl<T: Send + Sync> Cache<T> {
    pub(super) fn get(&self, slot: &Slot) -> Option<Arc<Lease<T>>> {
        self.shard(slot).load().get(slot).cloned()
    }

    /// In a full shard, what is not worth keeping makes room, or else any other one: slots are digests, so that any is as good a victim.
    pub(super) fn insert(&self, slot: Slot, lease: Arc<Lease<T>>, is_worth_keeping: impl Fn(&Lease<T>) -> bool) {
        self.shard(&slot).rcu(|leases| {
            let mut leases = HashMap::clone(leases);
            if leases.len() >= self.most_per_shard && !leases.contains_key(&slot) {
                leases.retain(|_, lease| is_worth_keeping(lease));
                if leases.len() >= self.most_per_shard
                    && let Some(victim) = leases.keys().next().copied()
                {
                    leases.remove(&victim);
                }
            }
            leases.insert(slot, Arc::clone(&lease));
            leases
        });
    }

    /// Keeps what `keep` says; returns whether anything is left.
    pub(super) fn retain(&self, keep: impl Fn(&Lease<T>) -> bool) -> bool {
        let mut is_left = false;
        for shard in self.shards() {
            if shard.load().values().any(|lease| !keep(lease)) {
                shard.rcu(|leases| {
                    let mut leases = HashMap::clone(leases);
                    leases.retain(|_, lease| keep(lease));
                    leases
                });
            }
            is_left |= !shard.load().is_empty();
        }
        is_left
    }

    fn shard(&self, slot: &Slot) -> &Shard<T> {
        &self.shards()[usize::from(slot[0]) % SHARDS]
    }

    fn shards(&self) -> &[Shard<T>] {
        self.shards.get_or_make(|inherited| {
            // Wiped here: the parent has its own copy.
            inherited.into_iter().flatten().for_each(|shard| shard.store(Arc::default()));
            (0..SHARDS).map(|_| ArcSwap::default()).collect()
        })
    }
}
