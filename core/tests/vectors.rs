//! Runs the vectors of `tests/vectors` through the public API, in every shape it has.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/vectors.rs"]
mod support;

use libvault::{Context, Decryptor, Error, INSPECTED_BYTES, Vault, decrypted_length, inspect, inspect_start};
use serde_json::Value;
use support::{Fixture, context, hex, list, load, optional_hex, text};

fn expected_payload(expect: &Value) -> Option<Vec<u8>> {
    if let Some(repeat) = expect.get("payload_repeat") {
        return Some(vec![hex(text(repeat, "byte"))[0]; repeat["count"].as_u64().unwrap() as usize]);
    }
    expect.get("payload_hex").map(|payload| hex(payload.as_str().unwrap()))
}

#[track_caller]
fn assert_outcome(name: &str, expect: &Value, outcome: &Result<Vec<u8>, Error>) {
    match (expected_payload(expect), outcome) {
        (Some(payload), Ok(output)) => assert!(payload == *output, "{name}: another payload"),
        (None, Err(error)) => assert_eq!(error.code().name(), text(expect, "error"), "{name}: {error}"),
        (_, outcome) => panic!("{name}: expected {expect}, got {outcome:?}"),
    }
}

/// Every shape of `decrypt`; the vectors need no network.
fn decrypt_shapes(vault: &Vault, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Vec<Result<Vec<u8>, Error>> {
    let into = |decrypt: &dyn Fn(&mut [u8]) -> Result<usize, Error>| {
        let mut output = vec![0xee; data.len()];
        let result = decrypt(&mut output);
        if result.as_ref().is_err_and(|error| error.code().name() == "AuthenticationFailed") {
            assert!(output.iter().all(|byte| matches!(byte, 0 | 0xee)), "no plaintext is left in the buffer");
        }
        result.map(|length| output[..length].to_vec())
    };
    vec![
        vault.decrypt_blocking(data, context, aad),
        vault.decrypt_now(data, context, aad),
        libvault::runtime::block_on(vault.decrypt(data, context, aad)),
        decrypt_stream(vault, data, context, aad, data.len().max(1), Decryptor::update_blocking),
        decrypt_stream(vault, data, context, aad, 4_112, Decryptor::update_now),
        decrypt_stream(vault, data, context, aad, 17, |decryptor, piece, output| {
            libvault::runtime::block_on(decryptor.update(piece, output))
        }),
        decrypt_stream(vault, data, context, aad, 1, Decryptor::update_now),
        into(&|output| vault.decrypt_into_blocking(data, context, aad, output)),
        into(&|output| vault.decrypt_into_now(data, context, aad, output)),
    ]
}

/// A stream may give out frames before it fails, but only authentic ones; what matters here is how it ends.
fn decrypt_stream(
    vault: &Vault,
    data: &[u8],
    context: &Context,
    aad: Option<&[u8]>,
    piece_length: usize,
    mut update: impl FnMut(&mut Decryptor, &[u8], &mut Vec<u8>) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut output = Vec::new();
    let mut decryptor = vault.decryptor(context, aad)?;
    for piece in data.chunks(piece_length) {
        update(&mut decryptor, piece, &mut output)?;
    }
    decryptor.finish(&mut output)?;
    Ok(output)
}

fn data_key_shapes(vault: &Vault, data: &[u8], context: &Context) -> Vec<Result<Vec<u8>, Error>> {
    let results = [
        vault.decrypt_data_key_blocking(data, context),
        vault.decrypt_data_key_now(data, context),
        libvault::runtime::block_on(vault.decrypt_data_key(data, context)),
    ];
    results.into_iter().map(|result| result.map(|data_key| data_key.key().to_vec())).collect()
}

#[test]
fn envelopes_open_or_fail_as_specified() {
    let fixture = Fixture::open();
    let document = load("envelope.json");
    let vectors = list(&document, "vectors");
    assert!(vectors.len() >= 80);
    let failures = vectors.iter().filter(|vector| vector["expect"].get("error").is_some()).count();
    assert!(failures > vectors.len() - failures, "failures outnumber successes");
    for vector in vectors {
        let (name, data, aad) =
            (text(vector, "name"), hex(text(vector, "envelope_hex")), optional_hex(&vector["aad_hex"]));
        let context = context(&vector["context"]);
        let shape = |decrypt: &dyn Fn() -> Vec<Result<Vec<u8>, Error>>| {
            let before = fixture.vault.stats().kms_unwraps;
            let outcomes = decrypt();
            let calls = fixture.vault.stats().kms_unwraps - before;
            assert_eq!(calls, vector["kms_calls"].as_u64().unwrap() * outcomes.len() as u64, "{name}: KMS calls");
            outcomes.iter().for_each(|outcome| assert_outcome(name, &vector["expect"], outcome));
        };
        match text(vector, "kind") {
            "envelope" => shape(&|| decrypt_shapes(&fixture.vault, &data, &context, aad.as_deref())),
            _ => shape(&|| data_key_shapes(&fixture.vault, &data, &context)),
        }
    }
}

/// What needs no keys says the same as reading does, as far as the bytes alone can tell.
#[test]
fn inspecting_agrees_with_reading() {
    for vector in list(&load("envelope.json"), "vectors") {
        let (name, data) = (text(vector, "name"), hex(text(vector, "envelope_hex")));
        let payload = expected_payload(&vector["expect"]);
        let Some(payload) = payload else { continue };
        let inspection = inspect(&data).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(inspection.purpose, text(vector, "kind"), "{name}");
        let is_envelope = text(vector, "kind") == "envelope";
        let form = is_envelope.then(|| form(data[5]));
        assert_eq!(inspection.form.map(|form| (form, inspection.frame_size)), form, "{name}");
        assert_eq!(inspection.payload_length, is_envelope.then_some(payload.len()), "{name}");
        // The payload's tag is the last of an envelope, so that its header is there without the last byte.
        let start = &data[..data.len() - usize::from(is_envelope)];
        assert_eq!(inspect_start(start, Some(data.len() as u64)).unwrap(), inspection, "{name}");
        let json: Value = serde_json::from_str(&inspection.to_json()).unwrap();
        assert_eq!(json["data_key_id"], inspection.data_key_id, "{name}");
        assert_eq!(json["shares"].as_array().unwrap().len(), inspection.shares.len(), "{name}");
        if is_envelope {
            assert_eq!(decrypted_length(&data).unwrap(), payload.len(), "{name}");
        }
    }
}

/// Whoever looks for the damage starts there.
#[test]
fn errors_of_parsing_say_where() {
    let mut bundles_twice = 0;
    for vector in list(&load("envelope.json"), "vectors") {
        let (name, data) = (text(vector, "name"), hex(text(vector, "envelope_hex")));
        let Err(error) = inspect(&data) else { continue };
        let (_, rest) = error.message().split_once("offset ").unwrap_or_else(|| panic!("{name}: {error}"));
        let offset: usize = rest.split(':').next().unwrap().parse().unwrap();
        assert!(offset <= data.len(), "{name}: {error}");
        if ["before the payload's tag", "last frame is incomplete"].iter().any(|what| error.message().contains(what)) {
            assert_eq!(offset, data.len(), "{name}: {error}");
        }
        if name == "bare-twice" {
            assert_eq!(offset, data.len() / 2, "{error}");
            bundles_twice += 1;
        }
    }
    assert_eq!(bundles_twice, 1);
}

/// What the flags of docs/envelope.md §3 say of the form, and of the size of a full frame.
fn form(flags: u8) -> (&'static str, Option<usize>) {
    match flags {
        0 => ("one_shot", None),
        _ => ("framed", Some(1 << (flags & 0x7f))),
    }
}

#[test]
fn the_beginning_that_is_inspected_holds_the_longest_bundle() {
    let longest_bundle = 65_536;
    assert!(INSPECTED_BYTES.checked_sub(longest_bundle).is_some_and(|rest| rest > 64));
}

#[test]
fn every_flipped_byte_has_its_error() {
    let fixture = Fixture::open();
    let document = load("flip.json");
    for vector in list(&document, "vectors") {
        let (data, context) = (hex(text(vector, "envelope_hex")), context(&vector["context"]));
        let aad = optional_hex(&vector["aad_hex"]);
        for table in list(vector, "tables") {
            let mask = u8::from_str_radix(text(table, "xor"), 16).unwrap();
            for (at, (error, calls)) in list(table, "errors").iter().zip(list(table, "kms_calls")).enumerate() {
                let mut flipped = data.clone();
                flipped[at] ^= mask;
                let expected = vector["error_names"][error.as_u64().unwrap() as usize].as_str().unwrap();
                let check = |decrypt: &dyn Fn() -> Result<Vec<u8>, Error>| {
                    let before = fixture.vault.stats().kms_unwraps;
                    let found = decrypt().map_or_else(|error| error.code().name(), |_| "success");
                    assert_eq!(found, expected, "{} offset {at} xor {mask:#x}", text(vector, "name"));
                    let called = fixture.vault.stats().kms_unwraps - before;
                    assert_eq!(called, calls.as_u64().unwrap(), "offset {at}: KMS calls");
                };
                if text(vector, "kind") == "envelope" {
                    check(&|| fixture.vault.decrypt_now(&flipped, &context, aad.as_deref()));
                    for piece_length in [1, 50, data.len()] {
                        check(&|| {
                            let (vault, update) = (&fixture.vault, Decryptor::update_now);
                            decrypt_stream(vault, &flipped, &context, aad.as_deref(), piece_length, update)
                        });
                    }
                } else {
                    check(&|| fixture.vault.decrypt_data_key_now(&flipped, &context).map(|key| key.key().to_vec()));
                }
            }
            assert_eq!(list(table, "errors").len(), data.len(), "every byte is flipped");
        }
    }
}

#[test]
fn contexts_have_their_canonical_form_or_are_refused() {
    let document = load("context.json");
    for vector in list(&document, "vectors") {
        let items = list(vector, "items").iter().map(|item| (item[0].as_str().unwrap(), item[1].as_str().unwrap()));
        assert_context(vector, Context::new(items));
    }
    for vector in list(&document, "bytes_vectors") {
        let items: Vec<(Vec<u8>, Vec<u8>)> = list(vector, "items_bytes_hex")
            .iter()
            .map(|item| (hex(item[0].as_str().unwrap()), hex(item[1].as_str().unwrap())))
            .collect();
        assert_context(
            vector,
            Context::from_bytes(items.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))),
        );
    }
}

#[track_caller]
fn assert_context(vector: &Value, outcome: Result<Context, Error>) {
    let (name, expect) = (text(vector, "name"), &vector["expect"]);
    match outcome {
        Ok(context) => assert_eq!(context.canonical(), hex(text(expect, "canonical_hex")), "{name}"),
        Err(error) => {
            assert_eq!(error.code().name(), text(expect, "error"), "{name}");
            if let Some(offending) = expect["offending_name"].as_str() {
                assert_eq!(error.field(), Some(offending), "{name}");
            }
        }
    }
}
