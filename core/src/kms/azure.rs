//! The provider `azure`: keys in Azure Key Vault and in managed HSMs, through an application of the vendor's.
//!
//! Sources: Key Vault REST API, `wrapKey` and `unwrapKey`; RFC 7518 §4.3 and §4.4 for the algorithms. The bytes are in `docs/envelope.md`, "Azure Key Vault".

use std::sync::Arc;

use azure_core::http::RequestContent;
use azure_security_keyvault_keys::models::{EncryptionAlgorithm, KeyClientWrapKeyOptions, KeyOperationParameters};
use libvault_memory::WipedBytes;

mod address;
mod certificate;
mod client;
mod failure;
mod identity;
mod transport;

pub(crate) use address::KeyUrl;
pub(crate) use client::AzureClients;
pub(crate) use identity::{AzureCredential, AzureIdentity, is_tenant_id};

use self::address::{KeyVersion, Service};
use self::failure::Operation;
use super::{BoxFuture, Kek, KmsFailure, KmsReply, UnwrapRequest, WrapRequest, attempts, bounded};
use crate::aead::hmac;
use crate::envelope::{MAX_BLOB, WRAP_PLAINTEXT};
use crate::error::ErrorCode;
use crate::secret::{Secret, constant_time_equal};

const VERSION_LENGTH: usize = 16;
const ORIGIN_TAG_LENGTH: usize = 16;
/// AES key wrap adds one block of 8 bytes (RFC 3394).
const A256KW_LENGTH: usize = WRAP_PLAINTEXT + 8;
/// RSA with 2048, 3072 and 4096 bits: the sizes that Azure has.
const RSA_LENGTHS: [usize; 3] = [256, 384, 512];

/// An RSA key in a vault, or an AES key in a managed HSM.
pub(crate) struct AzureKey {
    url: KeyUrl,
    /// The customer's own tenant, where it is not the vendor's.
    tenant: Option<String>,
    /// Declared: Azure's addresses do not tell it. Every answer has to name it.
    region: Option<String>,
    origin_key: Arc<Secret<32>>,
    clients: Arc<AzureClients>,
}

/// What an answer to both operations holds, once it is known to come from the key.
struct Answer {
    version: KeyVersion,
    value: WipedBytes,
    request_id: Option<String>,
}

impl AzureKey {
    pub(crate) fn new(
        url: KeyUrl,
        tenant: Option<String>,
        region: Option<String>,
        origin_key: Arc<Secret<32>>,
        clients: Arc<AzureClients>,
    ) -> Self {
        Self { url, tenant, region, origin_key, clients }
    }

    fn algorithm(&self) -> EncryptionAlgorithm {
        match self.url.service() {
            Service::Vault => EncryptionAlgorithm::RsaOaep256,
            Service::ManagedHsm => EncryptionAlgorithm::A256Kw,
        }
    }

    fn is_ciphertext_length(&self, length: usize) -> bool {
        match self.url.service() {
            Service::Vault => RSA_LENGTHS.contains(&length),
            Service::ManagedHsm => length == A256KW_LENGTH,
        }
    }

    /// Who has no origin key has not made the blob: anyone can encrypt with a public key, and the version is not to be believed either.
    fn origin_tag(&self, bind: &[u8; 32], version_and_ciphertext: &[u8]) -> [u8; ORIGIN_TAG_LENGTH] {
        let tag = hmac(&**self.origin_key, &[bind, version_and_ciphertext]);
        let mut short = [0; ORIGIN_TAG_LENGTH];
        short.copy_from_slice(&tag[..ORIGIN_TAG_LENGTH]);
        short
    }

