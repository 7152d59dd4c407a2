//! Where managed KEKs are kept: wrapped, found by a keyed hash of their context item.

use crate::envelope::Id;
use crate::error::Result;

#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

/// A managed KEK at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredKey {
    pub(crate) id: Id,
    /// The KEK, wrapped by the root key.
    pub(crate) wrapped: Vec<u8>,
}

/// A durable store. Every method returns only once what it did is on disk; every failure is `StoreUnavailable`.
pub(crate) trait Store: Send + Sync {
    /// A value of the store's own: the wrapped lookup key.
    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// The KEKs of the items, in their order; `None` where an item has none.
    fn managed_keys(&self, item_hashes: &[[u8; 32]]) -> Result<Vec<Option<StoredKey>>>;

    /// Keeps `key` unless the item has one already, and returns the one that is kept.
    fn insert_managed_key_if_absent(&self, item_hash: &[u8; 32], key: &StoredKey) -> Result<StoredKey>;

    /// Remembers the address digest of each key id, and returns the first id that had another one.
    fn pin_addresses(&self, addresses: &[(Id, [u8; 32])]) -> Result<Option<Id>>;
}
