//! The public face: one handle, the verbs in three shapes.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::config::Config;
use crate::context::Context;
use crate::engine::{Engine, Environment, StoreAccess};
use crate::envelope::{Bundle, Envelope};
use crate::error::{Error, ErrorCode, Result};
use crate::registry::Decision;
use crate::runtime;
use crate::secret::Secret;
use crate::stats::Stats;

/// An opened vault. Clones share one engine; use it freely from many threads.
///
/// Every verb that may call a KMS comes in three shapes: `async` (on the caller's tokio runtime, or through [`crate::runtime::spawn`]), `_blocking`
/// (waits on this thread), and `_now` (never waits for a network: `WouldBlock` instead). Dropping a future cancels its KMS call.
///
/// ```no_run
/// # fn main() -> Result<(), libvault::Error> {
/// use libvault::{Config, Context, Vault};
/// let vault = Vault::open(Config::from_file("vault/libvault.toml")?)?;
/// let context = Context::new([("organization_id", "org_123")])?;
/// let envelope = vault.encrypt_blocking(b"a secret", &context, None)?;
/// assert_eq!(vault.decrypt_blocking(&envelope, &context, None)?, b"a secret");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Vault(Arc<Engine>);

/// A data key for a caller who encrypts with it, and the bundle that gives it back.
pub struct DataKey {
    /// Store it with the data; `decrypt_data_key` takes it.
    pub bundle: Vec<u8>,
    key: Secret<32>,
}

impl DataKey {
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

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

impl Vault {
    /// Opens the store, the root key and the customers' key files that the configuration names.
    ///
    /// # Errors
    /// `InvalidConfig` with the field, `Conflict` between bindings, `StoreUnavailable`.
    pub fn open(config: Config) -> Result<Self> {
        Self::open_in(config, Environment::default())
    }

    pub(crate) fn open_in(config: Config, environment: Environment) -> Result<Self> {
        Engine::open(config, environment).map(|engine| Self(Arc::new(engine)))
    }

    /// What is worth a log line since the vault was opened: a development endpoint, misspelt context names.
    pub fn warnings(&self) -> Vec<String> {
        self.0.warnings()
    }

    /// Which keys would protect new data of this context. Calls no KMS.
    ///
    /// # Errors
    /// What encryption would refuse: `InvalidContext`, `UnknownContextName`, `KeySuspended`, `KeyNotReady`, `NoMatchingKey`, `LimitExceeded`.
    pub fn match_context(&self, context: &Context) -> Result<Decision> {
        self.0.match_context(context)
    }

    /// Whether encrypting for this context would call a KMS over the network.
    pub fn needs_network(&self, context: &Context) -> bool {
        self.0.needs_network(context)
    }

    /// Encrypts `data`, at most 2^30 bytes, into a self-describing envelope. The AAD is authenticated and not stored; none and empty are the same.
    ///
    /// # Errors
    /// Those of [`Vault::match_context`], of the customer's key (never a fallback to managed keys), `StoreUnavailable`, `Closed`.
    pub async fn encrypt(&self, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let protection = self.0.protect(context, StoreAccess::OffThread).await?;
        self.0.encrypt(&protection, data, context, aad).await
    }

    /// [`Vault::encrypt`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::encrypt`].
    pub fn encrypt_blocking(&self, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let protection = now(self.0.protect(context, StoreAccess::Inline))?;
        wait(protection.needs_network(), self.0.encrypt(&protection, data, context, aad))
    }

    /// [`Vault::encrypt`] for contexts whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::encrypt`]; `WouldBlock` if a KMS has to be called.
    pub fn encrypt_now(&self, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let protection = now(self.0.protect(context, StoreAccess::Inline))?;
        refuse_network(protection.needs_network())?;
        now(self.0.encrypt(&protection, data, context, aad))
    }

