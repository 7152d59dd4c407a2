use super::*;

/// Every error in the SDK's models of Encrypt, Decrypt, DescribeKey, AssumeRole and AssumeRoleWithWebIdentity, and those that the API references name
/// for all actions. `docs/configuration.md` has the same table for people.
const DOCUMENTED: [(&str, ErrorCode); 46] = {
    use ErrorCode::*;
    [
        ("DependencyTimeoutException", Timeout),
        ("DisabledException", KeyDisabled),
        ("DryRunOperationException", KmsUnavailable),
        ("IncorrectKeyException", AuthenticationFailed),
        ("InvalidArnException", KmsUnavailable),
        ("InvalidCiphertextException", AuthenticationFailed),
        ("InvalidGrantTokenException", AccessDenied),
        ("InvalidKeyUsageException", AccessDenied),
        ("KeyUnavailableException", KmsUnavailable),
        ("KMSInternalException", KmsUnavailable),
        ("KMSInvalidStateException", KeyDisabled),
        ("LimitExceededException", Throttled),
        ("NotFoundException", KeyNotFound),
        ("ExpiredTokenException", AccessDenied),
        ("IDPCommunicationError", KmsUnavailable),
        ("IDPRejectedClaim", AccessDenied),
        ("InvalidIdentityToken", AccessDenied),
        ("MalformedPolicyDocument", KmsUnavailable),
        ("PackedPolicyTooLarge", KmsUnavailable),
        ("RegionDisabledException", AccessDenied),
        ("AccessDenied", AccessDenied),
        ("AccessDeniedException", AccessDenied),
        ("ExpiredToken", AccessDenied),
        ("IncompleteSignature", AccessDenied),
        ("InternalFailure", KmsUnavailable),
        ("InvalidAction", KmsUnavailable),
        ("InvalidClientTokenId", AccessDenied),
        ("InvalidSignatureException", AccessDenied),
        ("MalformedHttpRequestException", KmsUnavailable),
        ("MissingAuthenticationToken", AccessDenied),
        ("NotAuthorized", AccessDenied),
        ("OptInRequired", AccessDenied),
        ("RequestAbortedException", KmsUnavailable),
        ("RequestEntityTooLargeException", KmsUnavailable),
        ("RequestExpired", KmsUnavailable),
        ("RequestTimeTooSkewed", KmsUnavailable),
        ("RequestTimeoutException", KmsUnavailable),
        ("ServiceUnavailable", KmsUnavailable),
        ("SignatureDoesNotMatch", AccessDenied),
        ("Throttling", Throttled),
        ("ThrottlingException", Throttled),
        ("TooManyRequestsException", Throttled),
        ("UnrecognizedClientException", AccessDenied),
        ("UnknownOperationException", KmsUnavailable),
        ("ValidationError", KmsUnavailable),
        ("ValidationException", KmsUnavailable),
    ]
};

#[test]
fn every_documented_error_has_its_code() {
    for (name, code) in DOCUMENTED {
        assert_eq!(classify(Some(name), None, 400).0, code, "{name}");
    }
}

#[test]
fn what_only_the_text_tells_is_told_apart() {
    use ErrorCode::*;
    let key = "arn:aws:kms:eu-central-1:111122223333:key/x";
    for (name, text, code) in [
        ("KMSInvalidStateException", "is pending deletion.", KeyPendingDeletion),
        ("KMSInvalidStateException", "is pending replica deletion.", KeyPendingDeletion),
        ("DisabledException", "is pending deletion.", KeyPendingDeletion),
        ("DisabledException", "is disabled.", KeyDisabled),
        ("KMSInvalidStateException", "is pending import.", KeyDisabled),
        ("KMSInvalidStateException", "is unavailable.", KeyDisabled),
        ("KMSInvalidStateException", "is creating.", KmsUnavailable),
        ("KMSInvalidStateException", "is updating.", KmsUnavailable),
    ] {
        assert_eq!(classify(Some(name), Some(&format!("{key} {text}")), 400).0, code, "{name} {text}");
    }
}

/// The machine's clock is wrong, and no customer has refused anything.
#[test]
fn a_wrong_clock_is_an_outage_and_is_named() {
    for (name, text) in [
        ("InvalidSignatureException", "Signature expired: 20200101T000000Z is now earlier than 20261126T000000Z"),
        (
            "InvalidSignatureException",
            "Signature not yet current: 20300101T000000Z is still later than 20261126T000000Z",
        ),
        ("SignatureDoesNotMatch", "Signature expired: 20200101T000000Z is now earlier than 20261126T000000Z"),
        ("RequestExpired", "Request has expired."),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    ] {
        let (code, hint) = classify(Some(name), Some(text), 403);
        assert_eq!(code, ErrorCode::KmsUnavailable, "{name}");
        assert!(hint.contains("clock"), "{name}");
    }
}

#[test]
fn without_a_known_name_the_status_decides() {
    use ErrorCode::*;
    assert_eq!(classify(Some("SomethingNew"), None, 403).0, AccessDenied, "a refusal is never taken for an outage");
    assert_eq!(classify(Some("SomethingNew"), None, 500).0, KmsUnavailable);
    for (status, code) in
        [(401, AccessDenied), (403, AccessDenied), (429, Throttled), (302, KmsUnavailable), (503, KmsUnavailable)]
    {
        assert_eq!(classify(None, None, status).0, code, "{status}");
    }
}
