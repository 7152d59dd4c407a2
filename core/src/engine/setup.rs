//! Opening a vault: files are read, ids pinned, and nothing secret is made up that was not configured.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Snapshot;
use crate::aead::{Random, SystemRandom};
use crate::audit::{Audit, AuditSink, FileSink};
use crate::call::now;
use crate::clock::{Clock, SystemClock};
use crate::config::{AuditConfig, BindingConfig, Config, KeyAddress, KeyConfig};
use crate::error::{Error, ErrorCode, Result};
#[cfg(feature = "aws")]
use crate::kms::aws::{AwsClients, AwsKey};
use crate::kms::{Kek, KeyFile, LocalKey};
use crate::log::Log;
use crate::managed::ManagedKeys;
use crate::registry::{Binding, CustomerKey, Registry, binding_id, key_id};
use crate::stats::Counters;
use crate::store::Store;

/// Where randomness and time come from.
pub(crate) struct Environment {
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for Environment {
    fn default() -> Self {
        Self { random: Arc::new(SystemRandom), clock: Arc::new(SystemClock) }
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
        let Environment { random, clock } = environment;
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
        let audit_file = match &config.audit {
            Some(audit) => Some(AuditFile::open(audit, before, log)?),
            None => None,
        };
        let audit = audit_file.as_ref().map(|file| {
            Audit::new(Arc::clone(&file.0) as Arc<dyn AuditSink>, managed.audit_key(), Arc::clone(counters))
        });
        let keks = KekFactory::new(&config, random);
        let bindings =
            config.bindings.into_iter().map(|binding| keks.binding(binding, &managed)).collect::<Result<Vec<_>>>()?;
        let registry = Registry::new(bindings, config.rules)?;
        pin_addresses(&registry, &managed)?;
        Ok(Self {
            registry,
            managed: Arc::new(managed),
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

/// Makes the handles of customer keys; those of one provider share its clients.
struct KekFactory {
    random: Arc<dyn Random>,
    #[cfg(feature = "aws")]
    aws: Arc<AwsClients>,
}

impl KekFactory {
    fn new(config: &Config, random: &Arc<dyn Random>) -> Self {
        Self {
            random: Arc::clone(random),
            #[cfg(feature = "aws")]
            aws: Arc::new(AwsClients::new(config.aws_identity.clone(), config.timeouts, config.aws_endpoint.clone())),
        }
    }

    fn binding(&self, config: BindingConfig, managed: &ManagedKeys) -> Result<Binding> {
        let items = config.selector.items().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Binding {
            id: binding_id(&config.id),
            name: config.id,
            owner: config.owner,
            selector_items: items.collect(),
            selector: config.selector,
            state: config.state,
            policy: config.policy,
            deny_while_pending: config.deny_while_pending,
            shared: config.shared,
            min_wraps: config.min_wraps,
            fail_over_on_refusal: config.fail_over_on_refusal,
            enforced: config.enforced,
            keys: config.keys.into_iter().map(|key| self.key(key, managed).map(Arc::new)).collect::<Result<_>>()?,
        })
    }

    fn key(&self, config: KeyConfig, managed: &ManagedKeys) -> Result<CustomerKey> {
        let address = config.address.canonical();
        let kek: Box<dyn Kek> = match config.address {
            KeyAddress::LocalFile { path, .. } => {
                let file = KeyFile::read(&path, &config.field)?;
                if managed.root_key_is_in(&file) {
                    return Err(root_key_as_customer_key(&config.field, &config.id));
                }
                Box::new(LocalKey::new(file, Arc::clone(&self.random)))
            }
            #[cfg(feature = "aws")]
            KeyAddress::Aws(arn) => Box::new(AwsKey::new(arn, Arc::clone(&self.aws))),
        };
        Ok(CustomerKey { id: key_id(&config.id), name: config.id, address, kek })
    }
}

/// Data would seem to depend on a customer while the vendor alone opens it. The keys are compared, not the paths: a copy is no better.
fn root_key_as_customer_key(field: &str, id: &str) -> Error {
    let message = format!(
        "{field}: the key file of {id} holds the vendor's root key, which cannot be a customer's key as well: \
         `libvault keygen` makes a key of the customer's own"
    );
    Error::new(ErrorCode::Conflict, message).with_field(field)
}

fn pin_addresses(registry: &Registry, managed: &ManagedKeys) -> Result<()> {
    let keys = registry.bindings().flat_map(|binding| &binding.keys);
    let addresses: Vec<_> = keys.map(|key| (key.id, key.address.clone())).collect();
    let Some(id) = now(managed.pin_addresses(&addresses))? else {
        return Ok(());
    };
    let name = registry.binding_of_key(id).and_then(|binding| binding.key(id)).map_or("", |key| &key.name);
    let message =
        format!("key {name} had another address before: ids are never re-pointed, so give the new key a new id");
    Err(Error::new(ErrorCode::Conflict, message))
}
