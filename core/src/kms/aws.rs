//! The provider `aws`: keys in AWS KMS, through the vendor's own AWS identity or a role of the customer's.
//!
//! Sources: AWS KMS API reference, `Encrypt`, `Decrypt` and `DescribeKey`; AWS General Reference, "KMS endpoints" for the host names.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::KeyMetadata;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libvault_memory::WipedBytes;

mod alias;
mod arn;
mod client;
mod endpoint;
mod failure;
mod role;
mod transport;

pub(crate) use alias::AliasPin;
pub(crate) use arn::{KeyReference, Place, RoleArn};
pub(crate) use client::{AwsClients, AwsIdentity};
pub(crate) use endpoint::EndpointVariant;
pub(crate) use role::{AssumedRole, ExternalId};

use alias::Alias;
use arn::KeyArn;

use super::expiry::Expiry;
use super::{BoxFuture, Kek, KmsFailure, KmsReply, UnwrapRequest, WrapRequest, attempts, bounded};
use crate::envelope::{MAX_BLOB, WRAP_PLAINTEXT};
use crate::error::ErrorCode;
use crate::fork::undivided;
use crate::log::Log;
use crate::secret::Secret;

/// Which key, and how it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsAddress {
    pub(crate) key: KeyReference,
    pub(crate) access: AwsAccess,
}

/// Where keys are asked for, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsAccess {
    pub(crate) place: Place,
    pub(crate) endpoint: EndpointVariant,
    /// None: as the vendor itself.
    pub(crate) role: Option<AssumedRole>,
}

/// A symmetric key in AWS KMS.
pub(crate) struct AwsKey {
    target: Target,
    access: AwsAccess,
    clients: Arc<AwsClients>,
    /// The key's name in the configuration.
    name: String,
    log: Arc<Log>,
    /// Of key material that the customer imported with an end. AWS tells it with the key of an alias.
    expiry: OnceLock<Expiry>,
}

enum Target {
    Key(KeyArn),
    Alias(Alias),
}

impl AwsKey {
    /// `pin` is called for an alias.
    pub(crate) fn new(
        address: AwsAddress,
        pin: impl FnOnce() -> Arc<dyn AliasPin>,
        clients: Arc<AwsClients>,
        name: &str,
        log: &Arc<Log>,
    ) -> Self {
        let clock = clients.clock();
        let target = match address.key {
            KeyReference::Key(key) => Target::Key(key),
            KeyReference::Alias(arn) => Target::Alias(Alias::new(arn, pin(), clock)),
        };
        let (name, log) = (name.to_owned(), Arc::clone(log));
        Self { target, access: address.access, clients, name, log, expiry: OnceLock::new() }
    }

    async fn client(&self) -> Result<Client, KmsFailure> {
        if self.access.role.is_none() {
            return self.clients.for_key(&self.access).await;
        }
        // Driven whatever the caller does with its future: others wait for the same session.
        let (clients, access) = (Arc::clone(&self.clients), self.access.clone());
        attempts::apart(async move { clients.for_key(&access).await }).await
    }

    /// The key itself: an alias is looked up when it is first used.
    async fn key(&self, client: &Client) -> Result<&KeyArn, KmsFailure> {
        let alias = match &self.target {
            Target::Key(key) => return Ok(key),
            Target::Alias(alias) => alias,
        };
        let mut end = None;
        let ask = async || {
            let call = client.describe_key().key_id(alias.as_str());
            let reply = self.ask(call.send()).await.map_err(alias::failure)?;
            let metadata = reply.key_metadata;
            end = metadata.as_ref().and_then(KeyMetadata::valid_to).copied();
            Ok(metadata.and_then(|metadata| metadata.arn))
        };
        let key = alias.key(ask).await?;
        if let Some(end) = end.and_then(|end| SystemTime::try_from(end).ok()) {
            self.expect_end(end);
        }
        if let Some(expiry) = self.expiry.get() {
            expiry.check(SystemTime::now());
        }
        Ok(key)
    }

