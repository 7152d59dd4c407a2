//! The vendor's managed KEKs: random, one per context item, made the moment it is first needed, wrapped by the root key.

use std::sync::Arc;
use std::time::Duration;

use libvault_memory::WipedBytes;

use crate::aead::{Hkdf, Random, hmac, sha256};
use crate::clock::Clock;
use crate::context::Context;
use crate::envelope::{Id, share_bound_to, wrap_plaintext};
use crate::error::{Error, ErrorCode, Result};
use crate::kms::KeyFile;
use crate::registry::ManagedUse;
use crate::secret::Secret;
use crate::stats::Counters;
use crate::store::{Store, StoredKey};

mod cache;
#[cfg(all(test, feature = "sqlite"))]
mod expiry;

use cache::ContextKeyCache;

/// How long a managed key stays in memory after it was read.
const CACHE_TIME: Duration = Duration::from_secs(60);
const LOOKUP_KEY: &str = "lookup_key";

pub(crate) struct ManagedKeys {
    store: Box<dyn Store>,
    root_key: KeyFile,
    lookup_key: Secret<32>,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    cache: ContextKeyCache,
}

/// The managed KEKs of one context's items, in the order of the items.
pub(crate) struct ContextKeys {
    /// The concatenated ids.
    ids: Vec<u8>,
    chain_key: Hkdf,
    read_at: Duration,
}

impl ContextKeys {
    /// The concatenated ids, as a wrap names them.
    /// Until when they may be used without another look into the store.
    pub(crate) fn fresh_until(&self) -> Duration {
        self.read_at + CACHE_TIME
    }

    pub(crate) fn ids(&self) -> &[u8] {
        &self.ids
    }

    /// Counted from before the read, on a clock that counts sleep; a clock that went back makes nothing fresh.
    fn is_fresh(&self, now: Duration) -> bool {
        now.checked_sub(self.read_at).is_some_and(|age| age < CACHE_TIME)
    }

    /// The key of wraps under all of these KEKs.
    pub(crate) fn chain_key(&self) -> &Hkdf {
        &self.chain_key
    }
}

/// The KEKs that a managed share names, found but not yet unwrapped.
pub(crate) struct Located {
    /// Whose keys they are.
    items: Context,
    place: Place,
}

enum Place {
    Memory(Arc<ContextKeys>),
    Store { item_hashes: Vec<[u8; 32]>, keys: Vec<StoredKey>, read_at: Duration },
}

impl Located {
    /// The items that the share names.
    pub(crate) fn items(&self) -> &Context {
        &self.items
    }

    /// The concatenated ids of the KEKs.
    pub(crate) fn ids(&self) -> Vec<u8> {
        match &self.place {
            Place::Memory(keys) => keys.ids.clone(),
            Place::Store { keys, .. } => keys.iter().flat_map(|key| key.id.0).collect(),
        }
    }
}

