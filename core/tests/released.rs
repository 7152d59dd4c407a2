//! What a release wrote opens for ever: the vectors under `tests/vectors/released`, none until the first release.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use libvault::{Config, Context, Vault};
use serde_json::Value;

#[test]
fn what_a_release_wrote_opens() {
    let released = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/released");
    for entry in fs::read_dir(released).unwrap() {
        let release = entry.unwrap().path();
        if release.is_dir() {
            assert!(open_all(&release) > 0, "{} holds nothing that opens", release.display());
        }
    }
}

#[test]
fn todays_vectors_could_be_released() {
    assert!(open_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")) > 40);
}

/// Opens every envelope and bundle of a directory that has the shape of `tests/vectors`, and returns how many there are.
fn open_all(vectors: &Path) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let vault = Vault::open(Config::from_file(copy_fixture(vectors, directory.path())).unwrap()).unwrap();
    let document: Value = serde_json::from_str(&fs::read_to_string(vectors.join("envelope.json")).unwrap()).unwrap();
    let genuine =
        document["vectors"].as_array().unwrap().iter().filter(|vector| vector["expect"].get("error").is_none());
    genuine
        .map(|vector| {
            let items = vector["context"].as_object().unwrap().iter();
            let context = Context::new(items.map(|(name, value)| (name, value.as_str().unwrap()))).unwrap();
            let (data, aad) = (hex(&vector["envelope_hex"]).unwrap(), hex(&vector["aad_hex"]));
            let opened = match vector["kind"].as_str() {
                Some("envelope") => vault.decrypt_now(&data, &context, aad.as_deref()),
                _ => vault.decrypt_data_key_now(&data, &context).map(|key| key.key().to_vec()),
            };
            let opened = opened.unwrap_or_else(|error| panic!("{}: {}: {error}", vectors.display(), vector["name"]));
            if let Some(payload) = hex(&vector["expect"]["payload_hex"]) {
                assert_eq!(opened, payload, "{}: {}", vectors.display(), vector["name"]);
            }
        })
        .count()
}

/// With the modes that git does not keep; returns the configuration.
fn copy_fixture(vectors: &Path, directory: &Path) -> PathBuf {
    for entry in fs::read_dir(vectors.join("fixture")).unwrap() {
        let source = entry.unwrap().path();
        let target = directory.join(source.file_name().unwrap());
        fs::copy(&source, &target).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    directory.join("libvault.toml")
}

fn hex(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    Some((0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect())
}
