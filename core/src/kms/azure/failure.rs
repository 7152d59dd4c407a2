//! What Azure answers, in the words of the error table.
//!
//! Sources: Key Vault, "Authentication, requests and responses" and "REST API error codes"; Microsoft identity platform, "Authentication and authorization
//! error codes". The services' own texts are left out: they hold names of applications, tenants and addresses.

use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::RawResponse;
use azure_core::http::headers::{HeaderName, Headers};
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::error::ErrorCode;
use crate::kms::network::{Carried, Reply};
use crate::kms::{KmsFailure, bounded, causes, plain_word};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
pub(super) const REGION: HeaderName = HeaderName::from_static("x-ms-keyvault-region");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Wrap,
    Unwrap,
}

pub(super) fn from_sdk(error: azure_core::Error, operation: Operation) -> KmsFailure {
    if let Some(failure) = Carried::in_error(&error) {
        return failure.clone();
    }
    for cause in causes(&error) {
        if let Some(error) = cause.downcast_ref::<azure_core::Error>()
            && let ErrorKind::HttpResponse { status, raw_response, .. } = error.kind()
        {
            return of_vault(**status, raw_response.as_deref(), operation);
        }
    }
    let message = match error.kind() {
        ErrorKind::DataConversion => "the KMS's answer makes no sense",
        _ => "the request could not be made",
    };
    KmsFailure::new(ErrorCode::KmsUnavailable, message)
}

/// Why there is no token.
pub(super) fn of_token(error: azure_core::Error) -> KmsFailure {
    let senseless = "no Azure token could be got: the answer of where it comes from makes no sense";
    Carried::in_error(&error).cloned().unwrap_or_else(|| KmsFailure::new(ErrorCode::KmsUnavailable, senseless))
}

fn of_vault(status: u16, response: Option<&RawResponse>, operation: Operation) -> KmsFailure {
    let body = response.map(|response| response.body().as_ref()).unwrap_or_default();
    let (code, inner) = codes(body);
    let (error, message) = classify(status, code.as_deref(), inner.as_deref(), operation);
    let header = |name: HeaderName| response.and_then(|response| response.headers().get_optional_string(&name));
    KmsFailure {
        code: error,
        message,
        request_id: header(REQUEST_ID).map(|id| bounded(&id)),
        retry_after: response.and_then(|response| retry_after(|name| text(response.headers(), name))),
    }
}

fn text<'a>(headers: &'a Headers, name: &'static str) -> Option<&'a str> {
    headers.get_optional_str(&HeaderName::from_static(name))
}

/// The outer and the innermost code of an error in the body.
fn codes(body: &[u8]) -> (Option<String>, Option<String>) {
    #[derive(Deserialize)]
    struct Outer {
        error: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        code: Option<String>,
        innererror: Option<Box<Named>>,
    }
    let Ok(Outer { error }) = serde_json::from_slice(body) else { return (None, None) };
    let mut innermost = error.innererror;
    while let Some(deeper) = innermost.as_mut().and_then(|named| named.innererror.take()) {
        innermost = Some(deeper);
    }
    // A code is one word: what is none is text, and stays out.
    let word = |code: Option<String>| code.filter(|code| plain_word(code).is_some());
    (word(error.code), word(innermost.and_then(|named| named.code)))
}

fn classify(status: u16, code: Option<&str>, inner: Option<&str>, operation: Operation) -> (ErrorCode, String) {
    use ErrorCode::*;
    let error = match (status, inner.or(code), code) {
        (_, Some("KeyDisabled"), _) => KeyDisabled,
        // Outside the time that the customer set: as good as disabled.
        (403, Some("KeyExpired" | "KeyNotYetValid"), _) => KeyDisabled,
        (_, Some("ObjectIsBeingDeleted" | "ObjectIsDeletedButRecoverable"), _) => KeyPendingDeletion,
        // A key in soft deletion is not found either: only who may list deleted keys could tell.
        (404, _, Some("KeyNotFound" | "VaultNotFound" | "ResourceNotFound")) => KeyNotFound,
        (401 | 403, ..) => AccessDenied,
        (429, ..) => Throttled,
        (400, _, Some("BadParameter")) if operation == Operation::Unwrap => AuthenticationFailed,
        // A key of a kind that cannot do it.
        (400, _, Some("BadParameter")) => AccessDenied,
        (408 | 504, ..) => Timeout,
        // Also redirects: they are not followed.
        _ => KmsUnavailable,
    };
    let named = match (code, inner) {
        (Some(code), Some(inner)) => format!("{code} ({inner})"),
        (Some(code), None) => code.to_owned(),
        _ => "no error code".to_owned(),
    };
    (error, format!("the KMS answered {named}, status {status}"))
}

/// Without a token there is nothing to ask; an endpoint that is down is not a refusal.
pub(super) fn of_token_endpoint(reply: &Reply) -> KmsFailure {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Refusal {
        error: String,
        error_codes: Vec<u64>,
    }
    let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
    let status = reply.status.as_u16();
    let code = match status {
        429 => ErrorCode::Throttled,
        408 | 504 => ErrorCode::Timeout,
        _ if refusal.error == "temporarily_unavailable" => ErrorCode::KmsUnavailable,
        // The metadata service of a machine says so while it is updated ("How to use managed identities on a VM", error handling).
        404 | 410 => ErrorCode::KmsUnavailable,
        400..=499 => ErrorCode::AccessDenied,
        _ => ErrorCode::KmsUnavailable,
    };
    let codes: Vec<String> = refusal.error_codes.iter().take(4).map(|code| format!("AADSTS{code}, ")).collect();
    KmsFailure {
        code,
        message: format!("no Azure token could be got: {}status {status}", codes.concat()),
        request_id: request_id(&reply.headers),
        retry_after: retry_after(|name| reply.headers.get(name)?.to_str().ok()),
    }
}

pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get(REQUEST_ID.as_str())?.to_str().ok().map(bounded)
}

/// Milliseconds in Azure's own headers, seconds in the standard one (RFC 9110 §10.2.3); a date is not worth a parser.
fn retry_after<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Option<Duration> {
    let number = |name| header(name)?.trim().parse::<u64>().ok();
    let precise = number("x-ms-retry-after-ms").or_else(|| number("retry-after-ms")).map(Duration::from_millis);
    precise.or_else(|| number("retry-after").map(Duration::from_secs))
}

#[cfg(test)]
mod tests;
