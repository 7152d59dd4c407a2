//! The first step: a root key, a store and a configuration of one's own. There is no default key.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::aead::SystemRandom;
use crate::directory::sync_directory_of;
use crate::error::{Error, ErrorCode, Result};
use crate::kms::KeyFile;
use crate::managed::ManagedKeys;
use crate::store::sqlite::SqliteStore;

const CONFIG: &str = include_str!("init/libvault.toml");

/// What [`init`] made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Initialized {
    /// The configuration to open.
    pub config: PathBuf,
    /// The root key: back it up, apart from the store.
    pub root_key: PathBuf,
    /// The store of the managed keys.
    pub store: PathBuf,
}

/// Makes `root.key` (random, mode 0600), `vault.db` and `libvault.toml` in `directory`, which is made if it does not exist (mode 0700).
///
/// # Errors
/// `Conflict` if one of the files exists: nothing is overwritten. `InvalidConfig` or `StoreUnavailable` if they cannot be made.
pub fn init(directory: &Path) -> Result<Initialized> {
    let made = Initialized {
        config: directory.join("libvault.toml"),
        root_key: directory.join("root.key"),
        store: directory.join("vault.db"),
    };
    create_directory(directory).map_err(|error| cannot_make(directory, &error))?;
    for path in [&made.config, &made.root_key, &made.store] {
        if path.symlink_metadata().is_ok() {
            let message = format!("{} exists already and is left as it is", path.display());
            return Err(Error::new(ErrorCode::Conflict, message));
        }
    }
    let filled = fill(&made);
    if filled.is_err() {
        // None of them existed before, and none is of use alone: a second try starts afresh.
        for path in [&made.config, &made.store, &made.root_key] {
            let _ = fs::remove_file(path);
        }
    }
    filled.map(|()| made)
}

/// Makes a key file with one random key (mode 0600), to be a `local` key of a customer's binding.
///
/// # Errors
/// `Conflict` if `path` exists: nothing is overwritten. `InvalidConfig` if it cannot be made.
pub fn create_key_file(path: &Path) -> Result<()> {
    KeyFile::create(path, &SystemRandom)?;
    sync_directory_of(path).map_err(|error| cannot_make(path, &error))
}

fn fill(made: &Initialized) -> Result<()> {
    KeyFile::create(&made.root_key, &SystemRandom)?;
    let root_key = KeyFile::read(&made.root_key, "root_key.path")?;
    SqliteStore::create(&made.store, &ManagedKeys::new_wrapped_lookup_key(&root_key, &SystemRandom)?)?;
    let write = || {
        let mut file = fs::File::options().write(true).create_new(true).open(&made.config)?;
        file.write_all(CONFIG.as_bytes())?;
        file.sync_all()?;
        // The names of all three files are on disk before anybody relies on the root key.
        sync_directory_of(&made.config)
    };
    write().map_err(|error| cannot_make(&made.config, &error))
}

fn cannot_make(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorCode::InvalidConfig, format!("{} cannot be made: {error}", path.display()))
}

fn create_directory(directory: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}
