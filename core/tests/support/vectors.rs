//! Reading `tests/vectors`, and a vault made of its fixture.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use libvault::{Config, Context, Vault};
use serde_json::Value;

pub struct Fixture {
    pub vault: Vault,
    _directory: tempfile::TempDir,
}

impl Fixture {
    /// A copy of the fixture with the modes that git does not keep.
    pub fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(vectors().join("fixture")).unwrap() {
            let source = entry.unwrap().path();
            let target = directory.path().join(source.file_name().unwrap());
            fs::copy(&source, &target).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
        let vault = Vault::open(Config::from_file(directory.path().join("libvault.toml")).unwrap()).unwrap();
        Self { vault, _directory: directory }
    }
}

pub fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

pub fn load(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(vectors().join(name)).unwrap()).unwrap()
}

pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is no list"))
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is no text"))
}

pub fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub fn optional_hex(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(hex)
}

pub fn context(value: &Value) -> Context {
    let items = value.as_object().unwrap();
    Context::new(items.iter().map(|(name, value)| (name, value.as_str().unwrap()))).unwrap()
}
