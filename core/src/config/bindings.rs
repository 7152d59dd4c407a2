//! Bindings as the configuration gives them, checked.

use std::path::{Path, PathBuf};

use super::raw;
use super::regions::{self, AllowedRegions, Place};
use crate::context::Context;
use crate::envelope::Policy;
use crate::error::{Error, Result};
#[cfg(feature = "aws")]
use crate::kms::aws::{AssumedRole, AwsAccess, AwsAddress, EndpointVariant, ExternalId, KeyReference, RoleArn};
#[cfg(feature = "azure")]
use crate::kms::azure::{KeyUrl, is_tenant_id};
#[cfg(feature = "gcp")]
use crate::kms::gcp::{GcpAddress, KeyName, ServiceAccount};
use crate::registry::State;

const MAX_KEYS: usize = 10;
const MAX_ID_LENGTH: usize = 64;
const MAX_OWNER_CHARS: usize = 200;

pub(crate) struct BindingConfig {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) selector: Context,
    pub(crate) state: State,
    pub(crate) policy: Policy,
    pub(crate) deny_while_pending: bool,
    pub(crate) shared: bool,
    pub(crate) min_wraps: usize,
    pub(crate) fail_over_on_refusal: bool,
    pub(crate) enforced: bool,
    pub(crate) keys: Vec<KeyConfig>,
}

pub(crate) struct KeyConfig {
    pub(crate) id: String,
    pub(crate) address: KeyAddress,
    /// The key's region, if `allowed_regions` does not name it: the key is not to be called.
    pub(crate) refused_region: Option<String>,
    /// The path of the address in the configuration, for errors that show only when the vault is opened.
    pub(crate) field: String,
}

pub(crate) enum KeyAddress {
    /// Remembered as configured, so that a whole deployment can move to another directory.
    LocalFile { configured: PathBuf, path: PathBuf },
    #[cfg(feature = "aws")]
    Aws(AwsAddress),
    #[cfg(feature = "gcp")]
    Gcp(GcpAddress),
    /// The tenant is the customer's, where it is not the vendor's; the region is declared.
    #[cfg(feature = "azure")]
    Azure { url: KeyUrl, tenant: Option<String>, region: Option<String> },
}

impl KeyAddress {
    /// What the store remembers, so that an id is never re-pointed.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Self::LocalFile { configured, .. } => format!("local:{}", configured.display()),
            // The same key, by whatever endpoint and as whomever it is used.
            #[cfg(feature = "aws")]
            Self::Aws(address) => address.key.as_str().to_owned(),
            #[cfg(feature = "gcp")]
            Self::Gcp(address) => address.name.to_string(),
            #[cfg(feature = "azure")]
            Self::Azure { url, .. } => url.canonical(),
        }
    }

    /// Whether it shows only when the key is used which key this is: the store then remembers it from that time on.
    pub(crate) fn is_alias(&self) -> bool {
        match self {
            #[cfg(feature = "aws")]
            Self::Aws(AwsAddress { key: KeyReference::Alias(_), .. }) => true,
            _ => false,
        }
    }

    /// What is one owner's alone, and what it is called in an error.
    pub(crate) fn owned(&self) -> Vec<(&'static str, String)> {
        match self {
            #[cfg(feature = "aws")]
            Self::Aws(address) => {
                let of_role = |role: &AssumedRole| {
                    [("role_arn", role.arn.as_str().to_owned()), ("external_id", role.external_id.as_str().to_owned())]
                };
                let key = match &address.key {
                    KeyReference::Key(key) => key.owned(),
                    // The key behind it is settled when it is first used.
                    KeyReference::Alias(alias) => alias.as_str().to_owned(),
                };
                std::iter::once(("address", key)).chain(address.access.role.iter().flat_map(of_role)).collect()
            }
            _ => vec![("address", self.canonical())],
        }
    }

    /// The name of the provider.
    pub(crate) fn provider(&self) -> &'static str {
        match self {
            Self::LocalFile { .. } => "local",
            #[cfg(feature = "aws")]
            Self::Aws(_) => "aws",
            #[cfg(feature = "azure")]
            Self::Azure { .. } => "azure",
            #[cfg(feature = "gcp")]
            Self::Gcp(_) => "gcp",
        }
    }

    /// Where the key is, for `allowed_regions`: what the address says, or what was declared.
    fn region(&self) -> Place<'_> {
        match self {
            Self::LocalFile { .. } => Place::Nowhere,
            #[cfg(feature = "aws")]
            Self::Aws(address) => Place::Region(address.access.place.region()),
            #[cfg(feature = "azure")]
            Self::Azure { region, .. } => region.as_deref().map_or(Place::Undeclared, Place::Region),
            #[cfg(feature = "gcp")]
            Self::Gcp(address) => Place::Region(address.name.location()),
        }
    }
}

