//! What is left of a closed vault: nothing that could open or protect anything.

use std::sync::Arc;

use super::{Engine, Snapshot};
use crate::envelope::Id;
use crate::error::{Error, ErrorCode, Result};
use crate::kms::BoxFuture;
use crate::managed::ManagedKeys;
use crate::registry::{MatchRules, Registry};
use crate::store::{Store, StoredKey};

impl Engine {
    /// Keys, connections and the store go now, or with the last call or stream that is under way.
    pub(super) fn drop_snapshot(&self) {
        let last = self.current.load_full();
        if last.closes.is_some() {
            return;
        }
        let rules =
            MatchRules { fallback: false, strict_names: false, required_names: Vec::new(), shred_items: Vec::new() };
        // Without bindings there is nothing that could be in conflict.
        let Ok(registry) = Registry::new(Vec::new(), rules) else { return };
        let random = Arc::clone(&self.environment.random);
        let clock = Arc::clone(&self.environment.clock);
        let managed = ManagedKeys::without_keys(Box::new(ClosedStore), random, clock, Arc::clone(&self.counters));
        self.current.store(Arc::new(Snapshot {
            registry,
            managed: Arc::new(managed),
            random: Arc::clone(&self.environment.random),
            counters: Arc::clone(&self.counters),
            log: Arc::clone(&self.log),
            full_context: false,
            total_timeout: last.total_timeout,
            audit: None,
            audit_file: None,
            closes: Some(Arc::downgrade(&last)),
        }));
    }
}

pub(super) fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the vault is closed")
}

struct ClosedStore;

impl Store for ClosedStore {
    fn blocks(&self) -> bool {
        false
    }

    fn meta<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        refuse()
    }

    fn managed_keys<'a>(&'a self, _item_hashes: &'a [[u8; 32]]) -> BoxFuture<'a, Result<Vec<Option<StoredKey>>>> {
        refuse()
    }

    fn insert_managed_key_if_absent<'a>(
        &'a self,
        _item_hash: &'a [u8; 32],
        _key: &'a StoredKey,
    ) -> BoxFuture<'a, Result<StoredKey>> {
        refuse()
    }

    fn pin_addresses<'a>(&'a self, _addresses: &'a [(Id, [u8; 32])]) -> BoxFuture<'a, Result<Option<Id>>> {
        refuse()
    }
}

fn refuse<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T>> {
    Box::pin(std::future::ready(Err(closed())))
}
