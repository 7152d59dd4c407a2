//! Managed keys leave memory after 60 s, whatever happens meanwhile, so that crypto-shredding reaches running processes.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crate::clock::HeldClock;
use crate::config::Config;
use crate::context::Context;
use crate::engine::Environment;
use crate::error::ErrorCode;
use crate::vault::Vault;

struct Scene {
    clock: Arc<HeldClock>,
    vault: Vault,
    context: Context,
    directory: tempfile::TempDir,
}

/// A new vault at the time of 1,000 s, and the first encryption made.
fn scene() -> (Scene, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let made = crate::init(&directory.path().join("vault")).unwrap();
    let clock = Arc::new(HeldClock::at(1_000_000));
    let environment = Environment { clock: Arc::clone(&clock) as _, ..Environment::default() };
    let vault = Vault::open_in(Config::from_file(made.config).unwrap(), environment).unwrap();
    let context = Context::new([("user_id", "u1")]).unwrap();
    let envelope = vault.encrypt_now(b"data", &context, None).unwrap();
    (Scene { clock, vault, context, directory }, envelope)
}

#[test]
fn a_managed_key_is_used_for_less_than_60_seconds_and_use_does_not_extend_that() {
    let (scene, envelope) = scene();
    let uses = || scene.vault.stats().root_key_uses;
    let after_first = uses();
    for milliseconds in [1_000_000, 1_030_000, 1_059_999] {
        scene.clock.set(milliseconds);
        scene.vault.encrypt_now(b"data", &scene.context, None).unwrap();
        scene.vault.decrypt_now(&envelope, &scene.context, None).unwrap();
        assert_eq!(uses(), after_first, "from memory at {milliseconds}");
    }
    scene.clock.set(1_060_000);
    scene.vault.decrypt_now(&envelope, &scene.context, None).unwrap();
    assert_eq!(uses(), after_first + 1, "read again after 60 s");
    scene.clock.set(1_120_000);
    scene.vault.encrypt_now(b"data", &scene.context, None).unwrap();
    assert_eq!(uses(), after_first + 2, "and again");
}

#[test]
fn a_clock_that_goes_back_makes_nothing_fresh() {
    let (scene, _) = scene();
    let after_first = scene.vault.stats().root_key_uses;
    scene.clock.set(999_999);
    scene.vault.encrypt_now(b"data", &scene.context, None).unwrap();
    assert_eq!(scene.vault.stats().root_key_uses, after_first + 1);
}

#[test]
fn data_of_a_shredded_key_is_unreadable_within_60_seconds() {
    let (scene, envelope) = scene();
    let store = rusqlite::Connection::open(scene.directory.path().join("vault/vault.db")).unwrap();
    assert_eq!(store.execute("DELETE FROM managed_keys", []).unwrap(), 1);
    scene.clock.set(1_059_999);
    assert!(scene.vault.decrypt_now(&envelope, &scene.context, None).is_ok(), "still in memory, as documented");
    scene.clock.set(1_060_000);
    assert_eq!(scene.vault.decrypt_now(&envelope, &scene.context, None).unwrap_err(), ErrorCode::KeyNotFound);
}
