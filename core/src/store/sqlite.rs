//! The embedded store: one SQLite file beside the root key (`docs/store.md`).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use libvault_memory::ForkLocal;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::{Store, StoredKey};
use crate::envelope::Id;
use crate::error::{Error, ErrorCode, Result};
use crate::fork::{self, BeforeFork, Undivided};
use crate::kms::BoxFuture;

const APPLICATION_ID: i64 = 0x4C56_4C54;
const USER_VERSION: i64 = 1;
/// How long another process may hold the file before it counts as unavailable.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE managed_keys (
  item_hash  BLOB NOT NULL PRIMARY KEY CHECK (length(item_hash) = 32),
  id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  wrapped    BLOB NOT NULL CHECK (length(wrapped) <= 1024),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE key_addresses (
  id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  address BLOB NOT NULL CHECK (length(address) = 32)
) STRICT, WITHOUT ROWID;";

pub(crate) struct SqliteStore(Arc<Shared>);

struct Shared {
    /// Absolute: the store is opened again after a fork, whatever the working directory is then.
    path: PathBuf,
    /// What the lookup key's row held when the store was opened: another store under the same name would be another set of keys.
    identity: Vec<u8>,
    /// SQLite forbids carrying a connection across a fork, even only to close it there. So a fork of this process closes it first, and whoever needs it
    /// next, in the parent as in the child, opens it again.
    connection: ForkLocal<Mutex<Option<Connection>>>,
}

impl SqliteStore {
    /// Opens a store that `create` made.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let _undivided = undivided_store()?;
        let path = std::path::absolute(path).map_err(|error| {
            Error::new(ErrorCode::StoreUnavailable, format!("store {} cannot be found: {error}", path.display()))
        })?;
        let connection = open(&path)?;
        let identity = read_identity(&connection)
            .map_err(|error| unavailable(format_args!("store {} cannot be read", path.display()), &error))?;
        let shared = Arc::new(Shared { path, identity, connection: ForkLocal::new() });
        *shared.lock() = Some(connection);
        shared.close_before_fork();
        Ok(Self(shared))
    }

    /// Makes a new store that only its owner can read, with the wrapped lookup key in it. An existing file is never touched.
    pub(crate) fn create(path: &Path, wrapped_lookup_key: &[u8]) -> Result<()> {
        let mut options = std::fs::File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::new(ErrorCode::Conflict, format!("{} exists already and is left as it is", path.display()))
            }
            _ => Error::new(ErrorCode::StoreUnavailable, format!("{} cannot be made: {error}", path.display())),
        })?;
        let _undivided = undivided_store()?;
        let fill = || -> rusqlite::Result<()> {
            let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO meta VALUES ('lookup_key', ?1)", [wrapped_lookup_key])?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", USER_VERSION)?;
            transaction.commit()
        };
        fill().map_err(|error| unavailable(format_args!("store {} cannot be made", path.display()), &error))
    }

    /// Runs `work` on the connection, opened again if a fork closed it.
    fn with<T>(&self, failure: &str, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        let _undivided = undivided_store()?;
        let mut connection = self.0.lock();
        let connection = match &mut *connection {
            Some(connection) => connection,
            closed => {
                let reopened = self.0.reopen()?;
                self.0.close_before_fork();
                closed.insert(reopened)
            }
        };
        work(connection).map_err(|error| unavailable(failure, &error))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        // A panic elsewhere cannot leave SQLite inconsistent: an open transaction is rolled back when it is dropped.
        self.connection.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reopen(&self) -> Result<Connection> {
        let connection = open(&self.path)?;
        if read_identity(&connection).is_ok_and(|identity| identity == self.identity) {
            return Ok(connection);
        }
        let message = format!("{} is another store than the one that was opened", self.path.display());
        Err(Error::new(ErrorCode::StoreUnavailable, message))
    }

    fn close_before_fork(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        fork::close_before_fork(weak);
    }
}

impl BeforeFork for Shared {
    fn before_fork(&self) {
        // No thread holds it: whoever does is in an undivided section.
        let open = self.connection.get_or_make(|_| Mutex::default()).try_lock().ok().and_then(|mut open| open.take());
        if let Some(connection) = open {
            // Closing checkpoints the log if nobody else has the store open; that can wait for another time.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            drop(connection);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _undivided = fork::undivided();
        *self.lock() = None;
    }
}

/// An undivided section for SQLite, whose own locks a fork would leave locked.
fn undivided_store() -> Result<Undivided> {
    let undivided = fork::undivided();
    if fork::is_cut() {
        let message =
            "this process was forked, past the fork handlers, while its parent had a store open: start a new process";
        return Err(Error::new(ErrorCode::StoreUnavailable, message));
    }
    Ok(undivided)
}

/// SQLite waits on its thread.
impl Store for SqliteStore {
    fn blocks(&self) -> bool {
        true
    }

