//! The committed fixture, opened from a copy: the real engine on real key files and a real store, nothing replaced.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libvault::{Config, Context, Vault};
use serde_json::Value;

pub(crate) struct Fixture {
    pub(crate) vault: Vault,
    pub(crate) config: PathBuf,
    /// The contexts of the vectors, in a fixed order.
    pub(crate) contexts: Vec<Context>,
    /// The bytes of all vectors, those that are refused included: many of these open under another context or AAD. Nothing else may open.
    pub(crate) known: HashSet<Vec<u8>>,
}

pub(crate) static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::open);

impl Fixture {
    fn open() -> Self {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
        let directory =
            tempfile::Builder::new().prefix("libvault-fuzz-").tempdir().expect("a temporary directory").keep();
        for entry in fs::read_dir(vectors.join("fixture")).expect("the fixture") {
            let source = entry.expect("an entry").path();
            let target = directory.join(source.file_name().expect("a name"));
            fs::copy(&source, &target).expect("a copy");
            fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).expect("its mode");
        }
        let config = directory.join("libvault.toml");
        let vault = Vault::open(Config::from_file(&config).expect("a configuration")).expect("the fixture opens");
        let text = fs::read_to_string(vectors.join("envelope.json")).expect("the vectors");
        let vectors: Value = serde_json::from_str(&text).expect("JSON");
        let vectors = vectors["vectors"].as_array().expect("a list");
        let mut contexts: Vec<Context> = Vec::new();
        let mut known = HashSet::new();
        for vector in vectors {
            let items = vector["context"].as_object().expect("a map");
            let context = Context::new(items.iter().map(|(name, value)| (name, value.as_str().expect("a text"))));
            let context = context.expect("a context");
            if !contexts.contains(&context) {
                contexts.push(context);
            }
            known.insert(from_hex(vector["envelope_hex"].as_str().expect("bytes")));
        }
        Self { vault, config, contexts, known }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}
