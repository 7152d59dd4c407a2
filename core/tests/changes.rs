//! Runs `tests/vectors/change.json` through the public API: what rewrap, reencrypt and rekey make, and what they refuse before any key is used.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/vectors.rs"]
mod support;

use libvault::runtime::block_on;
use libvault::{Context, Downgrade, Error, RewrapOptions, Vault, inspect};
use serde_json::Value;
use support::{Fixture, context, hex, list, load, optional_hex, text};

/// Every shape of the operation that a vector names; they need no network.
fn change_shapes(vault: &Vault, vector: &Value) -> Vec<Result<Vec<u8>, Error>> {
    let (input, old) = (hex(text(vector, "input_hex")), context(&vector["context"]));
    let aad = optional_hex(&vector["aad_hex"]);
    let downgrade = if vector["allow_downgrade"] == true { Downgrade::Allow } else { Downgrade::Refuse };
    match text(vector, "operation") {
        "rewrap" => {
            let options = RewrapOptions { keep_data_key: vector["keep_data_key"] == true, downgrade };
            vec![
                vault.rewrap_blocking(&input, &old, options),
                vault.rewrap_now(&input, &old, options),
                block_on(vault.rewrap(&input, &old, options)),
            ]
        }
        "reencrypt" => vec![
            vault.reencrypt_blocking(&input, &old, aad.as_deref(), downgrade),
            vault.reencrypt_now(&input, &old, aad.as_deref(), downgrade),
            block_on(vault.reencrypt(&input, &old, aad.as_deref(), downgrade)),
        ],
        _ => {
            let new = context(&vector["new_context"]);
            vec![
                vault.rekey_blocking(&input, &old, &new, downgrade),
                vault.rekey_now(&input, &old, &new, downgrade),
                block_on(vault.rekey(&input, &old, &new, downgrade)),
            ]
        }
    }
}

/// What an output gives to who reads it.
fn opened(vault: &Vault, output: &[u8], context: &Context, vector: &Value) -> Result<Vec<u8>, Error> {
    match vector["expect"].get("data_key_hex") {
        Some(_) => vault.decrypt_data_key_now(output, context).map(|data_key| data_key.key().to_vec()),
        None => vault.decrypt_now(output, context, optional_hex(&vector["aad_hex"]).as_deref()),
    }
}

#[test]
fn changes_give_or_refuse_what_is_specified() {
    let fixture = Fixture::open();
    let vault = &fixture.vault;
    let document = load("change.json");
    let vectors = list(&document, "vectors");
    assert!(vectors.len() >= 100);
    for vector in vectors {
        let (name, expect) = (text(vector, "name"), &vector["expect"]);
        let calls = || {
            let stats = vault.stats();
            stats.kms_unwraps + stats.kms_wraps
        };
        let before = calls();
        let outcomes = change_shapes(vault, vector);
        let made = calls() - before;
        assert_eq!(made, vector["kms_calls"].as_u64().unwrap() * outcomes.len() as u64, "{name}: KMS calls");
        for outcome in &outcomes {
            let output = match (outcome, expect["error"].as_str()) {
                (Ok(output), None) => output,
                (Err(error), Some(expected)) => {
                    assert_eq!(error.code().name(), expected, "{name}: {error}");
                    continue;
                }
                _ => panic!("{name}: expected {expect}, got {outcome:?}"),
            };
            assert_eq!(output.len(), text(expect, "output_hex").len() / 2, "{name}: another length");
            let shown = inspect(output).unwrap();
            assert_eq!(
                (shown.policy, Some(shown.moved)),
                (text(expect, "policy"), expect["moved"].as_bool()),
                "{name}"
            );
            let reader = if vector["new_context"].is_null() { &vector["context"] } else { &vector["new_context"] };
            let expected = expect["data_key_hex"].as_str().unwrap_or_else(|| text(expect, "payload_hex"));
            assert_eq!(opened(vault, output, &context(reader), vector).unwrap(), hex(expected), "{name}");
        }
    }
}

/// Tenant isolation holds for what a change made: nothing of it opens under the context it came from or another.
#[test]
fn what_was_changed_opens_under_its_own_context_only() {
    let fixture = Fixture::open();
    let document = load("change.json");
    let vectors = list(&document, "vectors");
    let contexts: Vec<Context> = vectors.iter().map(|vector| context(&vector["context"])).collect();
    let mut tried = 0;
    for vector in vectors.iter().filter(|vector| vector["expect"].get("error").is_none()) {
        let output = hex(text(&vector["expect"], "output_hex"));
        let own = if vector["new_context"].is_null() { &vector["context"] } else { &vector["new_context"] };
        let own = context(own);
        for other in contexts.iter().filter(|other| **other != own) {
            let error = opened(&fixture.vault, &output, other, vector).unwrap_err();
            assert_eq!(error.code().name(), "ContextMismatch", "{}", text(vector, "name"));
            tried += 1;
        }
    }
    assert!(tried > 1_000);
}
