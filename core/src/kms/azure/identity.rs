//! Who the vendor is to Azure: an application, and how it proves that. The tenant is pinned: tokens are got in it alone.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::http::{ClientMethodOptions, ClientOptions};
use azure_core::time::OffsetDateTime;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

use super::address::Cloud;
use super::certificate::Certificate;
use super::failure;
use crate::clock::Clock;
use crate::error::{Error, ErrorCode, Result as ConfigResult};
use crate::kms::KmsFailure;
use crate::kms::network::Carried;
use crate::kms::tokens::{Token, Tokens};
use crate::log::Log;

/// A refusal under a token that was asked for longer ago makes the next call ask for another one.
const DOUBTFUL_AGE: Duration = Duration::from_secs(60);

/// `[azure]` of the configuration, checked.
#[derive(Clone)]
pub(crate) struct AzureIdentity {
    pub(crate) tenant_id: String,
    /// None only for the managed identity of the machine itself.
    pub(crate) client_id: Option<String>,
    pub(crate) credential: AzureCredential,
}

#[derive(Clone)]
pub(crate) enum AzureCredential {
    ClientSecret(String),
    /// A PEM file with a certificate and its private key, read when the vault is opened.
    ClientCertificate(PathBuf),
    /// A file with a token of an issuer that the application trusts, which others keep fresh.
    WorkloadIdentity(PathBuf),
    ManagedIdentity,
}

/// Tenants have names too, but answers name them by their id.
pub(crate) fn is_tenant_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// An identity whose files have been read.
pub(super) struct Application {
    pub(super) tenant_id: String,
    client_id: Option<String>,
    proof: Proof,
}

enum Proof {
    Secret(String),
    Certificate(Arc<Certificate>),
    TokenFile(PathBuf),
    ManagedIdentity,
}

impl Application {
    /// # Errors
    /// `InvalidConfig` at `azure.certificate`.
    pub(super) fn new(identity: AzureIdentity, log: &Arc<Log>) -> ConfigResult<Self> {
        let proof = match identity.credential {
            AzureCredential::ClientSecret(secret) => Proof::Secret(secret),
            AzureCredential::ClientCertificate(path) => Proof::Certificate(Arc::new(read_certificate(&path, log)?)),
            AzureCredential::WorkloadIdentity(path) => Proof::TokenFile(path),
            AzureCredential::ManagedIdentity => Proof::ManagedIdentity,
        };
        Ok(Self { tenant_id: identity.tenant_id, client_id: identity.client_id, proof })
    }

    /// Tells the log if the certificate's end is near.
    pub(super) fn check_expiry(&self) {
        if let Proof::Certificate(certificate) = &self.proof {
            certificate.check_expiry();
        }
    }

    pub(super) fn is_managed_identity(&self) -> bool {
        matches!(self.proof, Proof::ManagedIdentity)
    }

    /// The token of this audience in this tenant only, whatever the SDK asks for.
    pub(super) fn token_keeper(
        self: &Arc<Self>,
        tenant: &str,
        cloud: Cloud,
        resource: &str,
        options: ClientOptions,
        clock: &Arc<dyn Clock>,
    ) -> TokenKeeper {
        TokenKeeper {
            application: Arc::clone(self),
            tenant: tenant.to_owned(),
            cloud,
            scope: format!("{resource}/.default"),
            options,
            token: Tokens::new(Arc::clone(clock)),
        }
    }

    // The SDK's structs can only be made this way from outside.
    #[expect(clippy::field_reassign_with_default)]
    fn credential(
        &self,
        tenant: &str,
        cloud: Cloud,
        options: ClientOptions,
    ) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let client_id = self.client_id.clone();
        Ok(match &self.proof {
            Proof::Secret(secret) => {
                let options = ClientSecretCredentialOptions { client_options: options };
                let secret = Secret::new(secret.clone());
                ClientSecretCredential::new(tenant, client_id.unwrap_or_default(), secret, Some(options))?
            }
            Proof::Certificate(certificate) => {
                let client_id = client_id.unwrap_or_default();
                let audience = format!("https://{}/{tenant}/oauth2/v2.0/token", cloud.login_host());
                let assertion = Signed { certificate: Arc::clone(certificate), audience, client_id: client_id.clone() };
                assertion_credential(tenant, client_id, assertion, options)?
            }
            Proof::TokenFile(path) => {
                assertion_credential(tenant, client_id.unwrap_or_default(), TokenFile(path.clone()), options)?
            }
            Proof::ManagedIdentity => {
                let mut settings = ManagedIdentityCredentialOptions::default();
                settings.user_assigned_id = client_id.map(UserAssignedId::ClientId);
                settings.client_options = options;
                ManagedIdentityCredential::new(Some(settings))?
            }
        })
    }
}

