//! Envelopes: `encrypt` and `decrypt` in their shapes.

use zeroize::Zeroize;

use super::Vault;
use crate::audit::Operation;
use crate::call::{Shape, now};
use crate::context::Context;
use crate::engine::StoreAccess;
use crate::envelope::Envelope;
use crate::error::Result;

impl Vault {
    /// Encrypts `data`, at most 2^30 bytes, into a self-describing envelope. The AAD is authenticated and not stored; none and empty are the same.
    ///
    /// # Errors
    /// Those of [`Vault::match_context`], of the customer's key (never a fallback to managed keys), `StoreUnavailable`, `AuditUnavailable`, `Timeout`,
    /// `Cancelled`, `Closed`.
    pub async fn encrypt(&self, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        self.encrypt_as(Shape::Async, data, context, aad).await
    }

    /// [`Vault::encrypt`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::encrypt`].
    pub fn encrypt_blocking(&self, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        now(self.encrypt_as(Shape::Blocking, data, context, aad))
    }

    /// [`Vault::encrypt`] for contexts whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::encrypt`]; `WouldBlock` if a KMS has to be called.
    pub fn encrypt_now(&self, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        now(self.encrypt_as(Shape::Now, data, context, aad))
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
        now(self.encrypt_into_as(Shape::Blocking, data, context, aad, output))
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
        now(self.encrypt_into_as(Shape::Now, data, context, aad, output))
    }

    /// The most bytes that an envelope for `data_length` bytes of this context can take; exact for managed contexts and key files. Loads
    /// the context's managed keys, and makes them if there are none yet.
    ///
    /// # Errors
    /// Those of [`Vault::match_context`], `StoreUnavailable`, `LimitExceeded`.
    pub fn encrypted_length_limit(&self, data_length: usize, context: &Context) -> Result<usize> {
        let snapshot = self.engine.snapshot()?;
        let protection = now(snapshot.protect(context, StoreAccess::Inline))?;
        snapshot.encrypted_length_limit(&protection, data_length, context)
    }

    /// Decrypts an envelope that was made for exactly this context and AAD.
    ///
    /// # Errors
    /// `Malformed`, `UnsupportedFormat`, `LimitExceeded` (what and where), `ContextMismatch`, `KeySuspended`, `KeyNotFound`, `PolicyMismatch`, the errors of
    /// the customer's key, `AuditUnavailable`, `Timeout`, `Cancelled`, and one `AuthenticationFailed` for everything that was forged or damaged.
    pub async fn decrypt(&self, envelope: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        self.decrypt_as(Shape::Async, envelope, context, aad).await
    }

    /// [`Vault::decrypt`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::decrypt`].
    pub fn decrypt_blocking(&self, envelope: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        now(self.decrypt_as(Shape::Blocking, envelope, context, aad))
    }

    /// [`Vault::decrypt`] for envelopes whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::decrypt`]; `WouldBlock` if a KMS has to be called.
    pub fn decrypt_now(&self, envelope: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        now(self.decrypt_as(Shape::Now, envelope, context, aad))
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
        now(self.decrypt_into_as(Shape::Blocking, envelope, context, aad, output))
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
        now(self.decrypt_into_as(Shape::Now, envelope, context, aad, output))
    }

    async fn encrypt_as(&self, shape: Shape, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let call = self.call(shape, Operation::Encrypt)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let made = attempt.encrypt(data, context, aad).await;
            if let Some(envelope) = attempt.settle(made).await? {
                return Ok(envelope);
            }
        }
    }

    async fn encrypt_into_as(
        &self,
        shape: Shape,
        data: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let call = self.call(shape, Operation::Encrypt)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let made = attempt.encrypt_into(data, context, aad, output).await;
            if let Some(length) = attempt.settle(made).await? {
                return Ok(length);
            }
        }
    }

    async fn decrypt_as(
        &self,
        shape: Shape,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
    ) -> Result<Vec<u8>> {
        let call = self.call(shape, Operation::Decrypt)?;
        let envelope = Envelope::parse(envelope)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let opened = attempt.decrypt(&envelope, context, aad).await;
            if let Some(data) = attempt.settle(opened).await? {
                return Ok(data);
            }
        }
    }

    async fn decrypt_into_as(
        &self,
        shape: Shape,
        envelope: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let call = self.call(shape, Operation::Decrypt)?;
        let envelope = Envelope::parse(envelope)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let opened = attempt.decrypt_into(&envelope, context, aad, output).await;
            let plaintext = Unreleased(if opened.is_ok() { &mut *output } else { &mut [] });
            if let Some(length) = attempt.settle(opened).await? {
                plaintext.release();
                return Ok(length);
            }
        }
    }
}

/// Plaintext in the caller's buffer that may not leave yet. It is wiped when the call fails, and also when its future is dropped.
struct Unreleased<'a>(&'a mut [u8]);

impl Unreleased<'_> {
    fn release(mut self) {
        self.0 = &mut [];
    }
}

impl Drop for Unreleased<'_> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
