//! The verbs that change the keys of existing data, in their shapes.

use super::Vault;
use crate::audit::Operation;
use crate::call::{Shape, now};
use crate::context::Context;
use crate::engine::{Downgrade, RewrapOptions, Rewrappable, refuse_equal_contexts};
use crate::envelope::{Bundle, Envelope};
use crate::error::Result;

impl Vault {
    /// Wraps the data key of an envelope or of a data-key bundle by the keys that match its context now; the payload stays as it is. A wrap that is missing
    /// since a key could not be reached (`min_wraps`) is added.
    ///
    /// This revokes nothing: whoever kept the older copy opens it with the older keys. So it is refused where keys are left behind, unless
    /// [`RewrapOptions::keep_data_key`] asks for it; [`Vault::reencrypt`] is the way there.
    ///
    /// # Errors
    /// As [`Vault::decrypt`] and [`Vault::encrypt`]; `DowngradeRefused` before any key is used.
    pub async fn rewrap(
        &self,
        envelope_or_bundle: &[u8],
        context: &Context,
        options: RewrapOptions,
    ) -> Result<Vec<u8>> {
        self.rewrap_as(Shape::Async, Rewrappable::parse, envelope_or_bundle, context, options).await
    }

    /// [`Vault::rewrap`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::rewrap`].
    pub fn rewrap_blocking(
        &self,
        envelope_or_bundle: &[u8],
        context: &Context,
        options: RewrapOptions,
    ) -> Result<Vec<u8>> {
        now(self.rewrap_as(Shape::Blocking, Rewrappable::parse, envelope_or_bundle, context, options))
    }

    /// [`Vault::rewrap`] where neither the old nor the new keys need a network.
    ///
    /// # Errors
    /// As [`Vault::rewrap`]; `WouldBlock` if a KMS has to be called.
    pub fn rewrap_now(&self, envelope_or_bundle: &[u8], context: &Context, options: RewrapOptions) -> Result<Vec<u8>> {
        now(self.rewrap_as(Shape::Now, Rewrappable::parse, envelope_or_bundle, context, options))
    }

    /// [`Vault::rewrap`] of an envelope that is too long for memory: `start` is its first [`crate::INSPECTED_BYTES`] or more. The result takes the place of
    /// `start`; what follows stays as it is.
    ///
    /// # Errors
    /// As [`Vault::rewrap`]; what is missing or damaged behind `start` goes unnoticed.
    pub async fn rewrap_start(&self, start: &[u8], context: &Context, options: RewrapOptions) -> Result<Vec<u8>> {
        self.rewrap_as(Shape::Async, Rewrappable::parse_start, start, context, options).await
    }

    /// [`Vault::rewrap_start`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::rewrap_start`].
    pub fn rewrap_start_blocking(&self, start: &[u8], context: &Context, options: RewrapOptions) -> Result<Vec<u8>> {
        now(self.rewrap_as(Shape::Blocking, Rewrappable::parse_start, start, context, options))
    }

    /// [`Vault::rewrap_start`] where neither the old nor the new keys need a network.
    ///
    /// # Errors
    /// As [`Vault::rewrap_start`]; `WouldBlock` if a KMS has to be called.
    pub fn rewrap_start_now(&self, start: &[u8], context: &Context, options: RewrapOptions) -> Result<Vec<u8>> {
        now(self.rewrap_as(Shape::Now, Rewrappable::parse_start, start, context, options))
    }

    /// Decrypts an envelope and encrypts its payload with a new data key for the keys that match now, in the same form and bound to the same AAD.
    ///
    /// # Errors
    /// As [`Vault::decrypt`] and [`Vault::encrypt`]; `DowngradeRefused` before any key is used.
    pub async fn reencrypt(
        &self,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        self.reencrypt_as(Shape::Async, envelope, context, aad, downgrade).await
    }

    /// [`Vault::reencrypt`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::reencrypt`].
    pub fn reencrypt_blocking(
        &self,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        now(self.reencrypt_as(Shape::Blocking, envelope, context, aad, downgrade))
    }

    /// [`Vault::reencrypt`] where neither the old nor the new keys need a network.
    ///
    /// # Errors
    /// As [`Vault::reencrypt`]; `WouldBlock` if a KMS has to be called.
    pub fn reencrypt_now(
        &self,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        now(self.reencrypt_as(Shape::Now, envelope, context, aad, downgrade))
    }

    /// A bundle for another context around the same data key, which [`Vault::create_data_key`] made. The older bundle goes on to open under its context.
    ///
    /// # Errors
    /// As [`Vault::decrypt_data_key`] and [`Vault::create_data_key`]; `DowngradeRefused` before any key is used; `InvalidContext` if the contexts are equal.
    pub async fn rekey(
        &self,
        bundle: &[u8],
        old_context: &Context,
        new_context: &Context,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        self.rekey_as(Shape::Async, bundle, old_context, new_context, downgrade).await
    }

    /// [`Vault::rekey`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::rekey`].
    pub fn rekey_blocking(
        &self,
        bundle: &[u8],
        old_context: &Context,
        new_context: &Context,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        now(self.rekey_as(Shape::Blocking, bundle, old_context, new_context, downgrade))
    }

    /// [`Vault::rekey`] where neither the old nor the new keys need a network.
    ///
    /// # Errors
    /// As [`Vault::rekey`]; `WouldBlock` if a KMS has to be called.
    pub fn rekey_now(
        &self,
        bundle: &[u8],
        old_context: &Context,
        new_context: &Context,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        now(self.rekey_as(Shape::Now, bundle, old_context, new_context, downgrade))
    }

    async fn rewrap_as<'a>(
        &self,
        shape: Shape,
        parse: impl FnOnce(&'a [u8]) -> Result<Rewrappable<'a>>,
        envelope_or_bundle: &'a [u8],
        context: &Context,
        options: RewrapOptions,
    ) -> Result<Vec<u8>> {
        let call = self.call(shape, Operation::Rewrap)?;
        let data = parse(envelope_or_bundle)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let made = attempt.rewrap(&data, context, options).await;
            if let Some(rewrapped) = attempt.settle(made).await? {
                return Ok(rewrapped);
            }
        }
    }

    async fn reencrypt_as(
        &self,
        shape: Shape,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        let call = self.call(shape, Operation::Reencrypt)?;
        let parsed = Envelope::parse(envelope)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let made = attempt.reencrypt(&parsed, context, aad, downgrade).await;
            if let Some(envelope) = attempt.settle(made).await? {
                return Ok(envelope);
            }
        }
    }

    async fn rekey_as(
        &self,
        shape: Shape,
        bundle: &[u8],
        old_context: &Context,
        new_context: &Context,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        let call = self.call(shape, Operation::Rekey)?;
        refuse_equal_contexts(old_context, new_context)?;
        let parsed = Bundle::parse_bare(bundle)?;
        loop {
            let mut attempt = call.attempt(old_context)?;
            let made = attempt.rekey(&parsed, old_context, new_context, downgrade).await;
            if let Some(bundle) = attempt.settle(made).await? {
                return Ok(bundle);
            }
        }
    }
}
