//! The configuration: a TOML file or a mapping of the same shape, parsed into values that cannot be wrong (`docs/configuration.md`).

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(feature = "azure")]
mod azure;
mod bindings;
#[cfg(feature = "gcp")]
mod gcp;
mod raw;
mod regions;

pub(crate) use bindings::{BindingConfig, KeyAddress, KeyConfig};
#[cfg(feature = "gcp")]
pub(crate) use gcp::GcpConfig;
use regions::AllowedRegions;

use crate::context::Context;
use crate::error::{Error, ErrorCode, Result};
use crate::kms::Timeouts;
#[cfg(feature = "aws")]
use crate::kms::aws::AwsIdentity;
#[cfg(feature = "azure")]
use crate::kms::azure::AzureIdentity;
use crate::kms::network::{NetworkConfig, ProxyRule};
use crate::lease::LeaseRules;
use crate::registry::MatchRules;

/// A checked configuration. Files that it names are read when the vault is opened.
pub struct Config {
    pub(crate) root_key_path: PathBuf,
    pub(crate) store_path: PathBuf,
    pub(crate) rules: MatchRules,
    pub(crate) full_context: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) leases: LeaseRules,
    pub(crate) audit: Option<AuditConfig>,
    pub(crate) network: NetworkConfig,
    #[cfg(feature = "aws")]
    pub(crate) aws_identity: AwsIdentity,
    pub(crate) aws_endpoint: Option<String>,
    #[cfg(feature = "gcp")]
    pub(crate) gcp: GcpConfig,
    /// None: no `[azure]` is configured, and no key needs it.
    #[cfg(feature = "azure")]
    pub(crate) azure_identity: Option<AzureIdentity>,
    pub(crate) azure_route: Option<SocketAddr>,
    /// The development switch is on, used or not.
    pub(crate) allow_endpoint: bool,
    pub(crate) bindings: Vec<BindingConfig>,
}

/// Where the audit trail is written.
pub(crate) struct AuditConfig {
    pub(crate) path: PathBuf,
    /// A result waits until its event is on disk.
    pub(crate) durable: bool,
    /// Messages under a lease are recorded one by one.
    pub(crate) every_message: bool,
}

impl Config {
    /// Reads a TOML file. Relative paths in it are relative to its directory.
    ///
    /// # Errors
    /// `InvalidConfig` with the path of the field, or if the file cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message =
                format!("configuration {} cannot be read: {error}; `libvault init` makes one", path.display());
            Error::new(ErrorCode::InvalidConfig, message)
        })?;
        let directory = path.parent().unwrap_or(Path::new("."));
        Self::from_toml(&text, directory)
    }

    /// Parses TOML text. Relative paths in it are relative to `base_directory`.
    ///
    /// # Errors
    /// `InvalidConfig` with the path of the field.
    pub fn from_toml(text: &str, base_directory: &Path) -> Result<Self> {
        raw::from_toml(text)?.check(base_directory)
    }

    /// Parses JSON text: how bindings pass a mapping. Relative paths in it are relative to `base_directory`.
    ///
    /// # Errors
    /// `InvalidConfig` with the path of the field.
    pub fn from_json(text: &str, base_directory: &Path) -> Result<Self> {
        raw::from_json(text)?.check(base_directory)
    }
}

/// Shows nothing but the number of bindings: a configuration holds credentials.
impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Config").field("bindings", &self.bindings.len()).finish_non_exhaustive()
    }
}

/// The error of opening a vault without a configuration: there is no default key.
pub fn no_config_error() -> Error {
    let message = "no configuration was given, and there is no default key: run `libvault init DIRECTORY` to make a root key, \
                   a store and a configuration, then open DIRECTORY/libvault.toml";
    Error::new(ErrorCode::InvalidConfig, message)
}

impl raw::Config {
    fn check(self, base: &Path) -> Result<Config> {
        let root_key = self.root_key;
        if root_key.provider != "local" {
            return Err(Error::config("root_key.provider", "only \"local\" is known so far"));
        }
        let rules = MatchRules {
            fallback: self.fallback == raw::Fallback::Managed,
            strict_names: self.strict_names,
            required_names: self.required_names,
            shred_items: check_shred_items(self.shred_items)?,
        };
        let aws_endpoint =
            development_endpoint("aws.endpoint", self.aws.endpoint.as_deref(), self.development.allow_endpoint)?;
        let azure_route =
            development_route("azure.endpoint", self.azure.endpoint.as_deref(), self.development.allow_endpoint)?;
        let allowed_regions = AllowedRegions::check(self.allowed_regions, "allowed_regions")?;
        let bindings = bindings::check(self.bindings, base, &allowed_regions)?;
        #[cfg(feature = "azure")]
        let azure_identity = self.azure.identity(base)?;
        #[cfg(feature = "azure")]
        azure::check_identity(azure_identity.as_ref(), &bindings)?;
        Ok(Config {
            root_key_path: base.join(&root_key.path),
            store_path: base.join(&self.store),
            rules,
            full_context: self.context_in_header == raw::ContextInHeader::Full,
            timeouts: self.timeouts.check()?,
            leases: self.leases.check()?,
            audit: self.audit.check(base)?,
            network: self.network.check(base)?,
            #[cfg(feature = "aws")]
            aws_identity: self.aws.identity()?,
            aws_endpoint,
            #[cfg(feature = "gcp")]
            gcp: self.gcp.check(base, self.development.allow_endpoint)?,
            #[cfg(feature = "azure")]
            azure_identity,
            azure_route,
            allow_endpoint: self.development.allow_endpoint,
            bindings,
        })
    }
}

