//! Opening a vault: files are read, ids pinned, and nothing secret is made up that was not configured.

#[cfg(feature = "http-client")]
use std::cell::{LazyCell, OnceCell};
#[cfg(feature = "http-client")]
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Snapshot;
use crate::aead::{Random, SystemRandom};
use crate::audit::{Audit, AuditSink, FileSink};
use crate::call::now;
use crate::clock::{Clock, SystemClock};
#[cfg(feature = "gcp")]
use crate::config::GcpConfig;
use crate::config::{AuditConfig, BindingConfig, Config, KeyAddress, KeyConfig};
use crate::error::{Error, ErrorCode, Result};
#[cfg(feature = "aws")]
use crate::kms::aws::{AwsClients, AwsIdentity, AwsKey};
#[cfg(feature = "azure")]
use crate::kms::azure::{AzureClients, AzureIdentity, AzureKey};
#[cfg(feature = "gcp")]
use crate::kms::gcp::{GcpAccess, GcpKey};
#[cfg(feature = "http-client")]
use crate::kms::network::{HttpClients, Network};
use crate::kms::{Kek, KeyFile, LocalKey, OutOfRegion, RemoteKey, Timeouts};
use crate::lease::Leases;
use crate::log::Log;
use crate::managed::ManagedKeys;
use crate::registry::{Binding, CustomerKey, Registry, binding_id, key_id};
use crate::secret::Secret;
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
        let keks = KekFactory::new(&config, managed.origin_key(), environment, counters, log, before_registry);
        let bindings =
            config.bindings.into_iter().map(|binding| keks.binding(binding, &managed)).collect::<Result<Vec<_>>>()?;
        let registry = Registry::new(bindings, config.rules)?;
        pin_addresses(&registry, &managed)?;
        Ok(Self {
            registry,
            managed: Arc::new(managed),
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

/// Makes the handles of customer keys; those of one provider share its clients.
struct KekFactory<'a> {
    environment: &'a Environment,
    counters: &'a Arc<Counters>,
    log: &'a Arc<Log>,
    timeouts: Timeouts,
    before: Option<&'a Registry>,
    #[cfg(feature = "http-client")]
    network: Lazy<Arc<Network>>,
    #[cfg(feature = "aws")]
    aws: OnceCell<Arc<AwsClients>>,
    #[cfg(feature = "aws")]
    aws_settings: (AwsIdentity, Option<String>),
    #[cfg(feature = "gcp")]
    gcp: OnceCell<Arc<GcpAccess>>,
    #[cfg(feature = "gcp")]
    gcp_config: GcpConfig,
    #[cfg(feature = "azure")]
    azure: OnceCell<Arc<AzureClients>>,
    #[cfg(feature = "azure")]
    azure_settings: (Option<AzureIdentity>, Option<SocketAddr>),
    /// Of wraps that anyone could make.
    #[cfg_attr(not(feature = "azure"), allow(dead_code))]
    origin_key: Arc<Secret<32>>,
}

/// What only some configurations need, made from the configuration when the first key asks for it.
#[cfg(feature = "http-client")]
type Lazy<T> = LazyCell<Result<T>, Box<dyn FnOnce() -> Result<T>>>;

impl<'a> KekFactory<'a> {
    fn new(
        config: &Config,
        origin_key: Secret<32>,
        environment: &'a Environment,
        counters: &'a Arc<Counters>,
        log: &'a Arc<Log>,
        before: Option<&'a Registry>,
    ) -> Self {
        Self {
            environment,
            counters,
            log,
            timeouts: config.timeouts,
            before,
            #[cfg(feature = "http-client")]
            network: {
                let network = config.network.clone();
                LazyCell::new(Box::new(move || Network::new(&network).map(Arc::new)))
            },
            #[cfg(feature = "aws")]
            aws: OnceCell::new(),
            #[cfg(feature = "aws")]
            aws_settings: (config.aws_identity.clone(), config.aws_endpoint.clone()),
            #[cfg(feature = "gcp")]
            gcp: OnceCell::new(),
            #[cfg(feature = "gcp")]
            gcp_config: config.gcp.clone(),
            #[cfg(feature = "azure")]
            azure: OnceCell::new(),
            #[cfg(feature = "azure")]
            azure_settings: (config.azure_identity.clone(), config.azure_route),
            origin_key: Arc::new(origin_key),
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
        let (address, owned) = (config.address.canonical(), config.address.owned());
        if let Some(region) = config.refused_region {
            let kek = Box::new(OutOfRegion::new(config.address.provider(), region));
            return Ok(CustomerKey { id: key_id(&config.id), name: config.id, address, owned, kek });
        }
        let kek: Box<dyn Kek> = match config.address {
            KeyAddress::LocalFile { path, .. } => {
                let file = KeyFile::read(&path, &config.field)?;
                if managed.root_key_is_in(&file) {
                    return Err(root_key_as_customer_key(&config.field, &config.id));
                }
                let key = LocalKey::new(file, Arc::clone(&self.environment.random));
                #[cfg(test)]
                if let Some(kms) = &self.environment.kms {
                    let held = kms.hold(&config.id, key);
                    let kek = self.remote(held, &config.id, &address);
                    return Ok(CustomerKey { id: key_id(&config.id), name: config.id, address, owned, kek });
                }
                Box::new(key)
            }
            #[cfg(feature = "aws")]
            KeyAddress::Aws(aws) => self.remote(AwsKey::new(aws, self.aws()?), &config.id, &address),
            #[cfg(feature = "gcp")]
            KeyAddress::Gcp(gcp) => self.remote(GcpKey::new(gcp, self.gcp()?), &config.id, &address),
            #[cfg(feature = "azure")]
            KeyAddress::Azure { url, tenant, region } => {
                let key = AzureKey::new(url, tenant, region, Arc::clone(&self.origin_key), self.azure()?);
                self.remote(key, &config.id, &address)
            }
        };
        Ok(CustomerKey { id: key_id(&config.id), name: config.id, address, owned, kek })
    }

    #[cfg(feature = "aws")]
    fn aws(&self) -> Result<Arc<AwsClients>> {
        if let Some(clients) = self.aws.get() {
            return Ok(Arc::clone(clients));
        }
        let (identity, endpoint) = self.aws_settings.clone();
        let clock = Arc::clone(&self.environment.clock);
        let clients = AwsClients::new(identity, self.timeouts, endpoint, self.http(None)?, clock);
        Ok(Arc::clone(self.aws.get_or_init(|| Arc::new(clients))))
    }

    #[cfg(feature = "gcp")]
    fn gcp(&self) -> Result<Arc<GcpAccess>> {
        if let Some(access) = self.gcp.get() {
            return Ok(Arc::clone(access));
        }
        let GcpConfig { identity, universe, endpoint } = &self.gcp_config;
        let http = self.http(endpoint.route())?;
        let access = GcpAccess::new(identity, *universe, endpoint, http, Arc::clone(&self.environment.clock))?;
        Ok(Arc::clone(self.gcp.get_or_init(|| Arc::new(access))))
    }

    #[cfg(feature = "azure")]
    fn azure(&self) -> Result<Arc<AzureClients>> {
        if let Some(clients) = self.azure.get() {
            return Ok(Arc::clone(clients));
        }
        let (identity, route) = self.azure_settings.clone();
        let identity = identity.ok_or_else(|| Error::config("azure", "is missing"))?;
        let clients = Arc::new(AzureClients::new(identity, self.http(route)?)?);
        Ok(Arc::clone(self.azure.get_or_init(|| clients)))
    }

    /// HTTP clients of one provider, which share the network's settings with the others.
    #[cfg(feature = "http-client")]
    fn http(&self, route: Option<SocketAddr>) -> Result<HttpClients> {
        let network = self.network.as_ref().map_err(Clone::clone)?;
        Ok(HttpClients::new(Arc::clone(network), self.timeouts.connect, route))
    }

    /// What is known of the key's health outlives a reload, as long as the id stands for the same address.
    fn remote(&self, key: impl Kek + 'static, name: &str, address: &str) -> Box<dyn Kek> {
        let known = self.before.and_then(|before| before.key(key_id(name))).filter(|known| known.address == address);
        let health = known.and_then(|known| known.kek.health()).map_or_else(Arc::default, Arc::clone);
        let Environment { clock, .. } = self.environment;
        let (clock, counters, log) = (Arc::clone(clock), Arc::clone(self.counters), Arc::clone(self.log));
        Box::new(RemoteKey::new(Box::new(key), name, health, self.timeouts, clock, counters, log))
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
    let name = registry.key(id).map_or("", |key| &key.name);
    let message =
        format!("key {name} had another address before: ids are never re-pointed, so give the new key a new id");
    Err(Error::new(ErrorCode::Conflict, message))
}
