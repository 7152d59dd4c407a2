//! The error value of every operation: a code of the one table, a message, and where it arose.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

mod code;

pub use code::{ErrorCode, ErrorKind};

/// What went wrong. One pointer wide, cheap to clone, owned by the caller and independent of the vault it came from.
///
/// Errors never hold a credential, a context value or key bytes.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    code: ErrorCode,
    message: Cow<'static, str>,
    field: Option<String>,
    needed_length: Option<usize>,
    kms: Option<KmsCall>,
    /// For the audit trail only: the rule that `AuthenticationFailed` does not tell its receiver.
    audit_detail: Option<&'static str>,
}

/// The call to a KMS that an error came from.
#[derive(Clone, Debug)]
pub(crate) struct KmsCall {
    pub(crate) provider: &'static str,
    pub(crate) key_id: String,
    pub(crate) operation: &'static str,
    pub(crate) request_id: Option<String>,
}

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a message for people; the message must not hold secrets or context values.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            code,
            message: message.into(),
            field: None,
            needed_length: None,
            kms: None,
            audit_detail: None,
        }))
    }

    /// A defect in libvault or in a binding.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What happened, in one sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The path of the configuration field, or the name of the context item, that was refused.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The provider whose call failed: `aws`, `azure` or `local`.
    pub fn provider(&self) -> Option<&str> {
        self.0.kms.as_ref().map(|kms| kms.provider)
    }

    /// The id of the customer's key, as the configuration names it.
    pub fn key_id(&self) -> Option<&str> {
        self.0.kms.as_ref().map(|kms| kms.key_id.as_str())
    }

    /// The operation on the key that failed: `wrap` or `unwrap`.
    pub fn operation(&self) -> Option<&str> {
        self.0.kms.as_ref().map(|kms| kms.operation)
    }

    /// The provider's own id of the failed request, to look it up in the customer's logs.
    pub fn request_id(&self) -> Option<&str> {
        self.0.kms.as_ref().and_then(|kms| kms.request_id.as_deref())
    }

    /// With `BufferTooSmall`: how many bytes the output needs.
    pub fn needed_length(&self) -> Option<usize> {
        self.0.needed_length
    }

    /// The one failure of everything that is authenticated. It has one text and no details, so that it tells an
    /// attacker nothing about how far a forgery came.
    pub(crate) fn authentication_failed() -> Self {
        Self::new(
            ErrorCode::AuthenticationFailed,
            "the data could not be authenticated: it, its context, its AAD or its key is not what it was made with",
        )
    }

    /// [`Error::authentication_failed`], with what only the audit trail is told: the rule of `docs/envelope.md` §7.
    pub(crate) fn unauthentic(rule: &'static str) -> Self {
        let mut error = Self::authentication_failed();
        error.edit(|inner| inner.audit_detail = Some(rule));
        error
    }

    pub(crate) fn audit_detail(&self) -> Option<&'static str> {
        self.0.audit_detail
    }

    pub(crate) fn buffer_too_small(needed: usize, given: usize) -> Self {
        let mut inner =
            Self::new(ErrorCode::BufferTooSmall, format!("the output needs {needed} bytes, the buffer has {given}"));
        inner.edit(|inner| inner.needed_length = Some(needed));
        inner
    }

    /// An invalid configuration, with the path of the field.
    pub(crate) fn config(field: impl Into<String>, message: impl fmt::Display) -> Self {
        let field = field.into();
        Self::new(ErrorCode::InvalidConfig, format!("{field}: {message}")).with_field(field)
    }

    pub(crate) fn with_field(mut self, field: impl Into<String>) -> Self {
        self.edit(|inner| inner.field = Some(field.into()));
        self
    }

    pub(crate) fn with_kms(mut self, kms: KmsCall) -> Self {
        self.edit(|inner| inner.kms = Some(kms));
        self
    }

    fn edit(&mut self, change: impl FnOnce(&mut Inner)) {
        change(Arc::make_mut(&mut self.0));
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code().name(), self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Error");
        debug.field("code", &self.0.code).field("message", &self.0.message);
        if let Some(field) = &self.0.field {
            debug.field("field", field);
        }
        if let Some(kms) = &self.0.kms {
            debug.field("kms", kms);
        }
        debug.finish()
    }
}

impl std::error::Error for Error {}

impl PartialEq<ErrorCode> for Error {
    fn eq(&self, code: &ErrorCode) -> bool {
        self.code() == *code
    }
}
