//! The provider `gcp`: keys in Google Cloud KMS, as the vendor itself or as a customer's service account.
//!
//! Two calls of the REST interface, made with the library's own HTTP client: `docs/decisions/0013-google-without-its-client.md` says why.

use std::sync::Arc;

mod access;
mod address;
mod credentials;
mod failure;
mod jwt;
mod wire;

pub(crate) use access::{GcpAccess, GcpEndpoint};
pub(crate) use address::{KeyName, ServiceAccount, Universe};
pub(crate) use credentials::GcpIdentity;

use access::Purpose;
use failure::Operation;

use super::network::Reply;
use super::{BoxFuture, Kek, KmsFailure, KmsReply, UnwrapRequest, WrapRequest, attempts};
use crate::envelope::{MAX_BLOB, WRAP_PLAINTEXT};
use crate::secret::Secret;
use libvault_memory::WipedBytes;

/// Which key, where, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GcpAddress {
    pub(crate) name: KeyName,
    /// The endpoint of the key's location instead of the global one.
    pub(crate) is_regional: bool,
    pub(crate) acts_as: Option<ServiceAccount>,
}

/// A symmetric key in Google Cloud KMS.
pub(crate) struct GcpKey {
    address: Arc<GcpAddress>,
    access: Arc<GcpAccess>,
}

impl GcpKey {
    pub(crate) fn new(address: GcpAddress, access: Arc<GcpAccess>) -> Self {
        Self { address: Arc::new(address), access }
    }

    /// One request, as a task of its own, with whatever tokens it needs.
    async fn call(&self, operation: Operation, body: WipedBytes) -> Result<Reply, KmsFailure> {
        let (address, access) = (Arc::clone(&self.address), Arc::clone(&self.access));
        attempts::apart(async move {
            let verb = match operation {
                Operation::Encrypt => "encrypt",
                Operation::Decrypt => "decrypt",
            };
            let origin = address::kms_origin(access.universe(), &address.name, address.is_regional);
            let purpose = address.acts_as.clone().map_or(Purpose::Kms, Purpose::ActingAs);
            let reply = access.post(purpose, &origin, &format!("/v1/{}:{verb}", address.name), body).await?;
            if reply.status.as_u16() != 200 {
                return Err(failure::from_kms(operation, &reply));
            }
            Ok(reply)
        })
        .await
    }
}

impl Kek for GcpKey {
    fn provider(&self) -> &'static str {
        "gcp"
    }

    fn needs_network(&self) -> bool {
        true
    }

    fn blob_length_limit(&self) -> usize {
        MAX_BLOB
    }

    fn wrap<'a>(&'a self, request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        Box::pin(async move {
            let body = wire::request("plaintext", &request.plaintext[..], request.bind);
            let reply = self.call(Operation::Encrypt, body).await?;
            // Google names requests in errors only, if at all.
            Ok(KmsReply { value: wire::ciphertext(&reply.body, &self.address.name)?, request_id: None })
        })
    }

    fn unwrap<'a>(
        &'a self,
        request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>> {
        Box::pin(async move {
            let body = wire::request("ciphertext", request.blob, request.bind);
            let reply = self.call(Operation::Decrypt, body).await?;
            let reply_body = WipedBytes::new(reply.body);
            Ok(KmsReply { value: wire::plaintext(&reply_body)?, request_id: None })
        })
    }

    fn after_restore(&self) {
        self.access.clear();
    }
}
