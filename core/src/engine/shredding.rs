//! Crypto-shredding through the whole engine: an item's managed key is deleted from the store, and only data with a share of it is lost.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use crate::config::Config;
use crate::context::Context;
use crate::engine::{Downgrade, RewrapOptions};
use crate::envelope::inspect;
use crate::init::init;
use crate::vault::Vault;

const DATA: &[u8] = b"personal data";

/// A vault as a process of its own would open it: nothing is in memory yet.
fn open(directory: &Path, shred_items: &str, policy: &str) -> Vault {
    let key = directory.join("customer.key");
    if !key.exists() {
        std::fs::write(&key, format!("libvault key file v1\n1 {}\n", "5a".repeat(32))).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let config = format!(
        "store = \"vault.db\"\nshred_items = {shred_items}\nroot_key = {{ provider = \"local\", path = \"root.key\" }}\n\
         [[bindings]]\nid = \"b\"\nowner = \"o\"\nselector = {{ organization_id = \"x\" }}\npolicy = \"{policy}\"\n\
         keys = [{{ id = \"k\", provider = \"local\", path = \"customer.key\" }}]\n"
    );
    Vault::open(Config::from_toml(&config, directory).unwrap()).unwrap()
}

fn context(user: &str) -> Context {
    Context::new([("organization_id", "x"), ("user_id", user)]).unwrap()
}

/// Deletes the managed key that an envelope names, as whoever shreds does: by its id.
fn shred(directory: &Path, envelope: &[u8]) {
    let id = inspect(envelope).unwrap().shares[0].wraps[0].key_ids[0].clone();
    let database = rusqlite::Connection::open(directory.join("vault.db")).unwrap();
    let statement = format!("DELETE FROM managed_keys WHERE id = x'{id}'");
    assert_eq!(database.execute(&statement, []).unwrap(), 1);
}

#[test]
fn deleting_an_items_key_makes_its_data_unreadable_and_no_other() {
    for policy in ["customer_gated", "any_of"] {
        let place = tempfile::tempdir().unwrap();
        init(place.path()).unwrap();
        let vault = open(place.path(), r#"["user_id"]"#, policy);
        let encrypt = |user| vault.encrypt_now(DATA, &context(user), None).unwrap();
        let (first, again, other) = (encrypt("u1"), encrypt("u1"), encrypt("u2"));
        let data_key = vault.create_data_key_now(&context("u1")).unwrap().bundle;
        let inspection = inspect(&first).unwrap();
        assert_eq!((inspection.policy, inspection.shares.len()), (policy, 2));
        assert_eq!(inspection.shares[0].binding, "managed");
        assert_eq!(inspection.shares[0].wraps[0].key_ids.len(), 1, "the managed share names the user's key alone");

        let reader = open(place.path(), "[]", policy);
        assert_eq!(reader.decrypt_now(&first, &context("u1"), None).unwrap(), DATA, "read without the setting as well");
        shred(place.path(), &first);
        let reader = open(place.path(), r#"["user_id"]"#, policy);
        for lost in [&first, &again] {
            let error = reader.decrypt_now(lost, &context("u1"), None).unwrap_err();
            assert_eq!(error.code().name(), "KeyNotFound");
        }
        assert_eq!(reader.decrypt_data_key_now(&data_key, &context("u1")).unwrap_err().code().name(), "KeyNotFound");
        assert_eq!(reader.decrypt_now(&other, &context("u2"), None).unwrap(), DATA);
        // A new key for the same item does not bring the old data back.
        reader.encrypt_now(DATA, &context("u1"), None).unwrap();
        assert_eq!(reader.decrypt_now(&first, &context("u1"), None).unwrap_err().code().name(), "KeyNotFound");
    }
}

/// The wraps of a shredded share are read from memory the second time, also where they name some items of the context only.
#[test]
fn the_keys_of_shred_items_are_read_once() {
    let place = tempfile::tempdir().unwrap();
    init(place.path()).unwrap();
    let envelope =
        open(place.path(), r#"["user_id"]"#, "customer_gated").encrypt_now(DATA, &context("u1"), None).unwrap();
    let vault = open(place.path(), r#"["user_id"]"#, "customer_gated");
    vault.decrypt_now(&envelope, &context("u1"), None).unwrap();
    let uses = vault.stats().root_key_uses;
    vault.decrypt_now(&envelope, &context("u1"), None).unwrap();
    vault.encrypt_now(DATA, &context("u1"), None).unwrap();
    assert_eq!(vault.stats().root_key_uses, uses);
}

#[test]
fn data_from_before_the_setting_gets_its_share_by_a_rewrap() {
    let place = tempfile::tempdir().unwrap();
    init(place.path()).unwrap();
    let before = open(place.path(), "[]", "customer_gated").encrypt_now(DATA, &context("u1"), None).unwrap();
    let vault = open(place.path(), r#"["user_id"]"#, "customer_gated");
    let rewrapped = vault.rewrap_now(&before, &context("u1"), RewrapOptions::default()).unwrap();
    let reencrypted = vault.reencrypt_now(&before, &context("u1"), None, Downgrade::Refuse).unwrap();
    shred(place.path(), &rewrapped);
    let vault = open(place.path(), r#"["user_id"]"#, "customer_gated");
    for lost in [&rewrapped, &reencrypted] {
        assert_eq!(vault.decrypt_now(lost, &context("u1"), None).unwrap_err().code().name(), "KeyNotFound");
    }
    // What was kept of the older copy still opens: a rewrap takes nothing back.
    assert_eq!(vault.decrypt_now(&before, &context("u1"), None).unwrap(), DATA);
}
