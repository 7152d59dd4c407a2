use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::*;

fn reply(status: u16, body: &Value) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_string().into_bytes(),
    }
}

fn answer(http: u16, code: &str, message: &str, details: Value) -> Reply {
    reply(http, &json!({ "error": { "code": http, "status": code, "message": message, "details": details } }))
}

fn reason(reason: &str) -> Value {
    json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": { "consumer": "projects/secret-project" } }])
}

fn violation(kind: &str) -> Value {
    json!([{ "@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": [{ "type": kind, "subject": "projects/secret-project/…" }] }])
}

/// Every code of `google.rpc.Code` but OK, with every reason and state that has a meaning of its own.
#[test]
fn every_documented_error_has_its_code() {
    use ErrorCode::*;
    let text = |state: &str| {
        format!("projects/secret-project/…/cryptoKeyVersions/1 is not enabled, current state is: {state}.")
    };
    let none = || json!([]);
    for (http, status, message, details, encrypt, decrypt) in [
        (499, "CANCELLED", "", none(), KmsUnavailable, KmsUnavailable),
        (500, "UNKNOWN", "", none(), KmsUnavailable, KmsUnavailable),
        (
            400,
            "INVALID_ARGUMENT",
            "Decryption failed: the ciphertext is invalid.",
            none(),
            Internal,
            AuthenticationFailed,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "The checksum in field plaintext_crc32c did not match the data in field plaintext.",
            none(),
            KmsUnavailable,
            KmsUnavailable,
        ),
        (504, "DEADLINE_EXCEEDED", "", none(), KmsUnavailable, KmsUnavailable),
        (404, "NOT_FOUND", "CryptoKey projects/secret-project/… not found.", none(), KeyNotFound, KeyNotFound),
        (409, "ALREADY_EXISTS", "", none(), KmsUnavailable, KmsUnavailable),
        (403, "PERMISSION_DENIED", "", none(), AccessDenied, AccessDenied),
        (403, "PERMISSION_DENIED", "", reason("IAM_PERMISSION_DENIED"), AccessDenied, AccessDenied),
        (403, "PERMISSION_DENIED", "", reason("SERVICE_DISABLED"), AccessDenied, AccessDenied),
        (403, "PERMISSION_DENIED", "", reason("BILLING_DISABLED"), AccessDenied, AccessDenied),
        (403, "PERMISSION_DENIED", "", reason("CONSUMER_INVALID"), AccessDenied, AccessDenied),
        (403, "PERMISSION_DENIED", "", reason("SECURITY_POLICY_VIOLATED"), AccessDenied, AccessDenied),
        (403, "PERMISSION_DENIED", "", reason("RATE_LIMIT_EXCEEDED"), Throttled, Throttled),
        (401, "UNAUTHENTICATED", "", reason("ACCESS_TOKEN_EXPIRED"), AccessDenied, AccessDenied),
        (429, "RESOURCE_EXHAUSTED", "", none(), Throttled, Throttled),
        (429, "RESOURCE_EXHAUSTED", "", reason("RATE_LIMIT_EXCEEDED"), Throttled, Throttled),
        (400, "FAILED_PRECONDITION", "", none(), KeyDisabled, KeyDisabled),
        (400, "FAILED_PRECONDITION", "", reason("BILLING_DISABLED"), AccessDenied, AccessDenied),
        (400, "FAILED_PRECONDITION", "", violation("KEY_DISABLED"), KeyDisabled, KeyDisabled),
        (400, "FAILED_PRECONDITION", "", violation("KEY_DESTROY_SCHEDULED"), KeyPendingDeletion, KeyPendingDeletion),
        (
            400,
            "FAILED_PRECONDITION",
            "",
            violation("KEY_PENDING_EXTERNAL_DESTRUCTION"),
            KeyPendingDeletion,
            KeyPendingDeletion,
        ),
        (400, "FAILED_PRECONDITION", "", violation("KEY_DESTROYED"), KeyNotFound, KeyNotFound),
        (400, "FAILED_PRECONDITION", "", violation("KEY_PENDING_IMPORT"), KeyDisabled, KeyDisabled),
        (400, "FAILED_PRECONDITION", "", violation("KEY_PENDING_GENERATION"), KmsUnavailable, KmsUnavailable),
        (400, "FAILED_PRECONDITION", &text("DISABLED"), none(), KeyDisabled, KeyDisabled),
        (400, "FAILED_PRECONDITION", &text("DESTROY_SCHEDULED"), none(), KeyPendingDeletion, KeyPendingDeletion),
        (400, "FAILED_PRECONDITION", &text("DESTROYED"), none(), KeyNotFound, KeyNotFound),
        (409, "ABORTED", "", none(), KmsUnavailable, KmsUnavailable),
        (400, "OUT_OF_RANGE", "", none(), KmsUnavailable, KmsUnavailable),
        (501, "UNIMPLEMENTED", "", none(), KmsUnavailable, KmsUnavailable),
        (500, "INTERNAL", "", none(), KmsUnavailable, KmsUnavailable),
        (503, "UNAVAILABLE", "", none(), KmsUnavailable, KmsUnavailable),
        (500, "DATA_LOSS", "", none(), KmsUnavailable, KmsUnavailable),
        (500, "SOMETHING_NEW", "", none(), KmsUnavailable, KmsUnavailable),
    ] {
        let reply = answer(http, status, message, details);
        for (operation, code) in [(Operation::Encrypt, encrypt), (Operation::Decrypt, decrypt)] {
            let failure = from_kms(operation, &reply);
            assert_eq!(failure.code, code, "{status} {message} {operation:?}: {}", failure.message);
            assert!(!failure.message.contains("secret-project"), "the service's text stays out: {}", failure.message);
        }
    }
}

