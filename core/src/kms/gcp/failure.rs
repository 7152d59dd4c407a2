//! What Google answers, in the words of the error table.
//!
//! Sources: Google Cloud API design guide, "Errors" (`google.rpc.Code`, `ErrorInfo`, `PreconditionFailure`, `RetryInfo`, `RequestInfo`); Service Usage's
//! `ErrorReason`; Cloud KMS, "Key states". The service's own text is left out: it holds the names of projects, keys and accounts.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::error::ErrorCode;
use crate::kms::network::Reply;
use crate::kms::{KmsFailure, bounded, plain_word};

/// What a key was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Encrypt,
    Decrypt,
}

/// A refusal or fault of Cloud KMS.
pub(super) fn from_kms(operation: Operation, reply: &Reply) -> KmsFailure {
    let status = Status::read(reply);
    let (code, remark) = status.classify(operation);
    status.failure("the KMS", code, remark)
}

/// A refusal or fault of a service that gives out tokens: what is refused there is the vendor's identity, or its right to act as a customer's service account.
pub(super) fn from_token_service(reply: &Reply) -> KmsFailure {
    let status = Status::read(reply);
    let code = match status.http {
        _ if status.is_rate_limit() => ErrorCode::Throttled,
        // Google's documentation of OAuth errors asks to try again.
        _ if status.code.as_deref() == Some("internal_failure") => ErrorCode::KmsUnavailable,
        400 | 401 | 403 | 404 => ErrorCode::AccessDenied,
        429 => ErrorCode::Throttled,
        _ => ErrorCode::KmsUnavailable,
    };
    status.failure("the service that gives out tokens", code, "")
}

/// `google.rpc.Status` as far as it tells something, or an OAuth error (RFC 6749 §5.2).
#[derive(Default)]
struct Status {
    http: u16,
    code: Option<String>,
    text: String,
    /// Of `ErrorInfo`.
    reason: Option<String>,
    /// Of `PreconditionFailure`, such as `KEY_DISABLED`.
    violation: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Body {
    error: Value,
}

impl Status {
    fn read(reply: &Reply) -> Self {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        // Seconds, as load balancers send it (RFC 9110 §10.2.3); a date is not worth a parser.
        let retry_after = header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut status = Self { http: reply.status.as_u16(), retry_after, ..Self::default() };
        let Ok(Body { error }) = serde_json::from_slice(&reply.body) else { return status };
        if let Some(oauth) = error.as_str() {
            status.code = plain_word(oauth).map(str::to_owned);
            return status;
        }
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_word = |text: &String| plain_word(text).is_some();
        status.code = text(&error, "status").filter(is_word);
        status.text = text(&error, "message").unwrap_or_default();
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            match text(detail, "@type").unwrap_or_default().rsplit('.').next().unwrap_or_default() {
                "ErrorInfo" => status.reason = text(detail, "reason").filter(is_word),
                "PreconditionFailure" => {
                    let first = detail.get("violations").and_then(|violations| violations.get(0));
                    status.violation = first.and_then(|first| text(first, "type")).filter(is_word);
                }
                "RequestInfo" => status.request_id = text(detail, "requestId").map(|id| bounded(&id)),
                "RetryInfo" if status.retry_after.is_none() => {
                    status.retry_after = text(detail, "retryDelay").and_then(|delay| seconds(&delay));
                }
                _ => {}
            }
        }
        status
    }

    fn classify(&self, operation: Operation) -> (ErrorCode, &'static str) {
        use ErrorCode::*;
        // Acts of whoever owns the project, whichever code they come with.
        if let Some("BILLING_DISABLED" | "SERVICE_DISABLED" | "CONSUMER_INVALID" | "CONSUMER_SUSPENDED") =
            self.reason.as_deref()
        {
            return (AccessDenied, "");
        }
        if self.is_rate_limit() {
            return (Throttled, "");
        }
        match self.code.as_deref() {
            Some("UNAUTHENTICATED" | "PERMISSION_DENIED") => (AccessDenied, ""),
            Some("NOT_FOUND") => (KeyNotFound, ""),
            Some("FAILED_PRECONDITION") => self.key_state(),
            Some("RESOURCE_EXHAUSTED") => (Throttled, ""),
            // A checksum of ours that does not fit what arrived: the request was damaged on its way.
            Some("INVALID_ARGUMENT")
                if self.text.to_ascii_lowercase().contains("checksum") || self.text.contains("crc32c") =>
            {
                (KmsUnavailable, ": the request did not arrive as it was sent")
            }
            // Whatever is wrong with a ciphertext or its authenticated data; nothing else in such a request can be wrong.
            Some("INVALID_ARGUMENT") if operation == Operation::Decrypt => (AuthenticationFailed, ""),
            Some("INVALID_ARGUMENT") => (Internal, ": is it a key for symmetric encryption (ENCRYPT_DECRYPT)?"),
            // UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, ABORTED, CANCELLED, UNKNOWN and whatever is yet to come.
            Some(_) => (KmsUnavailable, ""),
            None if matches!(self.http, 401 | 403) => (AccessDenied, ""),
            None if self.http == 429 => (Throttled, ""),
            // A page of some front end or proxy says nothing about the key.
            None => (KmsUnavailable, ""),
        }
    }

    /// By the state of the key's version, which the details name, or else the text.
    fn key_state(&self) -> (ErrorCode, &'static str) {
        use ErrorCode::*;
        let of_details = self.violation.as_deref().and_then(|kind| kind.strip_prefix("KEY_"));
        let of_text =
            || self.text.rsplit_once("current state is").map(|(_, state)| state.trim_matches([':', '.', ' ']));
        match of_details.or_else(of_text) {
            Some("DESTROY_SCHEDULED" | "PENDING_EXTERNAL_DESTRUCTION") => {
                (KeyPendingDeletion, ": its version is scheduled for destruction")
            }
            // Nothing brings it back: as if it had never been.
            Some("DESTROYED" | "EXTERNAL_DESTRUCTION_FAILED") => (KeyNotFound, ": its version is destroyed"),
            // It will be there soon.
            Some("PENDING_GENERATION") => (KmsUnavailable, ": its version is being generated"),
            Some("DISABLED") => (KeyDisabled, ": its version is disabled"),
            // Not imported, no primary version, not for this purpose: acts of the customer, so a refusal, from which nothing fails over.
            _ => (KeyDisabled, ": it has no version that can be used"),
        }
    }

    /// Quotas are answered with 403 too.
    fn is_rate_limit(&self) -> bool {
        matches!(self.reason.as_deref(), Some("RATE_LIMIT_EXCEEDED" | "RESOURCE_QUOTA_EXCEEDED"))
    }

    fn failure(self, who: &str, code: ErrorCode, remark: &str) -> KmsFailure {
        let http = self.http;
        let message = match (self.code, self.reason) {
            (Some(code), Some(reason)) => format!("{who} answered {code}, {reason} (status {http}){remark}"),
            (Some(code), None) => format!("{who} answered {code} (status {http}){remark}"),
            (None, _) if (300..400).contains(&http) => {
                format!("{who} answered with a redirect (status {http}), which is not followed")
            }
            (None, _) => format!("{who} answered with status {http} and no error that makes sense"),
        };
        KmsFailure { code, message, request_id: self.request_id, retry_after: self.retry_after }
    }
}

/// A duration as JSON has it: `"1.5s"`.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests;
