use reqwest::StatusCode;

use super::*;

/// Every error that the documentation and public reports name for wrapping and unwrapping.
#[test]
fn every_documented_error_has_its_code() {
    use ErrorCode::*;
    for (status, code, inner, wrapping, unwrapping) in [
        (400, "BadParameter", "", AccessDenied, AuthenticationFailed),
        (400, "BadRequest", "", KmsUnavailable, KmsUnavailable),
        (401, "Unauthorized", "", AccessDenied, AccessDenied),
        (401, "Unauthorized", "AKV10032", AccessDenied, AccessDenied),
        (403, "Forbidden", "", AccessDenied, AccessDenied),
        (403, "Forbidden", "AccessDenied", AccessDenied, AccessDenied),
        (403, "Forbidden", "ForbiddenByPolicy", AccessDenied, AccessDenied),
        (403, "Forbidden", "ForbiddenByRbac", AccessDenied, AccessDenied),
        (403, "Forbidden", "ForbiddenByFirewall", AccessDenied, AccessDenied),
        (403, "Forbidden", "ForbiddenByConnection", AccessDenied, AccessDenied),
        (403, "Forbidden", "KeyOperationForbidden", AccessDenied, AccessDenied),
        (403, "Forbidden", "KeyDisabled", KeyDisabled, KeyDisabled),
        (403, "Forbidden", "KeyExpired", KeyDisabled, KeyDisabled),
        (403, "Forbidden", "KeyNotYetValid", KeyDisabled, KeyDisabled),
        (403, "KeyDisabled", "", KeyDisabled, KeyDisabled),
        (404, "KeyNotFound", "", KeyNotFound, KeyNotFound),
        (404, "VaultNotFound", "", KeyNotFound, KeyNotFound),
        (404, "NotFound", "", KmsUnavailable, KmsUnavailable),
        (404, "", "", KmsUnavailable, KmsUnavailable),
        (408, "", "", Timeout, Timeout),
        (409, "Conflict", "ObjectIsBeingDeleted", KeyPendingDeletion, KeyPendingDeletion),
        (409, "Conflict", "ObjectIsDeletedButRecoverable", KeyPendingDeletion, KeyPendingDeletion),
        (409, "Conflict", "", KmsUnavailable, KmsUnavailable),
        (429, "Throttled", "", Throttled, Throttled),
        (429, "", "", Throttled, Throttled),
        (302, "", "", KmsUnavailable, KmsUnavailable),
        (500, "InternalServerError", "", KmsUnavailable, KmsUnavailable),
        (502, "", "", KmsUnavailable, KmsUnavailable),
        (503, "ServiceUnavailable", "", KmsUnavailable, KmsUnavailable),
        (504, "", "", Timeout, Timeout),
    ] {
        let body = match (code, inner) {
            ("", _) => "<html>nothing</html>".to_owned(),
            (code, "") => format!(r#"{{"error":{{"code":"{code}","message":"of app 1111 in tenant 2222"}}}}"#),
            (code, inner) => {
                format!(r#"{{"error":{{"code":"{code}","message":"of app 1111","innererror":{{"code":"{inner}"}}}}}}"#)
            }
        };
        let mut headers = Headers::new();
        headers.insert(REQUEST_ID, "b7f4");
        let response = RawResponse::from_bytes(status.into(), headers, body);
        for (operation, expected) in [(Operation::Wrap, wrapping), (Operation::Unwrap, unwrapping)] {
            let failure = of_vault(status, Some(&response), operation);
            assert_eq!(failure.code, expected, "{status} {code} {inner} {operation:?}");
            assert_eq!(failure.request_id.as_deref(), Some("b7f4"));
            assert!(!failure.message.contains("1111"), "the service's text stays out: {}", failure.message);
            assert!(failure.message.contains(inner) && failure.message.contains(code), "{}", failure.message);
        }
    }
}

#[test]
fn what_is_no_code_stays_out_of_messages() {
    let body = r#"{"error":{"code":"Forbidden for app 1111","innererror":{"code":"x\ny"}}}"#;
    let response = RawResponse::from_bytes(403.into(), Headers::new(), body);
    let failure = of_vault(403, Some(&response), Operation::Wrap);
    assert_eq!(failure.message, "the KMS answered no error code, status 403");
    let deep = r#"{"error":{"code":"Forbidden","innererror":{"code":"A","innererror":{"code":"KeyDisabled"}}}}"#;
    let response = RawResponse::from_bytes(403.into(), Headers::new(), deep);
    assert_eq!(of_vault(403, Some(&response), Operation::Wrap).code, ErrorCode::KeyDisabled);
}

#[test]
fn a_refusal_of_the_token_endpoint_is_told_from_its_outage() {
    use ErrorCode::*;
    for (status, body, code) in [
        (400, r#"{"error":"unauthorized_client","error_codes":[700016]}"#, AccessDenied),
        (400, r#"{"error":"invalid_request","error_codes":[90002]}"#, AccessDenied),
        (401, r#"{"error":"invalid_client","error_codes":[7000215],"error_description":"app 1111"}"#, AccessDenied),
        (401, r#"{"error":"invalid_client","error_codes":[7000222]}"#, AccessDenied),
        (401, r#"{"error":"invalid_client","error_codes":[700027]}"#, AccessDenied),
        (403, "", AccessDenied),
        (400, r#"{"error":"temporarily_unavailable","error_codes":[90033]}"#, KmsUnavailable),
        (302, "", KmsUnavailable),
        (404, "", KmsUnavailable),
        (410, "", KmsUnavailable),
        (429, "", Throttled),
        (500, "<html>", KmsUnavailable),
        (503, r#"{"error":"temporarily_unavailable"}"#, KmsUnavailable),
        (504, "", Timeout),
    ] {
        let headers = HeaderMap::from_iter([
            (reqwest::header::RETRY_AFTER, "7".parse().unwrap()),
            ("x-ms-request-id".parse().unwrap(), "b7f4".parse().unwrap()),
        ]);
        let reply = Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into() };
        let failure = of_token_endpoint(&reply);
        assert_eq!(failure.code, code, "{status} {body}");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(failure.request_id.as_deref(), Some("b7f4"));
        assert!(!failure.message.contains("1111"), "{}", failure.message);
    }
}

#[test]
fn the_most_precise_retry_after_counts() {
    let read = |headers: &[(&'static str, &'static str)]| {
        retry_after(|name| headers.iter().find(|(found, _)| *found == name).map(|(_, value)| *value))
    };
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
    assert_eq!(read(&[("retry-after", "3"), ("x-ms-retry-after-ms", "1500")]), Some(Duration::from_millis(1500)));
    assert_eq!(read(&[("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")]), None);
    assert_eq!(read(&[("retry-after", "-1")]), None);
}
