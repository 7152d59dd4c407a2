//! Streams: what they write and read, what they refuse, and what they leave behind.

#![allow(clippy::unwrap_used, missing_docs)]

mod adaptors;
mod files;
mod lifetime;
mod pieces;
mod random_access;

use std::fs;
use std::path::Path;

use libvault::{Config, Context, Decryptor, Encryptor, Error, StreamOptions, Vault};

const FRAME: usize = 4_096;
const TAG: usize = 16;

struct Fixture {
    vault: Vault,
    context: Context,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        libvault::init(&directory.path().join("vault")).unwrap();
        let vault = Vault::open(config(directory.path(), "")).unwrap();
        Self { vault, context: Context::new([("organization_id", "org_123")]).unwrap(), directory }
    }

    /// Changes the configuration of the open vault: `lines` are added to that of `init`.
    fn reload(&self, lines: &str) {
        self.vault.reload(config(self.directory.path(), lines)).unwrap();
    }

    fn encryptor(&self, frame_size: usize) -> Encryptor {
        self.vault.encryptor_now(&self.context, Some(b"aad"), StreamOptions { frame_size }).unwrap()
    }

    fn decryptor(&self) -> Decryptor {
        self.vault.decryptor(&self.context, Some(b"aad")).unwrap()
    }

    fn encrypt<'a>(&self, frame_size: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut encryptor, mut output) = (self.encryptor(frame_size), Vec::new());
        for piece in pieces {
            encryptor.update(piece, &mut output).unwrap();
        }
        encryptor.finish(&mut output).unwrap();
        output
    }

    /// What came out, and how it ended.
    fn decrypt<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), Error>) {
        let (mut decryptor, mut output) = (self.decryptor(), Vec::new());
        for piece in pieces {
            if let Err(error) = decryptor.update_now(piece, &mut output) {
                assert_dead(&mut decryptor, &error, &output);
                return (output, Err(error));
            }
        }
        let end = decryptor.finish(&mut output);
        if let Err(error) = &end {
            assert_dead(&mut decryptor, error, &output);
        }
        (output, end)
    }

    fn decrypt_whole(&self, envelope: &[u8]) -> Result<Vec<u8>, Error> {
        let whole = self.vault.decrypt_now(envelope, &self.context, Some(b"aad"));
        let (output, end) = self.decrypt([envelope]);
        match &whole {
            Ok(data) => assert!(end.is_ok() && *data == output),
            Err(error) => assert_eq!(end.as_ref().map_err(Error::code), Err(error.code()), "as in one call: {error}"),
        }
        whole
    }
}

fn config(directory: &Path, lines: &str) -> Config {
    let made = directory.join("vault/libvault.toml");
    let changed = directory.join("vault/changed.toml");
    fs::write(&changed, [&fs::read_to_string(made).unwrap(), lines].concat()).unwrap();
    Config::from_file(changed).unwrap()
}

/// A binding of the fixture's context.
fn binding(directory: &Path, state: &str) -> String {
    let key = directory.join("vault/customer.key");
    if !key.exists() {
        libvault::create_key_file(&key).unwrap();
    }
    format!("{}state = \"{state}\"\n{}", BINDING, LOCAL_KEY)
}

const BINDING: &str = r#"
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = { organization_id = "org_123" }
"#;
const LOCAL_KEY: &str = r#"
[[bindings.keys]]
id = "key_abc"
provider = "local"
path = "customer.key"
"#;

/// Every later call gives the same error and no byte.
fn assert_dead(decryptor: &mut Decryptor, error: &Error, output: &[u8]) {
    let mut later = output.to_vec();
    for result in [decryptor.update_now(b"more", &mut later), decryptor.finish(&mut later)] {
        assert_eq!(result.unwrap_err().to_string(), error.to_string());
    }
    assert_eq!(later, output);
}

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn header_length(envelope: &[u8], payload: usize, frame_size: usize) -> usize {
    envelope.len() - payload - payload.div_ceil(frame_size).max(1) * TAG
}