pub(super) fn check(bindings: Vec<raw::Binding>, base: &Path, allowed: &AllowedRegions) -> Result<Vec<BindingConfig>> {
    bindings
        .into_iter()
        .enumerate()
        .map(|(index, binding)| binding.check(&format!("bindings[{index}]"), base, allowed))
        .collect()
}

impl raw::Binding {
    fn check(self, field: &str, base: &Path, allowed: &AllowedRegions) -> Result<BindingConfig> {
        check_id(&self.id, &format!("{field}.id"))?;
        let owner_length = self.owner.chars().count();
        if !(1..=MAX_OWNER_CHARS).contains(&owner_length) || self.owner.chars().any(char::is_control) {
            let message = format!("is not 1 to {MAX_OWNER_CHARS} characters without control characters");
            return Err(Error::config(format!("{field}.owner"), message));
        }
        let selector = Context::new(self.selector.0)
            .map_err(|error| Error::config(format!("{field}.selector"), error.message()))?;
        if !(1..=MAX_KEYS).contains(&self.keys.len()) {
            return Err(Error::config(format!("{field}.keys"), format!("a binding has 1 to {MAX_KEYS} keys")));
        }
        let min_wraps = self.min_wraps.unwrap_or(self.keys.len());
        if !(1..=self.keys.len()).contains(&min_wraps) {
            let message = format!("is not 1 to {}, the number of the binding's keys", self.keys.len());
            return Err(Error::config(format!("{field}.min_wraps"), message));
        }
        if self.enforced && matches!(self.state, raw::State::Pending | raw::State::Retired) {
            let message = "enforces nothing in this state: it goes with \"active\" and \"suspended\"";
            return Err(Error::config(format!("{field}.enforced"), message));
        }
        let allowed_here = AllowedRegions::check(self.allowed_regions, &format!("{field}.allowed_regions"))?;
        let allowed = [allowed, &allowed_here];
        let keys = self.keys.into_iter().enumerate();
        let keys = keys
            .map(|(index, key)| key.check(&format!("{field}.keys[{index}]"), base, allowed))
            .collect::<Result<_>>()?;
        Ok(BindingConfig {
            id: self.id,
            owner: self.owner,
            selector,
            state: match self.state {
                raw::State::Pending => State::Pending,
                raw::State::Active => State::Active,
                raw::State::Suspended => State::Suspended,
                raw::State::Retired => State::Retired,
            },
            policy: match self.policy {
                raw::Policy::CustomerGated => Policy::CustomerGated,
                raw::Policy::DualControl => Policy::DualControl,
                raw::Policy::AnyOf => Policy::AnyOf,
            },
            deny_while_pending: self.while_pending == raw::WhilePending::Deny,
            shared: self.shared,
            min_wraps,
            fail_over_on_refusal: self.failover == raw::Failover::OnRefusal,
            enforced: self.enforced,
            keys,
        })
    }
}

impl raw::Key {
    fn check(mut self, field: &str, base: &Path, allowed: [&AllowedRegions; 2]) -> Result<KeyConfig> {
        check_id(&self.id, &format!("{field}.id"))?;
        let (address, address_field) = match self.provider.as_str() {
            "local" => {
                let path_field = format!("{field}.path");
                let path = self.path.take().ok_or_else(|| Error::config(&path_field, "is missing"))?;
                (KeyAddress::LocalFile { path: base.join(&path), configured: path }, path_field)
            }
            "aws" => aws_address(&mut self, field)?,
            "azure" => azure_address(&mut self, field)?,
            "gcp" => gcp_address(&mut self, field)?,
            _ => {
                let message = "is not known: \"aws\", \"azure\", \"gcp\" and \"local\" are";
                return Err(Error::config(format!("{field}.provider"), message));
            }
        };
        // What no provider has taken does not belong there.
        let left = [
            ("arn", self.arn.is_some()),
            ("role_arn", self.role_arn.is_some()),
            ("external_id", self.external_id.is_some()),
            ("fips_endpoint", self.fips_endpoint.is_some()),
            ("dual_stack_endpoint", self.dual_stack_endpoint.is_some()),
            ("path", self.path.is_some()),
            ("name", self.name.is_some()),
            ("regional_endpoint", self.regional_endpoint.is_some()),
            ("impersonate", self.impersonate.is_some()),
            ("url", self.url.is_some()),
            ("region", self.region.is_some()),
            ("tenant_id", self.tenant_id.is_some()),
        ];
        if let Some((name, _)) = left.into_iter().find(|(_, is_left)| *is_left) {
            let message = format!("does not go with provider {:?}", self.provider);
            return Err(Error::config(format!("{field}.{name}"), message));
        }
        let refused_region = regions::refused(address.region(), allowed, field)?;
        Ok(KeyConfig { id: self.id, address, refused_region, field: address_field })
    }
}

