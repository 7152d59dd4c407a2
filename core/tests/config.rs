//! What a configuration must not be able to do.

use std::path::Path;

use libvault::{Config, ErrorCode};

fn config(extra: &str) -> String {
    format!(r#"{{"store": "vault.db", "root_key": {{"provider": "local", "path": "root.key"}}{extra}}}"#)
}

#[track_caller]
fn refused(text: &str, field: Option<&str>) -> String {
    let error = Config::from_json(text, Path::new("")).expect_err("the configuration is refused");
    assert_eq!(error.code(), ErrorCode::InvalidConfig);
    if field.is_some() {
        assert_eq!(error.field(), field);
    }
    format!("{error} {error:?}")
}

#[test]
fn an_endpoint_is_loopback_or_https_and_only_behind_the_switch() {
    let with = |endpoint: &str, allowed: bool| {
        config(&format!(r#", "aws": {{"endpoint": "{endpoint}"}}, "development": {{"allow_endpoint": {allowed}}}"#))
    };
    assert!(Config::from_json(&with("http://127.0.0.1:4599", true), Path::new("")).is_ok());
    for endpoint in
        ["http://127.0.0.1:1@evil.example", "http://localhost@evil.example/", "http://10.0.0.1", "ftp://127.0.0.1"]
    {
        refused(&with(endpoint, true), Some("aws.endpoint"));
    }
    refused(&with("http://127.0.0.1:4599", false), Some("aws.endpoint"));
}

#[test]
fn a_credential_of_the_wrong_type_is_not_quoted() {
    for aws in [r#"{"credentials": "AKIASECRET"}"#, r#""AKIASECRET""#, r#"{"secret_access_key": ["AKIASECRET"]}"#] {
        assert!(!refused(&config(&format!(r#", "aws": {aws}"#)), None).contains("AKIASECRET"), "{aws}");
    }
}

#[test]
fn nothing_may_follow_the_document_and_unknown_fields_are_named() {
    refused(&format!("{} {{}}", config("")), None);
    assert!(refused(&config(r#", "polcy": 1"#), None).contains("polcy"));
}
