//! There is no default key: `init` draws a new root key for its owner alone, and a vault opens with that key and no other.

#![cfg(all(feature = "sqlite", unix))]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libvault::{Config, ErrorCode, Initialized, Vault, init};

fn make(directory: &Path, name: &str) -> Initialized {
    init(&directory.join(name)).unwrap()
}

fn refused(made: &Initialized) -> ErrorCode {
    Vault::open(Config::from_file(&made.config).unwrap()).unwrap_err().code()
}

#[test]
fn a_root_key_is_random_and_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (make(directory.path(), "one"), make(directory.path(), "other"));
    let keys = [&one, &other].map(|made| fs::read_to_string(&made.root_key).unwrap());
    assert_ne!(keys[0], keys[1]);
    for (made, key) in [&one, &other].into_iter().zip(&keys) {
        assert_eq!(fs::metadata(&made.root_key).unwrap().permissions().mode() & 0o7777, 0o600);
        assert!(!key.contains(&"0".repeat(16)), "32 random bytes");
        Vault::open(Config::from_file(&made.config).unwrap()).unwrap();
    }
}

#[test]
fn nothing_opens_without_the_root_key_of_its_store() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (make(directory.path(), "one"), make(directory.path(), "other"));
    fs::copy(&other.root_key, &one.root_key).unwrap();
    assert_eq!(refused(&one), ErrorCode::InvalidConfig, "another vault's key");
    fs::remove_file(&one.root_key).unwrap();
    assert_eq!(refused(&one), ErrorCode::InvalidConfig, "no key");
    assert!(!one.root_key.exists(), "and none is made up");
}

#[test]
fn a_root_key_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let made = make(directory.path(), "one");
    for mode in [0o640, 0o604, 0o644, 0o660, 0o700] {
        fs::set_permissions(&made.root_key, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(refused(&made), ErrorCode::InvalidConfig, "mode {mode:04o}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let made = make(directory.path(), "one");
    let key = fs::read(&made.root_key).unwrap();
    assert_eq!(init(&directory.path().join("one")).unwrap_err().code(), ErrorCode::Conflict);
    assert_eq!(fs::read(&made.root_key).unwrap(), key);
}
