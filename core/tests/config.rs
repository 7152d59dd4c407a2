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

fn binding(more: &str) -> String {
    let keys =
        r#"[{"id": "k1", "provider": "local", "path": "1.key"}, {"id": "k2", "provider": "local", "path": "2.key"}]"#;
    config(&format!(
        r#", "bindings": [{{"id": "b", "owner": "o", "selector": {{"organization_id": "x"}}, "keys": {keys}{more}}}]"#
    ))
}

#[test]
fn what_would_weaken_a_binding_silently_is_refused() {
    for count in [0, 3, 11] {
        refused(&binding(&format!(r#", "min_wraps": {count}"#)), Some("bindings[0].min_wraps"));
    }
    for state in ["pending", "retired"] {
        refused(&binding(&format!(r#", "enforced": true, "state": "{state}""#)), Some("bindings[0].enforced"));
    }
    refused(&binding(r#", "failover": "always""#), Some("bindings[0].failover"));
    for more in [
        r#", "min_wraps": 1"#,
        r#", "min_wraps": 2"#,
        r#", "failover": "on_refusal""#,
        r#", "enforced": true"#,
        r#", "enforced": true, "state": "suspended""#,
        r#", "enforced": false, "state": "retired""#,
    ] {
        assert!(Config::from_json(&binding(more), Path::new("")).is_ok(), "{more}");
    }
}

#[test]
fn a_shred_item_is_a_name_that_a_context_can_have() {
    for name in ["", "aws:region", "libvault:x", "tab\\t"] {
        refused(&config(&format!(r#", "shred_items": ["user_id", "{name}"]"#)), Some("shred_items[1]"));
    }
    assert!(Config::from_json(&config(r#", "shred_items": ["user_id"]"#), Path::new("")).is_ok());
}