/// A name that no context can have would shred nothing, silently.
fn check_shred_items(names: Vec<String>) -> Result<Vec<String>> {
    for (index, name) in names.iter().enumerate() {
        Context::new([(name, "value")])
            .map_err(|error| Error::config(format!("shred_items[{index}]"), error.message()))?;
    }
    Ok(names)
}

impl raw::Timeouts {
    fn check(&self) -> Result<Timeouts> {
        let check = |name: &str, milliseconds: u64| {
            if !(1..=60_000).contains(&milliseconds) {
                return Err(Error::config(format!("timeouts.{name}"), "is not from 1 to 60000 milliseconds"));
            }
            Ok(Duration::from_millis(milliseconds))
        };
        Ok(Timeouts {
            connect: check("connect", self.connect)?,
            attempt: check("attempt", self.attempt)?,
            total: check("total", self.total)?,
        })
    }
}

impl raw::Leases {
    fn check(&self) -> Result<LeaseRules> {
        if self.max_age > 300_000 {
            let message = "is over 300000 milliseconds: so long a data key could outlive a revocation (0: no leases)";
            return Err(Error::config("leases.max_age", message));
        }
        if !(1..=1 << 32).contains(&self.max_messages) {
            let message = "is not from 1 to 4294967296 messages (leases.max_age = 0: no leases)";
            return Err(Error::config("leases.max_messages", message));
        }
        if self.max_bytes == 0 {
            return Err(Error::config("leases.max_bytes", "is 0 (leases.max_age = 0: no leases)"));
        }
        let (max_messages, max_bytes) = (self.max_messages, self.max_bytes);
        Ok(LeaseRules { max_age: Duration::from_millis(self.max_age), max_messages, max_bytes })
    }
}

impl raw::Audit {
    fn check(self, base: &Path) -> Result<Option<AuditConfig>> {
        let unused = |name: &str| Error::config(format!("audit.{name}"), "needs audit.sink = \"file\"");
        match self.sink {
            raw::AuditSink::None if self.path.is_some() => Err(unused("path")),
            raw::AuditSink::None if self.mode.is_some() => Err(unused("mode")),
            raw::AuditSink::None if self.every_message.is_some() => Err(unused("every_message")),
            raw::AuditSink::None => Ok(None),
            raw::AuditSink::File => {
                let path = self.path.ok_or_else(|| Error::config("audit.path", "is missing"))?;
                let durable = self.mode.unwrap_or_default() == raw::AuditMode::Strict;
                let every_message = self.every_message.unwrap_or(false);
                Ok(Some(AuditConfig { path: base.join(path), durable, every_message }))
            }
        }
    }
}

impl raw::Network {
    fn check(self, base: &Path) -> Result<NetworkConfig> {
        let proxy = self.proxy.as_deref().map_or(Ok(ProxyRule::default()), ProxyRule::parse)?;
        Ok(NetworkConfig { proxy, ca_bundle: self.ca_bundle.map(|path| base.join(path)) })
    }
}

#[cfg(feature = "aws")]
impl raw::Aws {
    fn identity(self) -> Result<AwsIdentity> {
        use raw::AwsCredentials::{Default, Profile, Static};
        let unused = |name: &str| Error::config(format!("aws.{name}"), "does not go with this kind of aws.credentials");
        let missing = |name: &str| Error::config(format!("aws.{name}"), "is missing");
        let has_static =
            self.access_key_id.is_some() || self.secret_access_key.is_some() || self.session_token.is_some();
        match self.credentials {
            Profile if has_static => Err(unused("access_key_id")),
            Default if has_static => Err(unused("access_key_id")),
            Default | Static if self.profile.is_some() => Err(unused("profile")),
            Default => Ok(AwsIdentity::DefaultChain),
            Profile => self.profile.map(AwsIdentity::Profile).ok_or_else(|| missing("profile")),
            Static => Ok(AwsIdentity::Static {
                access_key_id: self.access_key_id.ok_or_else(|| missing("access_key_id"))?,
                secret_access_key: self.secret_access_key.ok_or_else(|| missing("secret_access_key"))?,
                session_token: self.session_token,
            }),
        }
    }
}

/// An endpoint of one's own is for emulators: plain `http` on this machine, or `https`, and only behind the switch.
fn development_endpoint(field: &str, endpoint: Option<&str>, allowed: bool) -> Result<Option<String>> {
    let Some(endpoint) = endpoint else { return Ok(None) };
    if !allowed {
        return Err(Error::config(field, "needs development.allow_endpoint = true"));
    }
    let is_loopback = endpoint.strip_prefix("http://").is_some_and(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        // `user@` would put the real host behind what looks like one.
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        !authority.contains('@') && matches!(host, "127.0.0.1" | "localhost" | "[::1]")
    });
    if !is_loopback && !endpoint.starts_with("https://") {
        return Err(Error::config(
            field,
            "is neither https:// nor http:// on this machine (127.0.0.1, localhost, [::1])",
        ));
    }
    Ok(Some(endpoint.to_owned()))
}

/// As [`development_endpoint`], for providers that keep the names of hosts: the address of this machine that all their connections go to.
pub(crate) fn development_route(field: &str, endpoint: Option<&str>, allowed: bool) -> Result<Option<SocketAddr>> {
    let Some(endpoint) = development_endpoint(field, endpoint, allowed)? else { return Ok(None) };
    let address = endpoint.split_once("://").map_or("", |(_, rest)| rest).trim_end_matches('/');
    match address.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() && address.port() != 0 => Ok(Some(address)),
        _ => Err(Error::config(field, "is not an address of this machine and a port, such as https://127.0.0.1:8443")),
    }
}