#[test]
fn what_is_no_answer_of_the_api_is_judged_by_its_status() {
    use ErrorCode::*;
    for (http, code) in [
        (301, KmsUnavailable),
        (307, KmsUnavailable),
        (400, KmsUnavailable),
        (401, AccessDenied),
        (403, AccessDenied),
        (404, KmsUnavailable),
        (429, Throttled),
        (500, KmsUnavailable),
        (503, KmsUnavailable),
    ] {
        for body in [
            json!("<html>"),
            json!({ "error": 5 }),
            json!({ "error": { "status": "project secret-project" } }),
            json!({ "error": { "details": [1, {}, { "@type": 5 }] } }),
        ] {
            let failure = from_kms(Operation::Decrypt, &reply(http, &body));
            assert_eq!(failure.code, code, "{http} {body}");
            assert!(!failure.message.contains("secret-project"), "{}", failure.message);
        }
    }
}

#[test]
fn the_pause_and_the_request_that_google_names_are_kept() {
    let details = json!([
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s" },
        { "@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "r-1\n" },
    ]);
    let mut reply = answer(429, "RESOURCE_EXHAUSTED", "", details);
    let failure = from_kms(Operation::Encrypt, &reply);
    assert_eq!(failure.retry_after, Some(Duration::from_millis(1_500)));
    assert_eq!(failure.request_id.as_deref(), Some("r-1"));
    reply.headers.insert("retry-after", "7".parse().unwrap());
    assert_eq!(
        from_kms(Operation::Encrypt, &reply).retry_after,
        Some(Duration::from_secs(7)),
        "the header comes first"
    );
    for hostile in ["-1s", "NaNs", "1e400s", "", "s"] {
        let details = json!([{ "@type": "x.RetryInfo", "retryDelay": hostile }]);
        assert_eq!(
            from_kms(Operation::Encrypt, &answer(503, "UNAVAILABLE", "", details)).retry_after,
            None,
            "{hostile}"
        );
    }
}

#[test]
fn a_refused_identity_is_not_an_outage() {
    use ErrorCode::*;
    for (http, body, code) in [
        (400, json!({ "error": "invalid_grant", "error_description": "secret-project" }), AccessDenied),
        (401, json!({ "error": "invalid_client" }), AccessDenied),
        (400, json!({ "error": "internal_failure" }), KmsUnavailable),
        (403, json!({ "error": { "status": "PERMISSION_DENIED", "message": "secret-project" } }), AccessDenied),
        (404, json!({ "error": { "status": "NOT_FOUND" } }), AccessDenied),
        (429, json!({ "error": { "status": "RESOURCE_EXHAUSTED" } }), Throttled),
        (302, json!({}), KmsUnavailable),
        (503, json!({}), KmsUnavailable),
    ] {
        let failure = from_token_service(&reply(http, &body));
        assert_eq!(failure.code, code, "{body}");
        assert!(!failure.message.contains("secret-project"), "{}", failure.message);
    }
}