    fn meta<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        Box::pin(async move { self.read_meta(name) })
    }

    fn managed_keys<'a>(&'a self, item_hashes: &'a [[u8; 32]]) -> BoxFuture<'a, Result<Vec<Option<StoredKey>>>> {
        Box::pin(async move { self.read_managed_keys(item_hashes) })
    }

    fn insert_managed_key_if_absent<'a>(
        &'a self,
        item_hash: &'a [u8; 32],
        key: &'a StoredKey,
    ) -> BoxFuture<'a, Result<StoredKey>> {
        Box::pin(async move { self.keep_managed_key(item_hash, key) })
    }

    fn pin_addresses<'a>(&'a self, addresses: &'a [(Id, [u8; 32])]) -> BoxFuture<'a, Result<Option<Id>>> {
        Box::pin(async move { self.keep_addresses(addresses) })
    }
}

impl SqliteStore {
    fn read_meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.with(UNREADABLE, |connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
            statement.query_row([name], |row| row.get(0)).optional()
        })
    }

    fn read_managed_keys(&self, item_hashes: &[[u8; 32]]) -> Result<Vec<Option<StoredKey>>> {
        self.with(UNREADABLE, |connection| {
            item_hashes.iter().map(|item_hash| select_managed_key(connection, item_hash)).collect()
        })
    }

    fn keep_managed_key(&self, item_hash: &[u8; 32], key: &StoredKey) -> Result<StoredKey> {
        let kept = self.with("a managed key cannot be stored", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs() as i64);
            transaction.execute(
                "INSERT INTO managed_keys VALUES (?1, ?2, ?3, ?4) ON CONFLICT (item_hash) DO NOTHING",
                params![item_hash, key.id.0, key.wrapped, now],
            )?;
            let kept = select_managed_key(&transaction, item_hash)?;
            transaction.commit()?;
            Ok(kept)
        })?;
        kept.ok_or_else(|| Error::internal("a managed key is gone right after its insertion"))
    }

    fn keep_addresses(&self, addresses: &[(Id, [u8; 32])]) -> Result<Option<Id>> {
        self.with("the store cannot keep the keys' addresses", |connection| {
            let mut missing = Vec::new();
            for (id, address) in addresses {
                match select_address(connection, id)? {
                    Some(known) if known == *address => {}
                    Some(_) => return Ok(Some(*id)),
                    None => missing.push((id, address)),
                }
            }
            if missing.is_empty() {
                return Ok(None);
            }
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (id, address) in missing {
                transaction.execute(
                    "INSERT INTO key_addresses VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
                    params![id.0, address],
                )?;
                // Another process may have been first, with another address.
                if select_address(&transaction, id)?.as_ref() != Some(address) {
                    return Ok(Some(*id));
                }
            }
            transaction.commit()?;
            Ok(None)
        })
    }
}

const UNREADABLE: &str = "the store cannot be read";

/// A connection to a store of this version.
fn open(path: &Path) -> Result<Connection> {
    let what = path.display();
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| unavailable(format_args!("store {what} cannot be opened"), &error))?;
    let read = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let ids = read("PRAGMA application_id").and_then(|application| Ok((application, read("PRAGMA user_version")?)));
    let ids = ids.map_err(|error| unavailable(format_args!("store {what} cannot be read"), &error))?;
    if ids != (APPLICATION_ID, USER_VERSION) {
        let message = format!("{what} is not a libvault store of version {USER_VERSION}");
        return Err(Error::new(ErrorCode::StoreUnavailable, message));
    }
    Ok(connection)
}

/// Nothing in a damaged store, which is for its reader to find out.
fn read_identity(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    let row = connection.query_row("SELECT value FROM meta WHERE name = 'lookup_key'", [], |row| row.get(0));
    Ok(row.optional()?.unwrap_or_default())
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A deleted KEK must not survive in a free page.
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn select_managed_key(connection: &Connection, item_hash: &[u8; 32]) -> rusqlite::Result<Option<StoredKey>> {
    connection
        .prepare_cached("SELECT id, wrapped FROM managed_keys WHERE item_hash = ?1")?
        .query_row([item_hash], |row| Ok(StoredKey { id: Id(row.get(0)?), wrapped: row.get(1)? }))
        .optional()
}

fn select_address(connection: &Connection, id: &Id) -> rusqlite::Result<Option<[u8; 32]>> {
    connection
        .prepare_cached("SELECT address FROM key_addresses WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()
}

fn unavailable(what: impl std::fmt::Display, error: &rusqlite::Error) -> Error {
    Error::new(ErrorCode::StoreUnavailable, format!("{what}: {error}"))
}
