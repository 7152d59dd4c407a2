//! Promise P8: a use of a key is in the trail before its result is handed out.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;

use libvault::{CallOptions, ErrorCode};
use serde_json::Value;

mod support;

use support::{Place, context};

const LOCAL: &str = r#"
[audit]
sink = "file"
path = "audit.jsonl"
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = { organization_id = "org_123" }
keys = [{ id = "key_org_123", provider = "local", path = "customer.key" }]
"#;

/// A place with a customer's key file.
fn place() -> Place {
    let place = Place::new();
    libvault::create_key_file(&place.path().join("customer.key")).unwrap();
    place
}

fn events(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path().join("audit.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_operation_says_who_what_and_which_keys() {
    let place = place();
    let vault = place.open(LOCAL).with(CallOptions::default().actor("job 17"));
    let envelope = vault.encrypt_now(b"data", &context("org_123"), None).unwrap();
    vault.decrypt_now(&envelope, &context("org_123"), None).unwrap();
    let managed = vault.encrypt_now(b"data", &context("org_456"), None).unwrap();
    let bundle = vault.create_data_key_now(&context("org_123")).unwrap().bundle;
    vault.decrypt_data_key_now(&bundle, &context("org_123")).unwrap();
    let events = events(&place);
    let told: Vec<_> =
        events.iter().map(|event| (event["operation"].as_str().unwrap(), event["policy"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("encrypt", "customer_gated"),
            ("decrypt", "customer_gated"),
            ("encrypt", "managed"),
            ("create_data_key", "customer_gated"),
            ("decrypt_data_key", "customer_gated")
        ]
    );
    for (index, event) in events.iter().enumerate() {
        assert_eq!((event["sequence"].as_u64(), event["actor"].as_str()), (Some(index as u64 + 1), Some("job 17")));
        assert_eq!(event["outcome"], "ok");
    }
    let wrap = &events[0]["uses"][0];
    assert_eq!(
        (&wrap["use"], &wrap["binding"], &wrap["provider"]),
        (&"wrap".into(), &"bnd_org_123".into(), &"local".into())
    );
    assert_eq!(wrap["keys"][0], "key_org_123");
    let managed_keys = &libvault::inspect(&managed).unwrap().shares[0].wraps[0].key_ids;
    assert_eq!(events[2]["uses"][0]["keys"][0].as_str(), Some(managed_keys[0].as_str()));
    // Equal values can be found, values cannot be read.
    assert_eq!(events[0]["context"], events[1]["context"]);
    assert_ne!(events[0]["context"], events[2]["context"]);
    assert!(!fs::read_to_string(place.path().join("audit.jsonl")).unwrap().contains("org_456"));
    assert_eq!(vault.stats().audit_events, 5);
}

#[test]
fn refusals_and_forgeries_are_recorded_with_what_the_caller_is_not_told() {
    let place = place();
    let vault = place.open(LOCAL);
    let mut envelope = vault.encrypt_now(b"data", &context("org_123"), None).unwrap();
    vault.decrypt_now(&envelope, &context("org_456"), None).unwrap_err();
    *envelope.last_mut().unwrap() ^= 1;
    let error = vault.decrypt_now(&envelope, &context("org_123"), None).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("R31"));
    let events = events(&place);
    assert_eq!(events[1]["outcome"], "ContextMismatch");
    assert_eq!((&events[2]["outcome"], &events[2]["detail"]), (&"AuthenticationFailed".into(), &"R31".into()));
}

#[test]
fn nothing_is_handed_out_that_was_not_recorded() {
    let place = place();
    let envelope = place.open("").encrypt_now(b"data", &context("org_1"), None).unwrap();
    let vault = place.open("[audit]\nsink = \"file\"\npath = \"/dev/full\"");
    assert_eq!(vault.encrypt_now(b"data", &context("org_1"), None).unwrap_err(), ErrorCode::AuditUnavailable);
    assert_eq!(vault.decrypt_now(&envelope, &context("org_1"), None).unwrap_err(), ErrorCode::AuditUnavailable);
    assert_eq!(vault.create_data_key_now(&context("org_1")).unwrap_err(), ErrorCode::AuditUnavailable);
    // Neither is the refusal of a forgery that nobody would hear of.
    let forged = vault.decrypt_now(&envelope, &context("org_2"), None).unwrap_err();
    assert_eq!(forged, ErrorCode::AuditUnavailable);
    let mut output = [0; 16];
    assert_eq!(
        vault.decrypt_into_now(&envelope, &context("org_1"), None, &mut output).unwrap_err(),
        ErrorCode::AuditUnavailable
    );
    assert_eq!(output, [0; 16], "plaintext that was not recorded is wiped");
}

#[test]
fn a_trail_that_cannot_be_opened_stops_the_vault() {
    let place = place();
    let config = place.config("[audit]\nsink = \"file\"\npath = \"missing/audit.jsonl\"");
    assert_eq!(libvault::Vault::open(config).unwrap_err(), ErrorCode::AuditUnavailable);
}

/// The KMS may have done what it was asked before the caller went away.
#[cfg(feature = "aws")]
#[test]
fn a_use_that_was_under_way_when_the_call_was_cancelled_is_recorded() {
    let (kms, place, cancel) = (support::HeldKms::start(), place(), libvault::CancelToken::default());
    let audit = "\n[audit]\nsink = \"file\"\npath = \"audit.jsonl\"\n";
    let vault = place.open(&(support::customer(&kms.endpoint, "active") + audit));
    let vault = vault.with(CallOptions::default().cancel(&cancel));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| vault.encrypt_blocking(b"data", &context("org_123"), None));
        kms.arrived.recv().unwrap();
        cancel.cancel();
        assert_eq!(call.join().unwrap().unwrap_err(), ErrorCode::Cancelled);
    });
    let events = events(&place);
    assert_eq!(events[0]["outcome"], "Cancelled");
    assert_eq!((&events[0]["uses"][0]["use"], &events[0]["uses"][0]["outcome"]), (&"wrap".into(), &"Cancelled".into()));
}