#[cfg(feature = "aws")]
fn aws_address(raw: &mut raw::Key, field: &str) -> Result<(KeyAddress, String)> {
    let arn_field = format!("{field}.arn");
    let arn = raw.arn.take().ok_or_else(|| Error::config(&arn_field, "is missing"))?;
    let key = KeyReference::parse(&arn).map_err(|why| Error::config(&arn_field, why))?;
    let endpoint = EndpointVariant {
        fips: raw.fips_endpoint.take().unwrap_or(false),
        dual_stack: raw.dual_stack_endpoint.take().unwrap_or(false),
    };
    let (role_field, id_field) = (format!("{field}.role_arn"), format!("{field}.external_id"));
    let role = match (raw.role_arn.take(), raw.external_id.take()) {
        (None, None) => None,
        (None, Some(_)) => return Err(Error::config(id_field, "goes with role_arn only")),
        (Some(_), None) => {
            let message = "is missing: without one, whoever knows the vendor could have it use another's role. \
                           Make one for every owner, never let it be chosen";
            return Err(Error::config(id_field, message));
        }
        (Some(arn), Some(id)) => Some(AssumedRole {
            arn: RoleArn::parse(&arn, key.place()).map_err(|why| Error::config(role_field, why))?,
            external_id: ExternalId::parse(&id).map_err(|why| Error::config(id_field, why))?,
        }),
    };
    let access = AwsAccess { place: key.place().clone(), endpoint, role };
    Ok((KeyAddress::Aws(AwsAddress { key, access }), arn_field))
}

#[cfg(not(feature = "aws"))]
fn aws_address(_key: &mut raw::Key, field: &str) -> Result<(KeyAddress, String)> {
    Err(Error::config(format!("{field}.provider"), "this build of libvault lacks the feature \"aws\""))
}

#[cfg(feature = "gcp")]
fn gcp_address(key: &mut raw::Key, field: &str) -> Result<(KeyAddress, String)> {
    let name_field = format!("{field}.name");
    let name = key.name.take().ok_or_else(|| Error::config(&name_field, "is missing"))?;
    let name = KeyName::parse(&name).map_err(|why| Error::config(&name_field, why))?;
    let is_regional = key.regional_endpoint.take().unwrap_or(false);
    if is_regional && name.location() == "global" {
        let message = "does not go with the location global, which has no endpoint of its own";
        return Err(Error::config(format!("{field}.regional_endpoint"), message));
    }
    let acts_as = key.impersonate.take().map(|account| ServiceAccount::parse(&account)).transpose();
    let acts_as = acts_as.map_err(|why| Error::config(format!("{field}.impersonate"), why))?;
    Ok((KeyAddress::Gcp(GcpAddress { name, is_regional, acts_as }), name_field))
}

#[cfg(not(feature = "gcp"))]
fn gcp_address(_key: &mut raw::Key, field: &str) -> Result<(KeyAddress, String)> {
    Err(Error::config(format!("{field}.provider"), "this build of libvault lacks the feature \"gcp\""))
}

#[cfg(feature = "azure")]
fn azure_address(key: &mut raw::Key, field: &str) -> Result<(KeyAddress, String)> {
    let url_field = format!("{field}.url");
    let url = key.url.take().ok_or_else(|| Error::config(&url_field, "is missing"))?;
    let url = KeyUrl::parse(&url).map_err(|why| Error::config(&url_field, why))?;
    let tenant = key.tenant_id.take();
    if tenant.as_deref().is_some_and(|tenant| !is_tenant_id(tenant)) {
        return Err(Error::config(format!("{field}.tenant_id"), "is not the id of a tenant, a UUID in lower case"));
    }
    let region = key.region.take();
    if let Some(region) = &region {
        regions::check_region(region, &format!("{field}.region"))?;
    }
    Ok((KeyAddress::Azure { url, tenant, region }, url_field))
}

#[cfg(not(feature = "azure"))]
fn azure_address(_key: &mut raw::Key, field: &str) -> Result<(KeyAddress, String)> {
    Err(Error::config(format!("{field}.provider"), "this build of libvault lacks the feature \"azure\""))
}

fn check_id(id: &str, field: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !(1..=MAX_ID_LENGTH).contains(&id.len()) || !id.bytes().all(is_plain) {
        return Err(Error::config(field, format!("is not 1 to {MAX_ID_LENGTH} of A-Z a-z 0-9 _ - .")));
    }
    Ok(())
}
