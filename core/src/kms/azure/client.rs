//! SDK clients: one per vault, tenant and runtime, made when first needed, with our transport and without retries.

use std::sync::Arc;

use azure_core::cloud::CloudConfiguration;
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, RetryOptions, Transport, UserAgentOptions};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions};

use super::address::Cloud;
use super::identity::{Application, TokenKeeper};
use super::transport::{TokenTransport, VaultTransport, Wire, transport};
use super::{AzureIdentity, KeyUrl};
use crate::clock::Clock;
use crate::error::{ErrorCode, Result};
use crate::fork::undivided;
use crate::kms::KmsFailure;
use crate::kms::network::HttpClients;
use crate::kms::per_runtime::PerRuntime;
use crate::log::Log;

/// What every cloud has. Later ones change nothing in wrapping and unwrapping.
const API_VERSION: &str = "7.4";

pub(crate) struct AzureClients {
    application: Arc<Application>,
    wires: Wires,
    clock: Arc<dyn Clock>,
    /// By the vault and the tenant.
    clients: PerRuntime<VaultClient>,
    /// By the audience, which is one per cloud and service, and the tenant: all vaults of one share the token.
    tokens: PerRuntime<Arc<TokenKeeper>>,
}

#[derive(Clone)]
pub(super) struct VaultClient {
    pub(super) keys: Arc<KeyClient>,
    token: Arc<TokenKeeper>,
}

impl VaultClient {
    /// Returns once there is a token. While the SDK asks for one itself, all others of the same vault wait, and ask one after another if it fails.
    ///
    /// # Errors
    /// Those of whoever gives the tokens.
    pub(super) async fn await_token(&self) -> Result<(), KmsFailure> {
        self.token.token(None).await.map(drop)
    }

    /// The vault refused a request.
    pub(super) fn was_refused(&self) {
        self.token.doubt();
    }
}

enum Wires {
    Http(HttpClients),
    #[cfg(test)]
    Scripted(Wire),
}

impl AzureClients {
    /// # Errors
    /// `InvalidConfig` if the certificate cannot be used.
    pub(crate) fn new(
        identity: AzureIdentity,
        http: HttpClients,
        clock: Arc<dyn Clock>,
        log: &Arc<Log>,
    ) -> Result<Self> {
        Self::over(identity, Wires::Http(http), clock, log)
    }

    /// Clients that reach nobody.
    #[cfg(test)]
    pub(super) fn scripted(identity: AzureIdentity, wire: Wire, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::over(identity, Wires::Scripted(wire), clock, &Arc::default())
    }

    fn over(identity: AzureIdentity, wires: Wires, clock: Arc<dyn Clock>, log: &Arc<Log>) -> Result<Self> {
        let application = Arc::new(Application::new(identity, log)?);
        application.check_expiry();
        Ok(Self { application, wires, clock, clients: PerRuntime::new(), tokens: PerRuntime::new() })
    }

    /// The client of the key's vault. Tokens come from `tenant`, or from the application's own.
    pub(super) fn for_key(&self, url: &KeyUrl, tenant: Option<&str>) -> Result<VaultClient, KmsFailure> {
        self.application.check_expiry();
        let tenant = tenant.unwrap_or(&self.application.tenant_id);
        let slot = format!("{} {tenant}", url.vault_url());
        if let Some(client) = self.clients.find(&slot)? {
            return Ok(client);
        }
        let _undivided = undivided();
        let wire = self.wires.for_this_runtime()?;
        let token = self.token(url, tenant, &wire)?;
        let to_vault = VaultTransport { wire, url: url.clone(), tenant: tenant.to_owned() };
        let options = KeyClientOptions {
            api_version: API_VERSION.to_owned(),
            client_options: options(transport(to_vault), url.cloud()),
            ..KeyClientOptions::default()
        };
        let credential = Arc::clone(&token) as Arc<dyn TokenCredential>;
        let keys = KeyClient::new(&url.vault_url(), credential, Some(options)).map_err(|_| unusable())?;
        self.clients.keep(&slot, VaultClient { keys: Arc::new(keys), token })
    }

    fn token(&self, url: &KeyUrl, tenant: &str, wire: &Wire) -> Result<Arc<TokenKeeper>, KmsFailure> {
        let slot = format!("{} {tenant}", url.resource());
        self.tokens.get_or_make(&slot, || {
            let cloud = url.cloud();
            let host = (!self.application.is_managed_identity()).then(|| cloud.login_host());
            let options = options(transport(TokenTransport { wire: wire.clone(), host }), cloud);
            Ok(Arc::new(self.application.token_keeper(tenant, cloud, url.resource(), options, &self.clock)))
        })
    }

    /// Forgets every client, and so every connection and token.
    pub(super) fn clear(&self) {
        self.clients.clear();
        self.tokens.clear();
        match &self.wires {
            Wires::Http(http) => http.clear(),
            #[cfg(test)]
            Wires::Scripted(_) => {}
        }
    }
}

impl Wires {
    fn for_this_runtime(&self) -> Result<Wire, KmsFailure> {
        match self {
            Self::Http(http) => http.for_this_runtime().map(Wire::Http),
            #[cfg(test)]
            Self::Scripted(wire) => Ok(wire.clone()),
        }
    }
}

/// Nothing from the environment: the place of tokens follows from the cloud.
fn options(transport: Transport, cloud: Cloud) -> ClientOptions {
    let cloud = match cloud {
        Cloud::Public => CloudConfiguration::AzurePublic,
        Cloud::China => CloudConfiguration::AzureChina,
        Cloud::UsGovernment => CloudConfiguration::AzureGovernment,
    };
    ClientOptions {
        // Retries are ours, the same for every provider.
        retry: RetryOptions::none(),
        transport: Some(transport),
        user_agent: UserAgentOptions { application_id: Some("libvault".to_owned()) },
        cloud: Some(Arc::new(cloud)),
        ..ClientOptions::default()
    }
}

fn unusable() -> KmsFailure {
    KmsFailure::new(ErrorCode::InvalidConfig, "the SDK refuses the settings of [azure]")
}
