//! Customer keys: one trait, a provider each in a module of its own.

#[cfg(feature = "http-client")]
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::envelope::WRAP_PLAINTEXT;
use crate::error::{Error, ErrorCode, KmsCall};
use crate::secret::Secret;

mod attempts;
#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(feature = "azure")]
pub(crate) mod azure;
mod breaker;
mod bulkhead;
pub(crate) mod derived;
#[cfg(any(feature = "aws", feature = "azure"))]
mod expiry;
#[cfg(feature = "gcp")]
pub(crate) mod gcp;
#[cfg(test)]
mod held;
#[cfg(all(test, feature = "sqlite"))]
mod isolation;
#[cfg(any(feature = "azure", feature = "gcp"))]
mod jwt;
pub(crate) mod key_file;
mod local;
pub(crate) mod network;
#[cfg(feature = "http-client")]
mod per_runtime;
mod region;
mod remote;
#[cfg(feature = "http-client")]
mod tokens;

#[cfg(test)]
pub(crate) use held::{Answer, HeldKms};
pub(crate) use key_file::KeyFile;
pub(crate) use local::LocalKey;
pub(crate) use region::OutOfRegion;
pub(crate) use remote::{KeyHealth, RemoteKey};

/// Deadlines of a call to a KMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) attempt: Duration,
    pub(crate) total: Duration,
}

/// Text from outside, short enough for a log line, on one line, and without letters that change what stands around them.
#[cfg(feature = "http-client")]
fn bounded(text: &str) -> String {
    text.chars().filter(|c| *c == ' ' || c.is_ascii_graphic()).take(120).collect()
}

/// A word for machines, such as `PERMISSION_DENIED` or `AccessDeniedException`: no sentence fits into it.
#[cfg(feature = "http-client")]
fn plain_word(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    ((1..=63).contains(&text.len()) && text.bytes().all(is_plain)).then_some(text)
}

/// An error and what caused it, outermost first.
#[cfg(feature = "http-client")]
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| (*error).source())
}

/// The innermost cause of an error, without the address of further reading that a library may put behind it.
#[cfg(feature = "http-client")]
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let text = causes(error).last().map(ToString::to_string).unwrap_or_default();
    bounded(text.split(": https://").next().unwrap_or_default())
}

/// A future that can be kept behind `dyn`.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A key-encrypting key in a KMS (or a key file that stands in for one). It wraps 64 bytes: a share and its bind digest.
pub(crate) trait Kek: Send + Sync {
    /// The provider's name in configurations and errors.
    fn provider(&self) -> &'static str;

    /// Whether using the key means waiting for a network.
    fn needs_network(&self) -> bool;

    /// Most bytes that a wrap can take.
    fn blob_length_limit(&self) -> usize;

    fn wrap<'a>(&'a self, request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>>;

    fn unwrap<'a>(
        &'a self,
        request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>>;

    /// What is known of a key that is reached over a network; none for the others, which cannot be revoked behind our back.
    fn health(&self) -> Option<&Arc<KeyHealth>> {
        None
    }

    /// This process may be one of several copies of another: connections and what was agreed on them must not be used by two.
    fn after_restore(&self) {}
}

/// What a KMS answered, and its own id of the request.
pub(crate) struct KmsReply<T> {
    pub(crate) value: T,
    pub(crate) request_id: Option<String>,
}

/// What is wrapped, and what it is bound to.
#[derive(Clone, Copy)]
pub(crate) struct WrapRequest<'a> {
    pub(crate) plaintext: &'a Secret<WRAP_PLAINTEXT>,
    pub(crate) bind: &'a [u8; 32],
    /// The binding's own selector items: the only part of the context that a customer's KMS may see.
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    pub(crate) selector: &'a [(String, String)],
    /// When the whole operation has to be done; none for a key that needs no network.
    pub(crate) deadline: Option<Instant>,
}

/// What is unwrapped, and what it has to be bound to.
#[derive(Clone, Copy)]
pub(crate) struct UnwrapRequest<'a> {
    pub(crate) blob: &'a [u8],
    pub(crate) bind: &'a [u8; 32],
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    pub(crate) selector: &'a [(String, String)],
    /// When the whole operation has to be done; none for a key that needs no network.
    pub(crate) deadline: Option<Instant>,
}

/// Why a KMS did not do what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct KmsFailure {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    /// When the KMS wants to be asked again (`Retry-After`).
    pub(crate) retry_after: Option<Duration>,
}

impl KmsFailure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), request_id: None, retry_after: None }
    }

    /// The ciphertext is not one that this key made for this purpose.
    pub(crate) fn unauthentic() -> Self {
        Self::new(ErrorCode::AuthenticationFailed, "")
    }

    /// The error for the caller. A failed authentication loses its details on purpose.
    pub(crate) fn into_error(self, provider: &'static str, key_id: &str, operation: &'static str) -> Error {
        if self.code == ErrorCode::AuthenticationFailed {
            return Error::unauthentic("R27");
        }
        let message = format!("key {key_id} ({provider}), {operation}: {}", self.message);
        let request_id = self.request_id;
        Error::new(self.code, message).with_kms(KmsCall { provider, key_id: key_id.to_owned(), operation, request_id })
    }

    /// Whether the KMS answered that this key is not to be used. Nothing fails over from that, and what the key opened before is dropped.
    pub(crate) fn is_refusal(&self) -> bool {
        use ErrorCode::{AccessDenied, KeyDisabled, KeyNotFound, KeyPendingDeletion};
        matches!(self.code, AccessDenied | KeyDisabled | KeyPendingDeletion | KeyNotFound)
    }

    /// Whether another wrap of the share may be tried: the key could not be reached, as opposed to being refused.
    pub(crate) fn is_unavailability(&self) -> bool {
        use ErrorCode::{CircuitOpen, KmsUnavailable, Throttled, Timeout};
        matches!(self.code, Throttled | KmsUnavailable | Timeout | CircuitOpen)
    }
}
