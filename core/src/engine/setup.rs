//! Opening a vault: files are read, ids pinned, and nothing secret is made up that was not configured.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Snapshot;
use super::keks::KekFactory;
use crate::aead::{Random, SystemRandom};
use crate::audit::{Audit, AuditSink, FileSink};
use crate::call::now;
use crate::clock::{Clock, SystemClock};
use crate::config::{AuditConfig, Config};
use crate::error::{Error, ErrorCode, Result};
use crate::kms::KeyFile;
use crate::lease::Leases;
use crate::log::Log;
use crate::managed::ManagedKeys;
use crate::registry::{Owners, Registry};
use crate::stats::Counters;
use crate::store::Store;

/// Where randomness and time come from.
pub(crate) struct Environment {
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Key files are then reached through it, as keys of a KMS are.
    #[cfg(test)]
    pub(crate) kms: Option<Arc<crate::kms::HeldKms>>,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            random: Arc::new(SystemRandom),
            clock: Arc::new(SystemClock),
            #[cfg(test)]
            kms: None,
        }
    }
}

impl Snapshot {
    /// Reads the files that the configuration names. What the one before had open and is still right is taken over.
    pub(super) fn new(
        config: Config,
        environment: &Environment,
        counters: &Arc<Counters>,
        log: &Arc<Log>,
        before: Option<&Snapshot>,
    ) -> Result<Self> {
        let Environment { random, clock, .. } = environment;
        let root_key = KeyFile::read(&config.root_key_path, "root_key.path")?;
        let store = open_store(&config)?;
        let managed =
            now(ManagedKeys::open(store, root_key, Arc::clone(random), Arc::clone(clock), Arc::clone(counters)))?;
        if config.allow_endpoint {
            log.warn("development", "development: development.allow_endpoint is on, which is not for production");
        }
        if let Some(endpoint) = &config.aws_endpoint {
            log.warn("development", format!("development: AWS KMS is replaced by {endpoint}"));
        }
        #[cfg(feature = "gcp")]
        if let Some(place) = config.gcp.endpoint.replacement() {
            log.warn("development", format!("development: Google Cloud is replaced by {place}"));
        }
        let audit_file = match &config.audit {
            Some(audit) => Some(AuditFile::open(audit, before, log)?),
            None => None,
        };
        let audit = audit_file.as_ref().map(|file| {
            let every_message = config.audit.as_ref().is_some_and(|audit| audit.every_message);
            let sink = Arc::clone(&file.0) as Arc<dyn AuditSink>;
            Audit::new(sink, managed.audit_key(), Arc::clone(counters), every_message)
        });
        if let Some(route) = &config.azure_route {
            log.warn("development", format!("development: Azure Key Vault is replaced by {route}"));
        }
        let before_registry = before.map(|before| &before.registry);
        let managed = Arc::new(managed);
        let owners = Arc::new(Owners::default());
        let keks = KekFactory::new(&config, &managed, &owners, environment, counters, log, before_registry);
        let bindings = config.bindings.into_iter().map(|binding| keks.binding(binding)).collect::<Result<Vec<_>>>()?;
        let registry = Registry::new(bindings, config.rules, &owners)?;
        pin_addresses(&registry, &managed)?;
        Ok(Self {
            registry,
            managed,
            leases: Arc::new(Leases::new(config.leases, Arc::clone(clock), Arc::clone(counters))),
            random: Arc::clone(random),
            counters: Arc::clone(counters),
            log: Arc::clone(log),
            full_context: config.full_context,
            total_timeout: config.timeouts.total,
            audit,
            audit_file,
            superseded: AtomicBool::new(false),
        })
    }
}

/// The audit trail's file. A reload keeps it where it stays the same, so that what waits in it is not lost.
pub(super) struct AuditFile(Arc<FileSink>);

impl AuditFile {
    fn open(config: &AuditConfig, before: Option<&Snapshot>, log: &Arc<Log>) -> Result<Self> {
        let same = before.and_then(|before| before.audit_file.as_ref());
        match same.filter(|file| file.0.is_for(&config.path, config.durable)) {
            Some(file) => Ok(Self(Arc::clone(&file.0))),
            None => FileSink::open(&config.path, config.durable, Arc::clone(log)).map(|sink| Self(Arc::new(sink))),
        }
    }
}

#[cfg(feature = "sqlite")]
fn open_store(config: &Config) -> Result<Box<dyn Store>> {
    let path = &config.store_path;
    if !path.exists() {
        let message =
            format!("there is no store at {}: `libvault init` makes one together with its root key", path.display());
        return Err(Error::config("store", message));
    }
    crate::store::sqlite::SqliteStore::open(path).map(|store| Box::new(store) as Box<dyn Store>)
}

#[cfg(not(feature = "sqlite"))]
fn open_store(_config: &Config) -> Result<Box<dyn Store>> {
    Err(Error::config("store", "this build of libvault lacks the feature \"sqlite\""))
}

fn pin_addresses(registry: &Registry, managed: &ManagedKeys) -> Result<()> {
    let keys = registry.bindings().flat_map(|binding| &binding.keys).filter(|key| !key.is_alias);
    let addresses: Vec<_> = keys.map(|key| (key.id, key.address.clone())).collect();
    let Some(id) = now(managed.pin_addresses(&addresses))? else {
        return Ok(());
    };
    let name = registry.key(id).map_or("", |key| &key.name);
    let message =
        format!("key {name} had another address before: ids are never re-pointed, so give the new key a new id");
    Err(Error::new(ErrorCode::Conflict, message))
}