    fn expect_end(&self, end: SystemTime) {
        const EVENT: &str = "key_expiring";
        let what = format!("the imported key material of key {}, without which AWS refuses it,", self.name);
        let advice = "its owner can import it again; reload the configuration then";
        let _undivided = undivided();
        self.expiry.get_or_init(|| Expiry::new(end, EVENT, what, advice, &self.log));
    }

    /// Runs one call of a client, as a task of its own.
    async fn ask<T, E>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    ) -> Result<T, KmsFailure>
    where
        T: Send + 'static,
        E: ProvideErrorMetadata + RequestId + std::error::Error + 'static,
    {
        let call = async move { call.await.map_err(|error| failure::from_sdk(&error, "the KMS")) };
        let outcome = attempts::apart(call).await;
        if outcome.as_ref().is_err_and(|failure| failure.code == ErrorCode::AccessDenied) {
            self.clients.was_refused(&self.access);
        }
        outcome
    }

    /// An answer for another key is a lie or a mistake of whoever answered: nothing in it is used.
    fn check_answering_key(key: &KeyArn, key_id: Option<&str>) -> Result<(), KmsFailure> {
        match key_id {
            Some(key_id) if key_id == key.as_str() => Ok(()),
            Some(_) => Err(KmsFailure::unauthentic()),
            None => Err(KmsFailure::new(ErrorCode::KmsUnavailable, "the KMS's answer names no key")),
        }
    }
}

impl Kek for AwsKey {
    fn provider(&self) -> &'static str {
        "aws"
    }

    fn needs_network(&self) -> bool {
        true
    }

    fn blob_length_limit(&self) -> usize {
        MAX_BLOB
    }

    fn wrap<'a>(&'a self, request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        Box::pin(async move {
            let client = self.client().await?;
            let key = self.key(&client).await?;
            let call = client
                .encrypt()
                .key_id(key.as_str())
                // The SDK keeps a copy of the plaintext that it does not wipe: see docs/threat-model.md.
                .plaintext(Blob::new(request.plaintext.to_vec()))
                .set_encryption_context(Some(encryption_context(request.selector, request.bind)));
            let reply = self.ask(call.send()).await?;
            Self::check_answering_key(key, reply.key_id())?;
            let request_id = reply.request_id().map(bounded);
            let blob = reply.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
            if blob.is_empty() || blob.len() > MAX_BLOB {
                let message = format!("the KMS answered with a ciphertext of {} bytes", blob.len());
                return Err(KmsFailure::new(ErrorCode::KmsUnavailable, message));
            }
            Ok(KmsReply { value: blob, request_id })
        })
    }

    fn unwrap<'a>(
        &'a self,
        request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>> {
        Box::pin(async move {
            let client = self.client().await?;
            let key = self.key(&client).await?;
            let call = client
                .decrypt()
                .key_id(key.as_str())
                .ciphertext_blob(Blob::new(request.blob))
                .set_encryption_context(Some(encryption_context(request.selector, request.bind)));
            let mut reply = self.ask(call.send()).await?;
            // Taken first, so that it is wiped whatever else the answer says.
            let plaintext = reply.plaintext.take().map(Blob::into_inner).map(WipedBytes::new);
            Self::check_answering_key(key, reply.key_id())?;
            let request_id = reply.request_id().map(bounded);
            let Some(plaintext) = plaintext else {
                return Err(KmsFailure::new(ErrorCode::KmsUnavailable, "the KMS answered without a plaintext"));
            };
            let plaintext: &[u8; WRAP_PLAINTEXT] =
                plaintext.as_slice().try_into().map_err(|_| KmsFailure::unauthentic())?;
            Ok(KmsReply { value: Secret::copy_of(plaintext), request_id })
        })
    }

    fn after_restore(&self) {
        self.clients.clear();
    }
}

/// The binding's own selector items, so that the customer's CloudTrail shows its organization and nobody else's data, and the bind digest.
fn encryption_context(selector: &[(String, String)], bind: &[u8; 32]) -> HashMap<String, String> {
    let mut context: HashMap<_, _> = selector.iter().cloned().collect();
    context.insert("libvault:bind".to_owned(), STANDARD.encode(bind));
    context
}

#[cfg(test)]
mod tests;
