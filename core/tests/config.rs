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

#[cfg(feature = "azure")]
mod azure {
    use super::*;

    const GOOD: &str = r#""tenant_id": "72f988bf-86f1-41af-91ab-2d7cd011db47", "client_id": "app", "credentials": "client_secret", "client_secret": "AKIASECRET""#;

    fn with(azure: &str, top: &str, key: &str) -> String {
        let key = format!(r#"{{"id": "k", "provider": "azure"{key}}}"#);
        config(&format!(
            r#", "azure": {{{azure}}}{top}, "bindings": [{{"id": "b", "owner": "o", "selector": {{"organization_id": "x"}}, "keys": [{key}]}}]"#
        ))
    }

    const URL: &str = r#", "url": "https://contoso.vault.azure.net/keys/cmk""#;

    #[test]
    fn a_key_needs_somebody_who_asks_for_it() {
        assert!(Config::from_json(&with(GOOD, "", URL), Path::new("")).is_ok());
        for (azure, field) in [
            ("", "azure.credentials"),
            (r#""client_secret": "AKIASECRET""#, "azure.credentials"),
            (&GOOD.replace("72f988bf-86f1-41af-91ab-2d7cd011db47", "contoso.onmicrosoft.com"), "azure.tenant_id"),
            (&GOOD.replace("72f988bf", "72F988BF"), "azure.tenant_id"),
            (&GOOD.replace(r#""client_id": "app", "#, ""), "azure.client_id"),
            (&GOOD.replace("\"app\"", "\"a pp\""), "azure.client_id"),
            (&GOOD.replace("AKIASECRET", ""), "azure.client_secret"),
            (&format!(r#"{GOOD}, "certificate": "azure.pem""#), "azure.certificate"),
            (&GOOD.replace("\"client_secret\", ", "\"managed_identity\", "), "azure.client_secret"),
            (&GOOD.replace("\"client_secret\", ", "\"AKIASECRET\", "), "azure.credentials"),
            (&format!(r#"{GOOD}, "endpoint": "https://127.0.0.1:8443""#), "azure.endpoint"),
        ] {
            let said = refused(&with(azure, "", URL), Some(field));
            assert!(!said.contains("AKIASECRET"), "{said}");
        }
    }

    #[test]
    fn a_development_endpoint_is_an_address_of_this_machine() {
        let at = |endpoint: &str| {
            with(&format!(r#"{GOOD}, "endpoint": "{endpoint}""#), r#", "development": {"allow_endpoint": true}"#, URL)
        };
        assert!(Config::from_json(&at("https://127.0.0.1:8443"), Path::new("")).is_ok());
        for endpoint in [
            "https://10.0.0.1:443",
            "https://127.0.0.1",
            "https://evil.example:443",
            "https://127.0.0.1:0",
            "https://localhost:1",
        ] {
            refused(&at(endpoint), Some("azure.endpoint"));
        }
    }

    #[test]
    fn fields_of_a_key_are_checked_and_those_of_other_providers_refused() {
        for (key, field) in [
            ("", "url"),
            (r#", "url": "https://contoso.vault.azure.net.evil.example/keys/cmk""#, "url"),
            (&format!(r#"{URL}, "arn": "arn:aws:kms""#), "arn"),
            (&format!(r#"{URL}, "tenant_id": "contoso""#), "tenant_id"),
            (&format!(r#"{URL}, "region": "West Europe""#), "region"),
        ] {
            refused(&with(GOOD, "", key), Some(&format!("bindings[0].keys[0].{field}")));
        }
    }

    #[test]
    fn allowed_regions_name_regions_and_need_declared_ones() {
        let top = r#", "allowed_regions": ["westeurope"]"#;
        refused(&with(GOOD, top, URL), Some("bindings[0].keys[0].region"));
        assert!(Config::from_json(&with(GOOD, top, &format!(r#"{URL}, "region": "eastus""#)), Path::new("")).is_ok());
        refused(&with(GOOD, r#", "allowed_regions": []"#, URL), Some("allowed_regions"));
        refused(&with(GOOD, r#", "allowed_regions": ["x", "West Europe"]"#, URL), Some("allowed_regions[1]"));
    }
}

/// A binary that was built without a provider says so, and which one, when it is opened and not when the customer's data is due.
#[test]
fn a_provider_that_this_build_lacks_is_named() {
    let keys = [
        (cfg!(feature = "aws"), "aws", r#""arn": "arn:aws:kms:eu-central-1:111122223333:key/1""#),
        (cfg!(feature = "azure"), "azure", r#""url": "https://contoso.vault.azure.net/keys/cmk""#),
        (cfg!(feature = "gcp"), "gcp", r#""name": "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k""#),
    ];
    for (_, provider, address) in keys.into_iter().filter(|(is_built_in, ..)| !is_built_in) {
        let key = format!(r#"{{"id": "k1", "provider": "{provider}", {address}}}"#);
        let bindings =
            format!(r#", "bindings": [{{"id": "b", "owner": "o", "selector": {{"org": "1"}}, "keys": [{key}]}}]"#);
        let told = refused(&config(&bindings), Some("bindings[0].keys[0].provider"));
        assert!(told.contains(&format!("this build of libvault lacks the feature \"{provider}\"")), "{told}");
    }
}
