//! The provider `aws`: keys in AWS KMS, through the vendor's own AWS identity.
//!
//! Sources: AWS KMS API reference, `Encrypt` and `Decrypt`; AWS General Reference, "KMS endpoints" for the host names.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::operation::RequestId as _;
use aws_sdk_kms::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libvault_memory::WipedBytes;

mod arn;
mod client;
mod failure;
mod reply_limit;

pub(crate) use arn::KeyArn;
pub(crate) use client::{AwsClients, AwsIdentity};

use super::{BoxFuture, Kek, KmsFailure, KmsReply, UnwrapRequest, WrapRequest, attempts, bounded};
use crate::envelope::{MAX_BLOB, WRAP_PLAINTEXT};
use crate::error::ErrorCode;
use crate::secret::Secret;

/// A symmetric key in AWS KMS.
pub(crate) struct AwsKey {
    arn: KeyArn,
    clients: Arc<AwsClients>,
}

impl AwsKey {
    pub(crate) fn new(arn: KeyArn, clients: Arc<AwsClients>) -> Self {
        Self { arn, clients }
    }

    async fn client(&self) -> Result<Client, KmsFailure> {
        self.clients.for_region(&self.arn).await
    }

    /// An answer for another key is a lie or a mistake of whoever answered: nothing in it is used.
    fn check_answering_key(&self, key_id: Option<&str>) -> Result<(), KmsFailure> {
        match key_id {
            Some(key_id) if key_id == self.arn.as_str() => Ok(()),
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
            let call = self
                .client()
                .await?
                .encrypt()
                .key_id(self.arn.as_str())
                // The SDK keeps a copy of the plaintext that it does not wipe: see docs/threat-model.md.
                .plaintext(Blob::new(request.plaintext.to_vec()))
                .set_encryption_context(Some(encryption_context(request.selector, request.bind)));
            let reply = attempts::apart(async move { call.send().await.map_err(failure::from_sdk) }).await?;
            self.check_answering_key(reply.key_id())?;
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
            let call = self
                .client()
                .await?
                .decrypt()
                .key_id(self.arn.as_str())
                .ciphertext_blob(Blob::new(request.blob))
                .set_encryption_context(Some(encryption_context(request.selector, request.bind)));
            let mut reply = attempts::apart(async move { call.send().await.map_err(failure::from_sdk) }).await?;
            // Taken first, so that it is wiped whatever else the answer says.
            let plaintext = reply.plaintext.take().map(Blob::into_inner).map(WipedBytes::new);
            self.check_answering_key(reply.key_id())?;
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
