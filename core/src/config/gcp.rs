//! `[gcp]` as the configuration gives it, checked.

use std::path::Path;

use super::{development_endpoint, development_route, raw};
use crate::error::{Error, Result};
use crate::kms::gcp::{GcpEndpoint, GcpIdentity, Universe};

#[derive(Clone)]
pub(crate) struct GcpConfig {
    pub(crate) identity: GcpIdentity,
    pub(crate) universe: Universe,
    pub(crate) endpoint: GcpEndpoint,
}

impl raw::Gcp {
    pub(super) fn check(self, base: &Path, allow_endpoint: bool) -> Result<GcpConfig> {
        use raw::GcpCredentials::{Default, ExternalAccount, Metadata, ServiceAccountKey};
        let path = self.path.map(|path| base.join(path));
        let identity = match (self.credentials, path) {
            (Default, None) => GcpIdentity::Default,
            (Metadata, None) => GcpIdentity::Metadata,
            (ServiceAccountKey, Some(path)) => GcpIdentity::ServiceAccountKey(path),
            (ExternalAccount, Some(path)) => GcpIdentity::ExternalAccount(path),
            (Default | Metadata, Some(_)) => {
                return Err(Error::config("gcp.path", "does not go with this kind of gcp.credentials"));
            }
            (ServiceAccountKey | ExternalAccount, None) => return Err(Error::config("gcp.path", "is missing")),
        };
        let universe = match &self.universe {
            None => Universe::default(),
            Some(domain) => Universe::of(domain).ok_or_else(|| {
                let message = "is not known: googleapis.com, s3nsapis.fr and apis-berlin-build0.goog are";
                Error::config("gcp.universe", message)
            })?,
        };
        let endpoint = development_endpoint("gcp.endpoint", self.endpoint.as_deref(), allow_endpoint)?;
        let endpoint = match endpoint {
            None => GcpEndpoint::Google,
            Some(plain) if plain.starts_with("http://") => GcpEndpoint::Plain(plain.trim_end_matches('/').to_owned()),
            Some(secure) => {
                let route = development_route("gcp.endpoint", Some(&secure), allow_endpoint)?;
                route.map_or(GcpEndpoint::Google, GcpEndpoint::Route)
            }
        };
        Ok(GcpConfig { identity, universe, endpoint })
    }
}
