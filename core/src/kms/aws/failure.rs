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
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use crate::error::ErrorCode;
use crate::kms::network::Carried;
use crate::kms::{KmsFailure, bounded, causes, plain_word, root_cause};

/// `service`: who was asked, for the message.
pub(super) fn from_sdk<E>(error: &SdkError<E, HttpResponse>, service: &str) -> KmsFailure
where
    E: ProvideErrorMetadata + RequestId + StdError + 'static,
{
    if let Some(cause) = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        return of_credentials(cause);
    }
    if let Some(failure) = Carried::in_error(error) {
        return failure.clone();
    }
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let metadata = answer.err().meta();
            let (code, hint) = classify(metadata.code(), metadata.message(), status);
            let what = match metadata.code().and_then(plain_word) {
                Some(name) => format!("{service} answered {name} (status {status}){hint}"),
                None => format!("{service} answered with status {status} and no error type"),
            };
            KmsFailure {
                code,
                message: what,
                request_id: answer.err().request_id().map(bounded),
                retry_after: retry_after(answer.raw()),
            }
        }
        SdkError::TimeoutError(_) => {
            KmsFailure::new(ErrorCode::Timeout, format!("{service} did not answer within the deadline"))
        }
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            KmsFailure::new(ErrorCode::KmsUnavailable, format!("{service}'s answer (status {status}) makes no sense"))
        }
        _ => {
            KmsFailure::new(ErrorCode::KmsUnavailable, format!("the request could not be made: {}", root_cause(error)))
        }
    }
}

/// The code, and what else there is to say.
fn classify(name: Option<&str>, text: Option<&str>, status: u16) -> (ErrorCode, &'static str) {
    use ErrorCode::*;
    let text = text.unwrap_or_default().to_ascii_lowercase();
    // The service has one error for several key states (and the disabled one for keys pending deletion too); only its text tells them apart.
    let pending_deletion = text.contains("pending") && text.contains("deletion");
    // Nobody's refusal: it says that a request comes from another time.
    let is_skewed = text.contains("signature expired") || text.contains("signature not yet current");
    let code = match name {
        Some("DisabledException" | "KMSInvalidStateException") if pending_deletion => KeyPendingDeletion,
        Some("DisabledException") => KeyDisabled,
        // A key that is being made will be there soon.
        Some("KMSInvalidStateException") if text.contains("creating") || text.contains("updating") => KmsUnavailable,
        // Key material deleted or its key store disconnected: acts of the customer, so a refusal, from which nothing fails over.
        Some("KMSInvalidStateException") => KeyDisabled,
        Some("NotFoundException") => KeyNotFound,
        Some("InvalidCiphertextException" | "IncorrectKeyException") => AuthenticationFailed,
        Some("InvalidSignatureException" | "SignatureDoesNotMatch") if is_skewed => return (KmsUnavailable, CLOCK),
        Some("RequestExpired" | "RequestTimeTooSkewed") => return (KmsUnavailable, CLOCK),
        Some("RegionDisabledException") => return (AccessDenied, ": STS is not activated in the key's region"),
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
            | "InvalidKeyUsageException"
            | "IDPRejectedClaim"
            | "InvalidIdentityToken",
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
    (code, "")
}

const NO_CREDENTIALS: &str = "no AWS credentials could be loaded";
const CLOCK: &str = ": is this machine's clock right?";

/// Without credentials there is nothing to ask; a source of credentials that is down is not a refusal.
fn of_credentials(error: &CredentialsError) -> KmsFailure {
    let answered = causes(error).find_map(|cause| {
        // A profile or the environment names a role of the vendor's own.
        let role = cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>();
        let web = || cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>();
        role.map(|error| from_sdk(error, "STS")).or_else(|| web().map(|error| from_sdk(error, "STS")))
    });
    if let Some(failure) = answered {
        return KmsFailure { message: format!("{NO_CREDENTIALS}: {}", failure.message), ..failure };
    }
    let ours = Carried::in_error(error);
    let code = match (error, ours) {
        (_, Some(ours)) if ours.code == ErrorCode::AccessDenied => ErrorCode::AccessDenied,
        (CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_), _) => ErrorCode::KmsUnavailable,
        _ => ErrorCode::AccessDenied,
    };
    match ours {
        Some(ours) => KmsFailure::new(code, format!("{NO_CREDENTIALS}: {}", ours.message)),
        None => KmsFailure::new(code, NO_CREDENTIALS),
    }
}

/// Seconds, as load balancers send it (RFC 9110 §10.2.3); a date is not worth a parser.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    response.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
