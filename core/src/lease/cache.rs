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

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aead::sha256;
    use crate::clock::HeldClock;
    use crate::engine::Process;
    use crate::lease::{Consent, LeaseRules, Leases, Terms};

    fn lease(value: u32) -> Arc<Lease<u32>> {
        let rules = LeaseRules { max_age: Duration::from_secs(60), max_messages: 1, max_bytes: 1 };
        let terms = Terms::new(rules, Consent::default(), None, Process::current(), Duration::ZERO);
        Arc::new(Lease { value, terms: Arc::new(terms) })
    }

    fn slot(number: u32) -> Slot {
        sha256(&[&number.to_be_bytes()])
    }

    /// Inserts twice as many as there is room for; each is found at once, and never more than `most` are left.
    fn overfill(most_per_shard: usize, most: u32) {
        let cache = Cache::new(most_per_shard);
        for number in 0..2 * most {
            cache.insert(slot(number), lease(number), |_| true);
            assert!(cache.get(&slot(number)).is_some_and(|found| found.value == number));
        }
        let left = (0..2 * most).filter(|number| cache.get(&slot(*number)).is_some()).count();
        assert!(left <= most as usize, "{left} of at most {most}");
        assert!(left > most as usize * 9 / 10, "{left} of {most}: what was inserted last pushed out too much");
    }

    #[test]
    fn a_vault_keeps_as_many_leases_as_documented_however_many_are_opened() {
        let rules = LeaseRules { max_age: Duration::from_secs(60), max_messages: 1, max_bytes: 1 };
        let leases = Leases::new(rules, Arc::new(HeldClock::at(0)), Arc::default());
        overfill(leases.writing.cache.most_per_shard, 4_096);
        overfill(leases.reading.cache.most_per_shard, 16_384);
    }

    #[test]
    fn what_is_not_worth_keeping_makes_room_first() {
        let cache = Cache::new(3);
        // All in one shard.
        let slot = |number: u32| [[0; 28].as_slice(), &number.to_be_bytes()].concat().try_into().unwrap();
        (0..3).for_each(|number| cache.insert(slot(number), lease(number), |_| true));
        cache.insert(slot(1), lease(10), |_| false);
        assert!((0..3).all(|number| cache.get(&slot(number)).is_some()), "one that takes its own place needs no other");
        cache.insert(slot(3), lease(3), |other| other.value != 2);
        assert!(cache.get(&slot(2)).is_none());
        assert_eq!([0, 1, 3].map(|number| cache.get(&slot(number)).unwrap().value), [0, 10, 3]);
    }
}