    /// [`Vault::encrypt_blocking`] into the front of `output`; returns the envelope's length.
    ///
    /// # Errors
    /// As [`Vault::encrypt`]; `BufferTooSmall` with the needed length: see [`Vault::encrypted_length_limit`].
    pub fn encrypt_into_blocking(
        &self,
        data: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let protection = now(self.0.protect(context, StoreAccess::Inline))?;
        wait(protection.needs_network(), self.0.encrypt_into(&protection, data, context, aad, output))
    }

    /// [`Vault::encrypt_now`] into the front of `output`; returns the envelope's length.
    ///
    /// # Errors
    /// As [`Vault::encrypt_now`]; `BufferTooSmall` with the needed length: see [`Vault::encrypted_length_limit`].
    pub fn encrypt_into_now(
        &self,
        data: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let protection = now(self.0.protect(context, StoreAccess::Inline))?;
        refuse_network(protection.needs_network())?;
        now(self.0.encrypt_into(&protection, data, context, aad, output))
    }

    /// The most bytes that an envelope for `data_length` bytes of this context can take; exact for managed contexts and key files. Loads
    /// the context's managed keys, and makes them if there are none yet.
    ///
    /// # Errors
    /// Those of [`Vault::match_context`], `StoreUnavailable`, `LimitExceeded`.
    pub fn encrypted_length_limit(&self, data_length: usize, context: &Context) -> Result<usize> {
        let protection = now(self.0.protect(context, StoreAccess::Inline))?;
        self.0.encrypted_length_limit(&protection, data_length, context)
    }

    /// Decrypts an envelope that was made for exactly this context and AAD.
    ///
    /// # Errors
    /// `Malformed`, `UnsupportedFormat`, `LimitExceeded` (what and where), `ContextMismatch`, `KeySuspended`, `KeyNotFound`, `PolicyMismatch`, the errors of
    /// the customer's key, and one `AuthenticationFailed` for everything that was forged or damaged.
    pub async fn decrypt(&self, envelope: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let envelope = self.parse(envelope)?;
        let opening = self.0.examine(&envelope.bundle, context, StoreAccess::OffThread).await?;
        self.0.decrypt(&opening, &envelope, aad).await
    }

    /// [`Vault::decrypt`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::decrypt`].
    pub fn decrypt_blocking(&self, envelope: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let envelope = self.parse(envelope)?;
        let opening = now(self.0.examine(&envelope.bundle, context, StoreAccess::Inline))?;
        wait(opening.needs_network(), self.0.decrypt(&opening, &envelope, aad))
    }

    /// [`Vault::decrypt`] for envelopes whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::decrypt`]; `WouldBlock` if a KMS has to be called.
    pub fn decrypt_now(&self, envelope: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let envelope = self.parse(envelope)?;
        let opening = now(self.0.examine(&envelope.bundle, context, StoreAccess::Inline))?;
        refuse_network(opening.needs_network())?;
        now(self.0.decrypt(&opening, &envelope, aad))
    }

    /// [`Vault::decrypt_blocking`] into the front of `output`, which holds no plaintext after a failure; returns the payload's length.
    ///
    /// # Errors
    /// As [`Vault::decrypt`]; `BufferTooSmall` with the needed length: see [`crate::decrypted_length`].
    pub fn decrypt_into_blocking(
        &self,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let envelope = self.parse(envelope)?;
        let opening = now(self.0.examine(&envelope.bundle, context, StoreAccess::Inline))?;
        wait(opening.needs_network(), self.0.decrypt_into(&opening, &envelope, aad, output))
    }

    /// [`Vault::decrypt_now`] into the front of `output`, which holds no plaintext after a failure; returns the payload's length.
    ///
    /// # Errors
    /// As [`Vault::decrypt_now`]; `BufferTooSmall` with the needed length: see [`crate::decrypted_length`].
    pub fn decrypt_into_now(
        &self,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let envelope = self.parse(envelope)?;
        let opening = now(self.0.examine(&envelope.bundle, context, StoreAccess::Inline))?;
        refuse_network(opening.needs_network())?;
        now(self.0.decrypt_into(&opening, &envelope, aad, output))
    }

