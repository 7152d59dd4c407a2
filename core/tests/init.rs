//! There is no default key: `init` draws a new root key for its owner alone, and a vault opens with that key and no other.

#![cfg(all(feature = "sqlite", unix))]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libvault::{Config, ErrorCode, Initialized, Vault, create_key_file, init};

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

/// A binding whose key is the file `name`.
fn bind(made: &Initialized, name: &str) -> Config {
    let binding = format!(
        r#"
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = {{ organization_id = "org_123" }}
keys = [{{ id = "key_{name}", provider = "local", path = "{name}" }}]
"#
    );
    let text = fs::read_to_string(&made.config).unwrap() + &binding;
    Config::from_toml(&text, made.config.parent().unwrap()).unwrap()
}

#[test]
fn a_root_key_is_no_customers_key_wherever_it_is_copied_to() {
    let directory = tempfile::tempdir().unwrap();
    let made = make(directory.path(), "one");
    let file = |name: &str| directory.path().join("one").join(name);
    create_key_file(&file("own.key")).unwrap();
    assert_eq!(create_key_file(&file("own.key")).unwrap_err().code(), ErrorCode::Conflict, "it stays as it is");
    let root_key = fs::read_to_string(&made.root_key).unwrap();
    fs::copy(&made.root_key, file("copy.key")).unwrap();
    std::os::unix::fs::symlink("root.key", file("link.key")).unwrap();
    // Under another version, behind a key of its own.
    let own = fs::read_to_string(file("own.key")).unwrap();
    fs::copy(&made.root_key, file("longer.key")).unwrap();
    fs::write(file("longer.key"), own + &root_key.lines().nth(1).unwrap().replacen('1', "2", 1) + "\n").unwrap();

    let vault = Vault::open(bind(&made, "own.key")).unwrap();
    for name in ["root.key", "copy.key", "link.key", "longer.key"] {
        for error in [Vault::open(bind(&made, name)).unwrap_err(), vault.reload(bind(&made, name)).unwrap_err()] {
            assert_eq!(
                (error.code(), error.field()),
                (ErrorCode::Conflict, Some("bindings[0].keys[0].path")),
                "{name}"
            );
        }
    }
}
