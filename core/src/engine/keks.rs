//! Handles of customers' keys, made from the configuration.

#[cfg(feature = "http-client")]
use std::cell::{LazyCell, OnceCell};
#[cfg(feature = "http-client")]
use std::net::SocketAddr;
use std::sync::Arc;

use super::setup::Environment;
#[cfg(feature = "aws")]
use crate::call::now;
#[cfg(feature = "gcp")]
use crate::config::GcpConfig;
use crate::config::{BindingConfig, Config, KeyAddress, KeyConfig};
use crate::error::{Error, ErrorCode, Result};
#[cfg(feature = "aws")]
use crate::fork::undivided;
#[cfg(feature = "aws")]
use crate::kms::aws::{AliasPin, AwsClients, AwsIdentity, AwsKey};
#[cfg(feature = "azure")]
use crate::kms::azure::{AzureClients, AzureIdentity, AzureKey};
#[cfg(feature = "gcp")]
use crate::kms::gcp::{GcpAccess, GcpKey};
#[cfg(feature = "http-client")]
use crate::kms::network::{HttpClients, Network};
use crate::kms::{Kek, KeyFile, LocalKey, OutOfRegion, RemoteKey, Timeouts};
use crate::log::Log;
use crate::managed::ManagedKeys;
#[cfg(feature = "aws")]
use crate::registry::owned_id;
use crate::registry::{Binding, CustomerKey, Owners, Registry, binding_id, key_id};
use crate::secret::Secret;
use crate::stats::Counters;

/// Makes the handles of customer keys; those of one provider share its clients.
pub(super) struct KekFactory<'a> {
    managed: &'a Arc<ManagedKeys>,
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    owners: &'a Arc<Owners>,
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
    pub(super) fn new(
        config: &Config,
        managed: &'a Arc<ManagedKeys>,
        owners: &'a Arc<Owners>,
        environment: &'a Environment,
        counters: &'a Arc<Counters>,
        log: &'a Arc<Log>,
        before: Option<&'a Registry>,
    ) -> Self {
        Self {
            managed,
            owners,
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
            origin_key: Arc::new(managed.origin_key()),
        }
    }

    pub(super) fn binding(&self, config: BindingConfig) -> Result<Binding> {
        let items = config.selector.items().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let keys =
            config.keys.into_iter().map(|key| self.key(key, &config.owner).map(Arc::new)).collect::<Result<_>>()?;
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
            keys,
        })
    }

    #[cfg_attr(not(feature = "aws"), allow(unused_variables))]
    fn key(&self, config: KeyConfig, owner: &str) -> Result<CustomerKey> {
        let (address, owned, is_alias) =
            (config.address.canonical(), config.address.owned(), config.address.is_alias());
        if let Some(region) = config.refused_region {
            let kek = Box::new(OutOfRegion::new(config.address.provider(), region));
            return Ok(CustomerKey { id: key_id(&config.id), name: config.id, address, is_alias, owned, kek });
        }
        let kek: Box<dyn Kek> = match config.address {
            KeyAddress::LocalFile { path, .. } => {
                let file = KeyFile::read(&path, &config.field)?;
                if self.managed.root_key_is_in(&file) {
                    return Err(root_key_as_customer_key(&config.field, &config.id));
                }
                let key = LocalKey::new(file, Arc::clone(&self.environment.random));
                #[cfg(test)]
                if let Some(kms) = &self.environment.kms {
                    let held = kms.hold(&config.id, key);
                    let kek = self.remote(held, &config.id, &address);
                    return Ok(CustomerKey { id: key_id(&config.id), name: config.id, address, is_alias, owned, kek });
                }
                Box::new(key)
            }
            #[cfg(feature = "aws")]
            KeyAddress::Aws(aws) => {
                let pin = || -> Arc<dyn AliasPin> {
                    let (managed, owners) = (Arc::clone(self.managed), Arc::clone(self.owners));
                    Arc::new(StorePin { managed, owners, name: config.id.clone(), owner: owner.to_owned() })
                };
                self.remote(AwsKey::new(aws, pin, self.aws()?, &config.id, self.log), &config.id, &address)
            }
            #[cfg(feature = "gcp")]
            KeyAddress::Gcp(gcp) => self.remote(GcpKey::new(gcp, self.gcp()?), &config.id, &address),
            #[cfg(feature = "azure")]
            KeyAddress::Azure { url, tenant, region } => {
                let key = AzureKey::new(url, tenant, region, Arc::clone(&self.origin_key), self.azure()?);
                self.remote(key, &config.id, &address)
            }
        };
        Ok(CustomerKey { id: key_id(&config.id), name: config.id, address, is_alias, owned, kek })
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
        let clock = Arc::clone(&self.environment.clock);
        let clients = Arc::new(AzureClients::new(identity, self.http(route)?, clock, self.log)?);
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

/// Remembers in the store what an alias was settled on, as if the configuration had named the key.
#[cfg(feature = "aws")]
struct StorePin {
    managed: Arc<ManagedKeys>,
    owners: Arc<Owners>,
    /// Of the key in the configuration.
    name: String,
    owner: String,
}

#[cfg(feature = "aws")]
impl AliasPin for StorePin {
    fn pin(&self, arn: &str, owned: String) -> Result<()> {
        // A fork in the middle would leave a child with a lock that nobody opens.
        let _undivided = undivided();
        let owned = ("address", owned);
        let of_another = || {
            let message = "the alias stands for a key that is another owner's, or was when it was first used: \
                           if the owner was only renamed, name the key by its ARN";
            Error::new(ErrorCode::Conflict, message)
        };
        if !self.owners.is_free_for(&owned, &self.owner) {
            return Err(of_another());
        }
        // Of two owners whose aliases stand for one key the first to use it has it, in later processes too. Both are remembered, or neither.
        let pins = [(key_id(&self.name), arn.to_owned()), (owned_id(&owned.1), self.owner.clone())];
        match now(self.managed.pin_addresses(&pins))? {
            None => self.owners.claim(owned, &self.owner, &self.name).map_err(|_| of_another()),
            Some(id) if id == pins[0].0 => Err(Error::new(
                ErrorCode::Conflict,
                "the alias was given to another key since it was first used, and ids are never re-pointed: \
                 name the first key by its ARN, and give the new one a new id",
            )),
            Some(_) => Err(of_another()),
        }
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