    /// The version and the ciphertext in a blob, if this vault wrote it for this purpose and this key.
    fn open_blob<'a>(&self, bind: &[u8; 32], blob: &'a [u8]) -> Option<(KeyVersion, &'a [u8])> {
        let (tagged, tag) = blob.split_at_checked(blob.len().checked_sub(ORIGIN_TAG_LENGTH)?)?;
        let (version, ciphertext) = tagged.split_first_chunk::<VERSION_LENGTH>()?;
        let version = KeyVersion(*version);
        let is_ours = constant_time_equal(&self.origin_tag(bind, tagged), tag)
            && self.is_ciphertext_length(ciphertext.len())
            && self.url.version().is_none_or(|only| only == version);
        is_ours.then_some((version, ciphertext))
    }

    /// One request. `version` is the one to ask; none: the newest.
    // The SDK's structs can only be made this way from outside.
    #[expect(clippy::field_reassign_with_default)]
    async fn ask(
        &self,
        operation: Operation,
        version: Option<KeyVersion>,
        value: Vec<u8>,
    ) -> Result<Answer, KmsFailure> {
        let client = self.clients.for_key(&self.url, self.tenant.as_deref())?;
        let key = self.url.key().to_owned();
        let mut parameters = KeyOperationParameters::default();
        parameters.algorithm = Some(self.algorithm());
        // The SDK keeps copies of the plaintext that it does not wipe: see docs/threat-model.md.
        parameters.value = Some(value);
        let vault = client.clone();
        let call = async move {
            client.await_token().await?;
            let body = RequestContent::try_from(parameters).map_err(|error| failure::from_sdk(error, operation))?;
            let version = version.map(|version| version.to_string());
            let reply = match operation {
                Operation::Wrap => {
                    let options = KeyClientWrapKeyOptions { key_version: version, ..Default::default() };
                    client.keys.wrap_key(&key, body, Some(options)).await
                }
                Operation::Unwrap => client.keys.unwrap_key(&key, &version.unwrap_or_default(), body, None).await,
            };
            let reply = reply.map_err(|error| failure::from_sdk(error, operation))?;
            let header = |name| reply.headers().get_optional_string(&name).map(|text| bounded(&text));
            let (request_id, region) = (header(failure::REQUEST_ID), header(failure::REGION));
            let model = reply.into_model().map_err(|_| nonsense("is not the JSON of a key operation"))?;
            Ok((model.kid, model.result.map(WipedBytes::new), region, request_id))
        };
        let answered = attempts::apart(call).await;
        if answered.as_ref().is_err_and(|failure| failure.code == ErrorCode::AccessDenied) {
            vault.was_refused();
        }
        let (key_id, value, region, request_id) = answered?;
        self.check_region(region.as_deref(), request_id.as_deref())?;
        let key_id = key_id.ok_or_else(|| nonsense("names no key"))?;
        let answered = self.url.answered(&key_id).ok_or_else(KmsFailure::unauthentic)?;
        if version.is_some_and(|asked| asked != answered) {
            return Err(KmsFailure::unauthentic());
        }
        let value = value.ok_or_else(|| nonsense("holds no value"))?;
        Ok(Answer { version: answered, value, request_id })
    }

    fn check_region(&self, answered: Option<&str>, request_id: Option<&str>) -> Result<(), KmsFailure> {
        let Some(declared) = &self.region else { return Ok(()) };
        if answered.is_some_and(|region| region.eq_ignore_ascii_case(declared)) {
            return Ok(());
        }
        let message = format!(
            "the key was declared to be in region {declared}, but the answer came from {}",
            answered.filter(|region| is_region(region)).unwrap_or("one that it does not name")
        );
        let request_id = request_id.map(str::to_owned);
        Err(KmsFailure { request_id, ..KmsFailure::new(ErrorCode::RegionNotAllowed, message) })
    }
}

impl Kek for AzureKey {
    fn provider(&self) -> &'static str {
        "azure"
    }

    fn needs_network(&self) -> bool {
        true
    }

    fn blob_length_limit(&self) -> usize {
        MAX_BLOB
    }

    fn wrap<'a>(&'a self, request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        Box::pin(async move {
            let answer = self.ask(Operation::Wrap, self.url.version(), request.plaintext.to_vec()).await?;
            if !self.is_ciphertext_length(answer.value.len()) {
                return Err(nonsense(&format!("holds a ciphertext of {} bytes", answer.value.len())));
            }
            let mut blob = Vec::with_capacity(VERSION_LENGTH + answer.value.len() + ORIGIN_TAG_LENGTH);
            blob.extend_from_slice(&answer.version.0);
            blob.extend_from_slice(&answer.value);
            blob.extend_from_slice(&self.origin_tag(request.bind, &blob));
            Ok(KmsReply { value: blob, request_id: answer.request_id })
        })
    }

    fn unwrap<'a>(
        &'a self,
        request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>> {
        Box::pin(async move {
            let opened = self.open_blob(request.bind, request.blob);
            let (version, ciphertext) = opened.ok_or_else(KmsFailure::unauthentic)?;
            let answer = self.ask(Operation::Unwrap, Some(version), ciphertext.to_vec()).await?;
            let plaintext: &[u8; WRAP_PLAINTEXT] =
                answer.value.as_slice().try_into().map_err(|_| KmsFailure::unauthentic())?;
            Ok(KmsReply { value: Secret::copy_of(plaintext), request_id: answer.request_id })
        })
    }

    fn after_restore(&self) {
        self.clients.clear();
    }
}

/// As Azure writes names of regions: `westeurope`, and for people `West Europe`.
fn is_region(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
}

fn nonsense(what: &str) -> KmsFailure {
    KmsFailure::new(ErrorCode::KmsUnavailable, format!("the KMS's answer {what}"))
}

#[cfg(test)]
mod tests;