fn assertion_credential(
    tenant: &str,
    client_id: String,
    assertion: impl ClientAssertion + 'static,
    options: ClientOptions,
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let options = ClientAssertionCredentialOptions { client_options: options };
    Ok(ClientAssertionCredential::new(tenant.to_owned(), client_id, assertion, Some(options))?)
}

fn read_certificate(path: &Path, log: &Arc<Log>) -> ConfigResult<Certificate> {
    let refuse = |why: String| Error::config("azure.certificate", format!("{}: {why}", path.display()));
    let text = libvault_memory::WipedBytes::new(std::fs::read(path).map_err(|error| refuse(error.to_string()))?);
    Certificate::from_pem(&text, log).map_err(|why| refuse(why.to_owned()))
}

/// The SDK's own keepers of tokens let one call after another ask in vain, while all others wait: a place where tokens come from that does not answer
/// would stop customers whose token is still good, and a refusal would reach the last of them as a `Timeout`. So they keep nothing here: a credential of
/// the SDK's is made for one token, and what it is told of a token's end is that it has come.
pub(super) struct TokenKeeper {
    application: Arc<Application>,
    tenant: String,
    cloud: Cloud,
    scope: String,
    options: ClientOptions,
    token: Tokens<(), AccessToken>,
}

impl TokenKeeper {
    /// The token that is there, or one that is asked for.
    ///
    /// # Errors
    /// Those of whoever gives the tokens.
    pub(super) async fn token(&self, options: Option<TokenRequestOptions<'_>>) -> Result<Arc<AccessToken>, KmsFailure> {
        let (token, _) = self.token.get((), || self.ask(options)).await?;
        Ok(token.value)
    }

    /// A vault refused what was asked under the token. Azure may have forgotten it, or know more of the application meanwhile.
    pub(super) fn doubt(&self) {
        self.token.renew_older(&(), DOUBTFUL_AGE);
    }

    async fn ask(&self, options: Option<TokenRequestOptions<'_>>) -> Result<Token<AccessToken>, KmsFailure> {
        let credential = self.application.credential(&self.tenant, self.cloud, self.options.clone());
        let token = credential.map_err(failure::of_token)?.get_token(&[self.scope.as_str()], options).await;
        let token = token.map_err(failure::of_token)?;
        let life = Duration::try_from(token.expires_on - OffsetDateTime::now_utc()).unwrap_or_default();
        Ok(Token { value: token, life })
    }
}

impl fmt::Debug for TokenKeeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenKeeper")
    }
}

#[async_trait]
impl TokenCredential for TokenKeeper {
    async fn get_token(
        &self,
        _scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let token = self.token(options).await.map_err(Carried::into_sdk)?;
        Ok(AccessToken { token: token.token.clone(), expires_on: OffsetDateTime::now_utc() })
    }
}

/// Assertions signed with the certificate's key. The SDK's own need OpenSSL.
#[derive(Debug)]
struct Signed {
    certificate: Arc<Certificate>,
    audience: String,
    client_id: String,
}

#[async_trait]
impl ClientAssertion for Signed {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.certificate.assertion(&self.client_id, &self.audience).map_err(Carried::into_sdk)
    }
}

/// Read anew for every token. The SDK's own reader starts a thread for it.
#[derive(Debug)]
struct TokenFile(PathBuf);

#[async_trait]
impl ClientAssertion for TokenFile {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let text = std::fs::read_to_string(&self.0).map_err(|error| {
            let message = format!("the file of azure.token_file cannot be read: {}", error.kind());
            Carried::into_sdk(KmsFailure::new(ErrorCode::KmsUnavailable, message))
        })?;
        Ok(text.trim().to_owned())
    }
}
