//! Reproduces `tests/vectors/write.json` and `change.json`: what a writer makes, byte for byte, from given random bytes.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Downgrade, Environment, RewrapOptions};
use crate::aead::Random;
use crate::config::Config;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::stream::StreamOptions;
use crate::vault::Vault;

/// Gives out the bytes of a vector. While a vault opens, one byte is drawn to warm the generator up: that is not one of them.
#[derive(Default)]
struct Script(Mutex<Option<Vec<u8>>>);

impl Random for Script {
    fn fill(&self, output: &mut [u8]) -> Result<()> {
        let mut script = self.0.lock().unwrap();
        let Some(bytes) = script.as_mut() else { return Ok(()) };
        if bytes.len() < output.len() {
            return Err(Error::internal("the vector has no more random bytes"));
        }
        output.copy_from_slice(&bytes.drain(..output.len()).collect::<Vec<_>>());
        Ok(())
    }
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Copies the fixture with the modes that git does not keep, and opens it.
fn open_fixture(directory: &Path, full_context: bool, script: &Arc<Script>) -> Vault {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/fixture");
    for entry in fs::read_dir(source).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), directory.join(entry.unwrap().file_name()));
        fs::copy(&source, &target).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let mut config = Config::from_file(directory.join("libvault.toml")).unwrap();
    config.full_context = full_context;
    Vault::open_in(config, Environment { random: Arc::clone(script) as _, ..Environment::default() }).unwrap()
}

fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn context(items: &Value) -> Context {
    Context::new(items.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap()))).unwrap()
}

#[test]
fn the_writer_makes_the_specified_bytes() {
    let document = load("write.json");
    let script = Arc::new(Script::default());
    let (tag, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let vaults = [open_fixture(tag.path(), false, &script), open_fixture(full.path(), true, &script)];
    let (mut written, mut framed) = (0, 0);
    for vector in document["vectors"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let vault = &vaults[usize::from(vector["context_in_header"] == "full")];
        let context = context(&vector["context"]);
        let aad = vector["aad_hex"].as_str().map(|_| hex(&vector["aad_hex"]));
        *script.0.lock().unwrap() = Some(hex(&vector["random_hex"]));
        if vector["kind"] == "data_key" {
            let created = vault.create_data_key_now(&context).unwrap();
            assert_eq!(created.bundle, hex(&vector["envelope_hex"]), "{name}");
            assert_eq!(created.key().to_vec(), hex(&vector["data_key_hex"]), "{name}");
        } else if let Some(frame_log) = vector["frame_size_log2"].as_u64() {
            let (payload, expected) = (hex(&vector["payload_hex"]), hex(&vector["envelope_hex"]));
            let options = StreamOptions { frame_size: 1 << frame_log };
            let mut encryptor = vault.encryptor_now(&context, aad.as_deref(), options).unwrap();
            let mut output = Vec::new();
            for piece in payload.chunks(1000) {
                encryptor.update(piece, &mut output).unwrap();
            }
            encryptor.finish(&mut output).unwrap();
            assert_eq!(output, expected, "{name}");
            framed += 1;
        } else {
            let (payload, expected) = (hex(&vector["payload_hex"]), hex(&vector["envelope_hex"]));
            assert_eq!(vault.encrypt_now(&payload, &context, aad.as_deref()).unwrap(), expected, "{name}");
            *script.0.lock().unwrap() = Some(hex(&vector["random_hex"]));
            let mut output = vec![0; vault.encrypted_length_limit(payload.len(), &context).unwrap()];
            let length = vault.encrypt_into_now(&payload, &context, aad.as_deref(), &mut output).unwrap();
            assert_eq!(output[..length], expected, "{name}");
            assert_eq!(length, output.len(), "{name}: the limit is exact where all wraps have a fixed length");
        }
        assert_eq!(script.0.lock().unwrap().as_deref(), Some(&[][..]), "{name}: all random bytes are used");
        written += 1;
    }
    assert!(written >= 20 && framed >= 3, "{written} vectors, {framed} of them framed");
}

#[test]
fn changes_make_the_specified_bytes() {
    let document = load("change.json");
    let script = Arc::new(Script::default());
    let directory = tempfile::tempdir().unwrap();
    let vault = open_fixture(directory.path(), false, &script);
    let mut made = 0;
    for vector in document["vectors"].as_array().unwrap() {
        let Some(expected) = vector["expect"]["output_hex"].as_str() else { continue };
        let (name, input) = (vector["name"].as_str().unwrap(), hex(&vector["input_hex"]));
        let old = context(&vector["context"]);
        let downgrade = if vector["allow_downgrade"] == true { Downgrade::Allow } else { Downgrade::Refuse };
        *script.0.lock().unwrap() = Some(hex(&vector["random_hex"]));
        let output = match vector["operation"].as_str().unwrap() {
            "rewrap" => {
                let options = RewrapOptions { keep_data_key: vector["keep_data_key"] == true, downgrade };
                vault.rewrap_now(&input, &old, options)
            }
            "reencrypt" => {
                let aad = vector["aad_hex"].as_str().map(|_| hex(&vector["aad_hex"]));
                vault.reencrypt_now(&input, &old, aad.as_deref(), downgrade)
            }
            _ => vault.rekey_now(&input, &old, &context(&vector["new_context"]), downgrade),
        };
        assert_eq!(output.unwrap(), hex(&expected.into()), "{name}");
        assert_eq!(script.0.lock().unwrap().as_deref(), Some(&[][..]), "{name}: all random bytes are used");
        made += 1;
    }
    assert!(made >= 50, "{made} vectors");
}