impl ManagedKeys {
    /// # Errors
    /// `InvalidConfig` if the root key is not the one that the store was made with.
    pub(crate) async fn open(
        store: Box<dyn Store>,
        root_key: KeyFile,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Result<Self> {
        let wrapped = store
            .meta(LOOKUP_KEY)
            .await?
            .ok_or_else(|| Error::new(ErrorCode::StoreUnavailable, "the store holds no lookup key: it is damaged"))?;
        let bind = lookup_key_bind();
        counters.root_key_uses.count();
        let lookup_key =
            root_key.unwrap(&bind, &wrapped).and_then(|plaintext| share_bound_to(&*plaintext, &bind)).ok_or_else(
                || Error::config("root_key.path", "this root key is not the one that the store was made with"),
            )?;
        Ok(Self { store, root_key, lookup_key, random, clock, counters, cache: ContextKeyCache::default() })
    }

    /// Whether reads of the store wait on their thread.
    pub(crate) fn store_blocks(&self) -> bool {
        self.store.blocks()
    }

    /// Whether a version of the root key is in this key file too.
    pub(crate) fn root_key_is_in(&self, file: &KeyFile) -> bool {
        self.root_key.shares_a_key_with(file)
    }

    /// A new lookup key, wrapped, for a new store.
    pub(crate) fn new_wrapped_lookup_key(root_key: &KeyFile, random: &dyn Random) -> Result<Vec<u8>> {
        let mut key = Secret::<32>::zero();
        random.fill(&mut *key)?;
        let bind = lookup_key_bind();
        root_key.wrap(random, &bind, &wrap_plaintext(&key, &bind)).map(Vec::from)
    }

    /// The key of origin tags, which tell wraps that this vault made from those that anyone can make with a public key.
    pub(crate) fn origin_key(&self) -> Secret<32> {
        Secret::copy_of(&hmac(&*self.lookup_key, &[b"libvault/v1/origin-key"]))
    }

    /// Keys the hashes of context values in the audit trail.
    pub(crate) fn audit_key(&self) -> Secret<32> {
        Secret::copy_of(&hmac(&*self.lookup_key, &[b"libvault/v1/audit-key"]))
    }

    /// Refuses key ids that were used for another address before: ids in envelopes are never re-pointed.
    pub(crate) async fn pin_addresses(&self, keys: &[(Id, String)]) -> Result<Option<Id>> {
        let pins: Vec<_> = keys
            .iter()
            .map(|(id, address)| (*id, hmac(&*self.lookup_key, &[b"libvault/v1/address", address.as_bytes()])))
            .collect();
        self.store.pin_addresses(&pins).await
    }

    /// The keys of a context that are in memory and fresh.
    pub(crate) fn cached(&self, context: &Context) -> Option<Arc<ContextKeys>> {
        self.cache.get(context.digest(), self.clock.now())
    }

    /// The keys of all these items, made where they are missing. Only the matcher can say that managed keys may be used.
    ///
    /// # Errors
    /// `StoreUnavailable`.
    pub(crate) async fn for_encryption(&self, allowed: &ManagedUse) -> Result<Arc<ContextKeys>> {
        let context = allowed.items();
        if let Some(keys) = self.cached(context) {
            return Ok(keys);
        }
        let read_at = self.clock.now();
        let item_hashes = self.item_hashes(context);
        let found = self.store.managed_keys(&item_hashes).await?;
        let mut stored = Vec::with_capacity(found.len());
        for (item_hash, key) in item_hashes.iter().zip(found) {
            stored.push(match key {
                Some(key) => key,
                None => self.create(item_hash).await?,
            });
        }
        self.load(context, &item_hashes, &stored, read_at)
    }

    /// The KEKs that a managed share names, if they are those of all these items and in memory.
    pub(crate) fn locate_cached(&self, items: &Context, ids: impl ExactSizeIterator<Item = Id>) -> Option<Located> {
        let keys = self.cached(items)?;
        let same = ids.map(|id| id.0).eq(keys.ids.as_chunks::<16>().0.iter().copied());
        same.then(|| Located { items: items.clone(), place: Place::Memory(keys) })
    }

    /// Finds the KEKs that a managed share names, without using a key: stage 3 of reading.
    ///
    /// # Errors
    /// `KeyNotFound` for an id that no item of the context has (R24), `PolicyMismatch` for an impossible selection (R25), `StoreUnavailable`.
    pub(crate) async fn locate(&self, context: &Context, ids: &[Id], all_items: bool) -> Result<Located> {
        let read_at = self.clock.now();
        let item_hashes = self.item_hashes(context);
        let found = self.store.managed_keys(&item_hashes).await?;
        let mut positions = Vec::with_capacity(ids.len());
        for id in ids {
            let position = found.iter().position(|key| key.as_ref().is_some_and(|key| key.id == *id));
            positions.push(position.ok_or_else(|| not_found(*id))?);
        }
        if !positions.is_sorted_by(|a, b| a < b) || (all_items && positions.len() != item_hashes.len()) {
            let message = "the managed keys in the bundle are not those that protect this context";
            return Err(Error::new(ErrorCode::PolicyMismatch, message));
        }
        let items = context.subset(|index, _| positions.contains(&index))?;
        let items = items.ok_or_else(|| Error::internal("a managed share without a key"))?;
        let keys = positions.iter().filter_map(|position| found[*position].clone()).collect();
        let item_hashes = positions.iter().map(|position| item_hashes[*position]).collect();
        Ok(Located { items, place: Place::Store { item_hashes, keys, read_at } })
    }

    /// The located KEKs, unwrapped.
    pub(crate) fn keys_of(&self, located: &Located) -> Result<Arc<ContextKeys>> {
        match &located.place {
            Place::Memory(keys) => Ok(Arc::clone(keys)),
            Place::Store { item_hashes, keys, read_at } => self.load(&located.items, item_hashes, keys, *read_at),
        }
    }

    /// Forgets every managed key that is in memory; the store gives them back.
    pub(crate) fn after_restore(&self) {
        self.cache.clear();
    }

    fn load(
        &self,
        items: &Context,
        item_hashes: &[[u8; 32]],
        stored: &[StoredKey],
        read_at: Duration,
    ) -> Result<Arc<ContextKeys>> {
        let keks = self.unwrap_all(item_hashes, stored)?;
        let ids = stored.iter().flat_map(|key| key.id.0).collect();
        let keys = Arc::new(ContextKeys { ids, chain_key: chain_key(&keks), read_at });
        self.cache.insert(*items.digest(), Arc::clone(&keys));
        Ok(keys)
    }

    /// A new random KEK; if another process was faster, that one's.
    async fn create(&self, item_hash: &[u8; 32]) -> Result<StoredKey> {
        let (mut id, mut kek) = (Id([0; 16]), Secret::<32>::zero());
        self.random.fill(&mut id.0)?;
        self.random.fill(&mut *kek)?;
        let bind = kek_bind(id, item_hash);
        self.counters.root_key_uses.count();
        let wrapped = self.root_key.wrap(&*self.random, &bind, &wrap_plaintext(&kek, &bind))?.to_vec();
        self.store.insert_managed_key_if_absent(item_hash, &StoredKey { id, wrapped }).await
    }

    fn unwrap_all(&self, item_hashes: &[[u8; 32]], stored: &[StoredKey]) -> Result<Vec<Secret<32>>> {
        let unwrap = |(item_hash, key): (&[u8; 32], &StoredKey)| {
            let bind = kek_bind(key.id, item_hash);
            self.counters.root_key_uses.count();
            let kek =
                self.root_key.unwrap(&bind, &key.wrapped).and_then(|plaintext| share_bound_to(&*plaintext, &bind));
            kek.ok_or_else(|| {
                let message =
                    format!("managed key {} in the store cannot be opened with the root key: it is damaged", key.id);
                Error::new(ErrorCode::StoreUnavailable, message)
            })
        };
        item_hashes.iter().zip(stored).map(unwrap).collect()
    }

    fn item_hashes(&self, context: &Context) -> Vec<[u8; 32]> {
        context.canonical_items().map(|item| hmac(&*self.lookup_key, &[b"libvault/v1/item", item])).collect()
    }
}

fn chain_key(keks: &[Secret<32>]) -> Hkdf {
    let mut joined = WipedBytes::with_capacity(32 * keks.len());
    for kek in keks {
        joined.extend_from_slice(&**kek);
    }
    Hkdf::extract(b"libvault/v1/managed", &joined)
}

fn lookup_key_bind() -> [u8; 32] {
    sha256(&[b"libvault/v1/lookup"])
}

fn kek_bind(id: Id, item_hash: &[u8; 32]) -> [u8; 32] {
    sha256(&[b"libvault/v1/kek", &id.0, item_hash])
}

fn not_found(id: Id) -> Error {
    let message = format!("managed key {id} does not exist (any more) for an item of this context");
    Error::new(ErrorCode::KeyNotFound, message)
}
