//! Where managed KEKs are kept: wrapped, found by a keyed hash of their context item.

use crate::envelope::Id;
use crate::error::Result;
use crate::kms::BoxFuture;

#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

/// A managed KEK at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredKey {
    pub(crate) id: Id,
    /// The KEK, wrapped by the root key.
    pub(crate) wrapped: Vec<u8>,
}

/// A durable store. Every future is ready only once what it did is on disk; every failure is `StoreUnavailable`.
///
/// The methods give futures so that a database over a network can await. One that waits on its thread instead (a file) says so by
/// [`Store::blocks`]: its futures are polled where blocking is allowed, and are ready at the first poll.
pub(crate) trait Store: Send + Sync {
    /// Whether the futures do their work in `poll`, on the thread that polls.
    fn blocks(&self) -> bool;

    /// A value of the store's own: the wrapped lookup key.
    fn meta<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>>;

    /// The KEKs of the items, in their order; `None` where an item has none.
    fn managed_keys<'a>(&'a self, item_hashes: &'a [[u8; 32]]) -> BoxFuture<'a, Result<Vec<Option<StoredKey>>>>;

    /// Keeps `key` unless the item has one already, and returns the one that is kept.
    fn insert_managed_key_if_absent<'a>(
        &'a self,
        item_hash: &'a [u8; 32],
        key: &'a StoredKey,
    ) -> BoxFuture<'a, Result<StoredKey>>;

    /// Remembers the address digest of each key id, and returns the first id that had another one.
    fn pin_addresses<'a>(&'a self, addresses: &'a [(Id, [u8; 32])]) -> BoxFuture<'a, Result<Option<Id>>>;
}