    /// A new data key for a caller who encrypts by himself. Never from a cache: every call makes another key.
    ///
    /// # Errors
    /// As [`Vault::encrypt`].
    pub async fn create_data_key(&self, context: &Context) -> Result<DataKey> {
        let protection = self.0.protect(context, StoreAccess::OffThread).await?;
        self.0.create_data_key(&protection, context).await.map(|(bundle, key)| DataKey { bundle, key })
    }

    /// [`Vault::create_data_key`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::encrypt`].
    pub fn create_data_key_blocking(&self, context: &Context) -> Result<DataKey> {
        let protection = now(self.0.protect(context, StoreAccess::Inline))?;
        let created = wait(protection.needs_network(), self.0.create_data_key(&protection, context));
        created.map(|(bundle, key)| DataKey { bundle, key })
    }

    /// [`Vault::create_data_key`] for contexts whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::encrypt_now`].
    pub fn create_data_key_now(&self, context: &Context) -> Result<DataKey> {
        let protection = now(self.0.protect(context, StoreAccess::Inline))?;
        refuse_network(protection.needs_network())?;
        now(self.0.create_data_key(&protection, context)).map(|(bundle, key)| DataKey { bundle, key })
    }

    /// The data key of a bundle that `create_data_key` made for exactly this context.
    ///
    /// # Errors
    /// As [`Vault::decrypt`].
    pub async fn decrypt_data_key(&self, bundle: &[u8], context: &Context) -> Result<DataKey> {
        let parsed = self.parse_bundle(bundle)?;
        let opening = self.0.examine(&parsed, context, StoreAccess::OffThread).await?;
        self.0.unwrap(&opening).await.map(|(key, _)| DataKey { bundle: bundle.to_vec(), key })
    }

    /// [`Vault::decrypt_data_key`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::decrypt`].
    pub fn decrypt_data_key_blocking(&self, bundle: &[u8], context: &Context) -> Result<DataKey> {
        let parsed = self.parse_bundle(bundle)?;
        let opening = now(self.0.examine(&parsed, context, StoreAccess::Inline))?;
        let unwrapped = wait(opening.needs_network(), self.0.unwrap(&opening));
        unwrapped.map(|(key, _)| DataKey { bundle: bundle.to_vec(), key })
    }

    /// [`Vault::decrypt_data_key`] for bundles whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::decrypt_now`].
    pub fn decrypt_data_key_now(&self, bundle: &[u8], context: &Context) -> Result<DataKey> {
        let parsed = self.parse_bundle(bundle)?;
        let opening = now(self.0.examine(&parsed, context, StoreAccess::Inline))?;
        refuse_network(opening.needs_network())?;
        now(self.0.unwrap(&opening)).map(|(key, _)| DataKey { bundle: bundle.to_vec(), key })
    }

    /// How often keys were used since the vault was opened.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Closes the vault for all clones: calls in flight finish, later ones are `Closed`. Keys leave memory when the last clone is dropped.
    pub fn close(&self) {
        self.0.close();
    }

    fn parse<'a>(&self, envelope: &'a [u8]) -> Result<Envelope<'a>> {
        self.0.check_open()?;
        Envelope::parse(envelope)
    }

    fn parse_bundle<'a>(&self, bundle: &'a [u8]) -> Result<Bundle<'a>> {
        self.0.check_open()?;
        Bundle::parse_bare(bundle)
    }
}

/// Runs a future that waits for nothing.
fn now<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::internal("an operation without network waited")),
    }
}

/// Runs a future on this thread; the library's runtime is started only for a network.
fn wait<T>(needs_network: bool, future: impl Future<Output = Result<T>>) -> Result<T> {
    if needs_network { runtime::block_on(future) } else { now(future) }
}

fn refuse_network(needs_network: bool) -> Result<()> {
    if needs_network {
        return Err(Error::new(
            ErrorCode::WouldBlock,
            "a KMS has to be called: use the asynchronous or the blocking call",
        ));
    }
    Ok(())
}
