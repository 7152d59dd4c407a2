//! Data keys for callers who encrypt by themselves.

use std::fmt;

use super::Vault;
use crate::audit::Operation;
use crate::call::{Discard, Shape, now};
use crate::context::Context;
use crate::envelope::Bundle;
use crate::error::Result;
use crate::secret::Secret;

/// A data key for a caller who encrypts with it, and the bundle that gives it back.
pub struct DataKey {
    /// Store it with the data; `decrypt_data_key` takes it.
    pub bundle: Vec<u8>,
    key: Secret<32>,
}

impl DataKey {
    pub(crate) fn new(bundle: Vec<u8>, key: Secret<32>) -> Self {
        Self { bundle, key }
    }

    /// The 32 secret bytes. They are wiped when this value is dropped; copies are the caller's to wipe. Once handed out, a data key is
    /// outside the revocation bound: nobody can take it back.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DataKey").field("bundle_length", &self.bundle.len()).finish_non_exhaustive()
    }
}

/// Dropping it wipes it.
impl Discard for DataKey {
    fn discard(&mut self) {}
}

impl Vault {
    /// A new data key for a caller who encrypts by himself. Never from a cache: every call makes another key.
    ///
    /// # Errors
    /// As [`Vault::encrypt`].
    pub async fn create_data_key(&self, context: &Context) -> Result<DataKey> {
        self.create_data_key_as(Shape::Async, context).await
    }

    /// [`Vault::create_data_key`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::encrypt`].
    pub fn create_data_key_blocking(&self, context: &Context) -> Result<DataKey> {
        now(self.create_data_key_as(Shape::Blocking, context))
    }

    /// [`Vault::create_data_key`] for contexts whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::encrypt_now`].
    pub fn create_data_key_now(&self, context: &Context) -> Result<DataKey> {
        now(self.create_data_key_as(Shape::Now, context))
    }

    /// The data key of a bundle that `create_data_key` made for exactly this context.
    ///
    /// # Errors
    /// As [`Vault::decrypt`].
    pub async fn decrypt_data_key(&self, bundle: &[u8], context: &Context) -> Result<DataKey> {
        self.decrypt_data_key_as(Shape::Async, bundle, context).await
    }

    /// [`Vault::decrypt_data_key`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::decrypt`].
    pub fn decrypt_data_key_blocking(&self, bundle: &[u8], context: &Context) -> Result<DataKey> {
        now(self.decrypt_data_key_as(Shape::Blocking, bundle, context))
    }

    /// [`Vault::decrypt_data_key`] for bundles whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::decrypt_now`].
    pub fn decrypt_data_key_now(&self, bundle: &[u8], context: &Context) -> Result<DataKey> {
        now(self.decrypt_data_key_as(Shape::Now, bundle, context))
    }

    async fn create_data_key_as(&self, shape: Shape, context: &Context) -> Result<DataKey> {
        let call = self.call(shape, Operation::CreateDataKey)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let made = attempt.create_data_key(context).await;
            if let Some(data_key) = attempt.settle(made).await? {
                return Ok(data_key);
            }
        }
    }

    async fn decrypt_data_key_as(&self, shape: Shape, bundle: &[u8], context: &Context) -> Result<DataKey> {
        let call = self.call(shape, Operation::DecryptDataKey)?;
        let parsed = Bundle::parse_bare(bundle)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let opened = attempt.decrypt_data_key(&parsed, context).await;
            let opened = opened.map(|key| DataKey::new(bundle.to_vec(), key));
            if let Some(data_key) = attempt.settle(opened).await? {
                return Ok(data_key);
            }
        }
    }
}
