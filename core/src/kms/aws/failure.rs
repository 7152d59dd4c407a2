//! What AWS answers, in the words of the error table.
//!
//! Sources: AWS KMS API reference, "Common errors" and the errors of `Encrypt` and `Decrypt`; AWS KMS developer guide, "Key states of AWS KMS keys".
//! The service's own text is left out: it holds account numbers and role names.

use std::error::Error as StdError;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;

use crate::error::ErrorCode;
use crate::kms::{KmsFailure, bounded, causes, root_cause};

pub(super) fn from_sdk<E>(error: SdkError<E, HttpResponse>) -> KmsFailure
where
    E: ProvideErrorMetadata + RequestId + StdError + 'static,
{
    if let Some(failure) = credentials_failure(&error) {
        return failure;
    }
    match &error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let metadata = service.err().meta();
            let (code, message) = classify(metadata.code(), metadata.message(), status);
            KmsFailure {
                code,
                message,
                request_id: service.err().request_id().map(bounded),
                retry_after: retry_after(service.raw()),
            }
        }
        SdkError::TimeoutError(_) => KmsFailure::new(ErrorCode::Timeout, "the KMS did not answer within the deadline"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            KmsFailure::new(ErrorCode::Timeout, "the KMS could not be connected to within the deadline")
        }
        SdkError::DispatchFailure(_) => {
            let message = format!("the KMS could not be reached: {}", root_cause(&error));
            KmsFailure::new(ErrorCode::KmsUnavailable, message)
        }
        SdkError::ResponseError(response) => {
            let message = format!("the KMS's answer (status {}) makes no sense", response.raw().status().as_u16());
            KmsFailure::new(ErrorCode::KmsUnavailable, message)
        }
        _ => {
            KmsFailure::new(ErrorCode::KmsUnavailable, format!("the request could not be made: {}", root_cause(&error)))
        }
    }
}

fn classify(name: Option<&str>, text: Option<&str>, status: u16) -> (ErrorCode, String) {
    use ErrorCode::*;
    let text = text.unwrap_or_default().to_ascii_lowercase();
    // The service has one error for several key states (and the disabled one for keys pending deletion too); only its text tells them apart.
    let pending_deletion = text.contains("pending") && text.contains("deletion");
    let code = match name {
        Some("DisabledException" | "KMSInvalidStateException") if pending_deletion => KeyPendingDeletion,
        Some("DisabledException") => KeyDisabled,
        // A key that is being made will be there soon.
        Some("KMSInvalidStateException") if text.contains("creating") || text.contains("updating") => KmsUnavailable,
        // Key material deleted or its key store disconnected: acts of the customer, so a refusal, from which nothing fails over.
        Some("KMSInvalidStateException") => KeyDisabled,
        Some("NotFoundException") => KeyNotFound,
        Some("InvalidCiphertextException" | "IncorrectKeyException") => AuthenticationFailed,
        Some(
            "AccessDeniedException"
            | "AccessDenied"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "InvalidClientTokenId"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "NotAuthorized"
            | "OptInRequired"
            | "InvalidGrantTokenException"
            | "InvalidKeyUsageException",
        ) => AccessDenied,
        Some(
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "SlowDown",
        ) => Throttled,
        Some("DependencyTimeoutException") => Timeout,
        Some(_) if status == 403 => AccessDenied,
        // KeyUnavailableException, KMSInternalException, ServiceUnavailable and whatever is yet to come.
        Some(_) => KmsUnavailable,
        None if matches!(status, 401 | 403) => AccessDenied,
        None if status == 429 => Throttled,
        None => KmsUnavailable,
    };
    let what = match name {
        Some(name) => format!("the KMS answered {} (status {status})", bounded(name)),
        None => format!("the KMS answered with status {status} and no error type"),
    };
    (code, what)
}

/// Without credentials there is nothing to ask; a source of credentials that is down is not a refusal.
fn credentials_failure(error: &(dyn StdError + 'static)) -> Option<KmsFailure> {
    let cause = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
    let code = match cause {
        CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_) => ErrorCode::KmsUnavailable,
        _ => ErrorCode::AccessDenied,
    };
    Some(KmsFailure::new(code, "no AWS credentials could be loaded"))
}

/// Seconds, as load balancers send it (RFC 9110 §10.2.3); a date is not worth a parser.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    response.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every error that the API reference names for Encrypt, Decrypt and all actions.
    #[test]
    fn every_documented_error_has_its_code() {
        use ErrorCode::*;
        for (name, code) in [
            ("DependencyTimeoutException", Timeout),
            ("DisabledException", KeyDisabled),
            ("DryRunOperationException", KmsUnavailable),
            ("IncorrectKeyException", AuthenticationFailed),
            ("InvalidCiphertextException", AuthenticationFailed),
            ("InvalidGrantTokenException", AccessDenied),
            ("InvalidKeyUsageException", AccessDenied),
            ("KeyUnavailableException", KmsUnavailable),
            ("KMSInternalException", KmsUnavailable),
            ("KMSInvalidStateException", KeyDisabled),
            ("NotFoundException", KeyNotFound),
            ("AccessDeniedException", AccessDenied),
            ("ExpiredTokenException", AccessDenied),
            ("IncompleteSignature", AccessDenied),
            ("InternalFailure", KmsUnavailable),
            ("MalformedHttpRequestException", KmsUnavailable),
            ("NotAuthorized", AccessDenied),
            ("OptInRequired", AccessDenied),
            ("RequestAbortedException", KmsUnavailable),
            ("RequestExpired", KmsUnavailable),
            ("ServiceUnavailable", KmsUnavailable),
            ("ThrottlingException", Throttled),
            ("UnrecognizedClientException", AccessDenied),
            ("UnknownOperationException", KmsUnavailable),
            ("ValidationError", KmsUnavailable),
        ] {
            assert_eq!(classify(Some(name), None, 400).0, code, "{name}");
        }
        let pending = "arn:aws:kms:eu-central-1:111122223333:key/x is pending deletion.";
        let (code, message) = classify(Some("KMSInvalidStateException"), Some(pending), 400);
        assert_eq!(code, KeyPendingDeletion);
        assert!(!message.contains("1111"), "the service's text stays out");
        assert_eq!(classify(Some("SomethingNew"), None, 403).0, AccessDenied, "a refusal is never taken for an outage");
        assert_eq!(classify(None, None, 403).0, AccessDenied);
        let replica = "arn:aws:kms:eu-central-1:111122223333:key/x is pending replica deletion.";
        assert_eq!(classify(Some("KMSInvalidStateException"), Some(replica), 400).0, KeyPendingDeletion);
        assert_eq!(classify(Some("KMSInvalidStateException"), Some("x is creating."), 400).0, KmsUnavailable);
        assert_eq!(classify(None, None, 429).0, Throttled);
        assert_eq!(classify(None, None, 503).0, KmsUnavailable);
    }
}
