//! The way to a KMS over HTTP, the same for every provider: which proxy, whose certificates, and a client that follows
//! nobody elsewhere.

use std::path::PathBuf;

#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http-client")]
mod lookup;
#[cfg(feature = "http-client")]
mod roots;

#[cfg(feature = "http-client")]
pub(crate) use client::{Carried, HttpClients, Reply, send};

use crate::error::{Error, Result};

/// `[network]` of the configuration, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NetworkConfig {
    pub(crate) proxy: ProxyRule,
    /// PEM certificates to trust besides the system's.
    pub(crate) ca_bundle: Option<PathBuf>,
}

/// Through which proxy a KMS is reached. Addresses on this machine and plain `http` are never reached through one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProxyRule {
    /// `HTTPS_PROXY` or `ALL_PROXY`, but for the hosts in `NO_PROXY`; the names in lower case count too.
    #[default]
    Environment,
    Direct,
    /// May hold a password: it is never shown.
    Url(Secretive),
}

/// Text that may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secretive(pub(crate) String);

impl std::fmt::Debug for Secretive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(redacted)")
    }
}

impl ProxyRule {
    /// # Errors
    /// `InvalidConfig` at `network.proxy`, without the text: it may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "environment" => Ok(Self::Environment),
            "none" => Ok(Self::Direct),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Url(Secretive(url.to_owned())))
            }
            _ => Err(Error::config(
                "network.proxy",
                "is neither \"environment\", \"none\" nor an http:// or https:// URL",
            )),
        }
    }
}

/// What all HTTP providers of a vault share: read when the vault is opened.
#[cfg(feature = "http-client")]
pub(crate) struct Network {
    proxy: Option<reqwest::Proxy>,
    roots: roots::Roots,
}

#[cfg(feature = "http-client")]
impl Network {
    /// # Errors
    /// `InvalidConfig` if the bundle cannot be read or the proxy's address is none.
    pub(crate) fn new(config: &NetworkConfig) -> Result<Self> {
        let proxy = match &config.proxy {
            ProxyRule::Direct => None,
            ProxyRule::Url(Secretive(url)) => Some(proxy(url, "")?),
            ProxyRule::Environment => {
                let variable = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok());
                let url = variable(["HTTPS_PROXY", "https_proxy"]).or_else(|| variable(["ALL_PROXY", "all_proxy"]));
                let direct = variable(["NO_PROXY", "no_proxy"]).unwrap_or_default();
                url.filter(|url| !url.is_empty()).map(|url| proxy(&url, &direct)).transpose()?
            }
        };
        Ok(Self { proxy, roots: roots::Roots::new(config.ca_bundle.as_deref())? })
    }
}

/// For `https` only, so that what is developed against a plain server does not leave the machine.
#[cfg(feature = "http-client")]
fn proxy(url: &str, direct: &str) -> Result<reqwest::Proxy> {
    let proxy = reqwest::Proxy::https(url).map_err(|_| {
        Error::config("network.proxy", "the proxy's address (of the configuration or HTTPS_PROXY) is no URL")
    })?;
    Ok(proxy.no_proxy(reqwest::NoProxy::from_string(&format!("{direct},localhost,127.0.0.0/8,::1"))))
}
