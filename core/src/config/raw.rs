//! The shape of the configuration as it is written. Unknown fields are refused by name.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorCode, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) store: PathBuf,
    pub(super) root_key: RootKey,
    #[serde(default)]
    pub(super) fallback: Fallback,
    #[serde(default)]
    pub(super) context_in_header: ContextInHeader,
    #[serde(default = "yes")]
    pub(super) strict_names: bool,
    #[serde(default)]
    pub(super) required_names: Vec<String>,
    #[serde(default)]
    pub(super) shred_items: Vec<String>,
    #[serde(default)]
    pub(super) timeouts: Timeouts,
    #[serde(default)]
    pub(super) leases: Leases,
    #[serde(default)]
    pub(super) audit: Audit,
    #[serde(default)]
    pub(super) network: Network,
    #[serde(default)]
    pub(super) aws: Aws,
    #[serde(default)]
    #[cfg_attr(not(feature = "gcp"), allow(dead_code))]
    pub(super) gcp: Gcp,
    #[serde(default)]
    pub(super) azure: Azure,
    pub(super) allowed_regions: Option<Vec<String>>,
    #[serde(default)]
    pub(super) development: Development,
    #[serde(default)]
    pub(super) bindings: Vec<Binding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootKey {
    pub(super) provider: String,
    pub(super) path: PathBuf,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fallback {
    #[default]
    Managed,
    Deny,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum ContextInHeader {
    #[default]
    Tag,
    Full,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Timeouts {
    pub(super) connect: u64,
    pub(super) attempt: u64,
    pub(super) total: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: 2_000, attempt: 5_000, total: 10_000 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Leases {
    pub(super) max_age: u64,
    pub(super) max_messages: u64,
    pub(super) max_bytes: u64,
}

impl Default for Leases {
    fn default() -> Self {
        Self { max_age: 60_000, max_messages: 1_000_000, max_bytes: 1 << 36 }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Audit {
    pub(super) sink: AuditSink,
    pub(super) path: Option<PathBuf>,
    pub(super) mode: Option<AuditMode>,
    pub(super) every_message: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuditSink {
    #[default]
    None,
    File,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuditMode {
    #[default]
    Strict,
    Relaxed,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Network {
    pub(super) proxy: Option<String>,
    pub(super) ca_bundle: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(not(feature = "aws"), allow(dead_code))]
pub(super) struct Aws {
    pub(super) credentials: AwsCredentials,
    pub(super) profile: Option<String>,
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<String>,
    pub(super) session_token: Option<String>,
    pub(super) endpoint: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum AwsCredentials {
    #[default]
    Default,
    Static,
    Profile,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(not(feature = "gcp"), allow(dead_code))]
pub(super) struct Gcp {
    pub(super) credentials: GcpCredentials,
    pub(super) path: Option<PathBuf>,
    pub(super) universe: Option<String>,
    pub(super) endpoint: Option<String>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum GcpCredentials {
    #[default]
    Default,
    ServiceAccountKey,
    Metadata,
    ExternalAccount,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(not(feature = "azure"), allow(dead_code))]
pub(super) struct Azure {
    pub(super) tenant_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) credentials: Option<AzureCredentials>,
    pub(super) client_secret: Option<String>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) endpoint: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum AzureCredentials {
    ClientSecret,
    ClientCertificate,
    WorkloadIdentity,
    ManagedIdentity,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Development {
    pub(super) allow_endpoint: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Binding {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) selector: Selector,
    #[serde(default = "active")]
    pub(super) state: State,
    #[serde(default = "customer_gated")]
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) while_pending: WhilePending,
    #[serde(default)]
    pub(super) shared: bool,
    pub(super) min_wraps: Option<usize>,
    #[serde(default)]
    pub(super) failover: Failover,
    #[serde(default)]
    pub(super) enforced: bool,
    pub(super) allowed_regions: Option<Vec<String>>,
    pub(super) keys: Vec<Key>,
}

/// Items as they stand, so that a name given twice is seen (JSON allows it).
pub(super) struct Selector(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> serde::de::Visitor<'de> for Items {
            type Value = Selector;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a table of names and values")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Selector, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = map.next_entry()? {
                    items.push(item);
                }
                Ok(Selector(items))
            }
        }
        deserializer.deserialize_map(Items)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Pending,
    Active,
    Suspended,
    Retired,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Policy {
    CustomerGated,
    DualControl,
    AnyOf,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum WhilePending {
    #[default]
    Managed,
    Deny,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failover {
    #[default]
    OnUnavailability,
    OnRefusal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) provider: String,
    pub(super) arn: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) fips_endpoint: Option<bool>,
    pub(super) dual_stack_endpoint: Option<bool>,
    pub(super) path: Option<PathBuf>,
    pub(super) name: Option<String>,
    pub(super) regional_endpoint: Option<bool>,
    pub(super) impersonate: Option<String>,
    pub(super) url: Option<String>,
    pub(super) region: Option<String>,
    pub(super) tenant_id: Option<String>,
}

fn yes() -> bool {
    true
}

fn active() -> State {
    State::Active
}

fn customer_gated() -> Policy {
    Policy::CustomerGated
}

pub(super) fn from_toml(text: &str) -> Result<Config> {
    // The library's own rendering quotes the line, which may hold a credential: only message and place are taken.
    let describe = |error: &toml::de::Error| match error.span() {
        Some(span) => format!("line {}: {}", 1 + text[..span.start].matches('\n').count(), error.message()),
        None => error.message().to_owned(),
    };
    let deserializer = toml::Deserializer::parse(text)
        .map_err(|error| Error::new(ErrorCode::InvalidConfig, format!("not TOML: {}", describe(&error))))?;
    with_path(deserializer, |error| error.message().to_owned())
}

pub(super) fn from_json(text: &str) -> Result<Config> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let config = with_path(&mut deserializer, ToString::to_string)?;
    let end = deserializer.end();
    end.map_err(|error| Error::new(ErrorCode::InvalidConfig, format!("not JSON: {error}")))?;
    Ok(config)
}

/// Deserialises, and says where in the configuration an error is.
fn with_path<'de, D>(deserializer: D, describe: impl Fn(&D::Error) -> String) -> Result<Config>
where
    D: serde::Deserializer<'de>,
    Config: DeserializeOwned,
{
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        // A message about a value of the wrong type quotes the value.
        let may_be_secret = ["aws", "azure", "gcp", "network"].contains(&path.split('.').next().unwrap_or_default());
        if may_be_secret && !describe(error.inner()).contains("unknown field") {
            return Error::config(path, "has a value of the wrong type, or one that is not known");
        }
        Error::config(path, describe(error.inner()))
    })
}
