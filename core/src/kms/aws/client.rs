//! SDK clients, made with our deadlines, over our transport, and without anything from the environment that could lead a request elsewhere.

use std::sync::Arc;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider, StalledStreamProtectionConfig};

use super::AwsAccess;
use super::endpoint::{Partition, Service};
use super::role::Sessions;
use super::transport::{AwsTransport, Reach};
use crate::clock::Clock;
use crate::fork::{UndividedPolls, undivided};
use crate::kms::network::HttpClients;
use crate::kms::per_runtime::PerRuntime;
use crate::kms::{KmsFailure, Timeouts};

/// Who the vendor is to AWS.
#[derive(Clone)]
pub(crate) enum AwsIdentity {
    DefaultChain,
    Profile(String),
    Static { access_key_id: String, secret_access_key: String, session_token: Option<String> },
}

/// What all keys of a vault in AWS share.
pub(crate) struct AwsClients {
    identity: AwsIdentity,
    timeouts: Timeouts,
    /// Development only: replaces every endpoint of KMS and STS.
    endpoint: Option<String>,
    http: Arc<HttpClients>,
    /// By the endpoint that they are for, with the vendor's own credentials.
    kms: PerRuntime<Client>,
    sts: PerRuntime<aws_sdk_sts::Client>,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
}

impl AwsClients {
    pub(crate) fn new(
        identity: AwsIdentity,
        timeouts: Timeouts,
        endpoint: Option<String>,
        http: HttpClients,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (kms, sts, sessions) = (PerRuntime::new(), PerRuntime::new(), Sessions::new(Arc::clone(&clock)));
        Self { identity, timeouts, endpoint, http: Arc::new(http), kms, sts, sessions, clock }
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// A client for one key, which acts as the vendor or in the key's role.
    ///
    /// # Errors
    /// Outside a runtime, or if the role cannot be assumed.
    pub(super) async fn for_key(&self, access: &AwsAccess) -> Result<Client, KmsFailure> {
        let endpoint = access.place.endpoint(Service::Kms, access.endpoint);
        let Some(role) = &access.role else {
            return match self.kms.find(&endpoint)? {
                Some(client) => Ok(client),
                None => {
                    let credentials = UndividedPolls::new(self.vendor(access)).await;
                    self.kms.keep(&endpoint, self.kms_client(access, &endpoint, credentials))
                }
            };
        };
        let sts_endpoint = access.place.endpoint(Service::Sts, access.endpoint);
        let sts = self.sts(access, &sts_endpoint).await?;
        let session = self.sessions.credentials(role, &sts_endpoint, sts).await?;
        // Made anew: it costs microseconds, and there may be thousands of roles. Its connections are those of the transport.
        Ok(self.kms_client(access, &endpoint, SharedCredentialsProvider::new(session)))
    }

    /// The KMS refused what a client for this key asked.
    pub(super) fn was_refused(&self, access: &AwsAccess) {
        if let Some(role) = &access.role {
            self.sessions.doubt(role, &access.place.endpoint(Service::Sts, access.endpoint));
        }
    }

    /// Forgets every client, every session and every connection.
    pub(super) fn clear(&self) {
        self.kms.clear();
        self.sts.clear();
        self.sessions.clear();
        self.http.clear();
    }

    /// What an endpoint is replaced by, if it is.
    fn url<'a>(&'a self, endpoint: &'a str) -> &'a str {
        self.endpoint.as_deref().unwrap_or(endpoint)
    }

    fn kms_client(&self, access: &AwsAccess, endpoint: &str, credentials: SharedCredentialsProvider) -> Client {
        // The first one initializes statics of the SDK, which a child must not find half done.
        let _undivided = undivided();
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(access.place.region().to_owned()))
            .endpoint_url(self.url(endpoint))
            .credentials_provider(credentials)
            .http_client(self.transport(Reach::Endpoint(self.url(endpoint).to_owned())))
            .timeout_config(self.timeout_config())
            // Retries are ours, the same for every provider.
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    async fn sts(&self, access: &AwsAccess, endpoint: &str) -> Result<aws_sdk_sts::Client, KmsFailure> {
        if let Some(client) = self.sts.find(endpoint)? {
            return Ok(client);
        }
        let credentials = UndividedPolls::new(self.vendor(access)).await;
        let _undivided = undivided();
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(access.place.region().to_owned()))
            .endpoint_url(self.url(endpoint))
            .credentials_provider(credentials)
            .http_client(self.transport(Reach::Endpoint(self.url(endpoint).to_owned())))
            .timeout_config(self.timeout_config())
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        self.sts.keep(endpoint, aws_sdk_sts::Client::from_conf(config))
    }

    fn timeout_config(&self) -> TimeoutConfig {
        TimeoutConfig::builder().operation_attempt_timeout(self.timeouts.attempt).build()
    }

    fn transport(&self, reach: Reach) -> AwsTransport {
        AwsTransport { http: Arc::clone(&self.http), reach }
    }

    /// The vendor's own credentials.
    async fn vendor(&self, access: &AwsAccess) -> SharedCredentialsProvider {
        // The region of the credential sources' own calls. Without one they would ask the instance metadata for it.
        let region = || Region::new(home_region(access));
        let settings =
            ProviderConfig::default().with_region(Some(region())).with_http_client(self.transport(Reach::Credentials));
        match &self.identity {
            AwsIdentity::DefaultChain => {
                let chain = DefaultCredentialsChain::builder().configure(settings).region(region()).build().await;
                SharedCredentialsProvider::new(chain)
            }
            AwsIdentity::Profile(name) => {
                // The profile and nothing else: the default chain would prefer whatever the environment holds.
                let profile = ProfileFileCredentialsProvider::builder().configure(&settings).profile_name(name).build();
                SharedCredentialsProvider::new(profile)
            }
            AwsIdentity::Static { access_key_id, secret_access_key, session_token } => SharedCredentialsProvider::new(
                Credentials::new(access_key_id, secret_access_key, session_token.clone(), None, "libvault"),
            ),
        }
    }
}

/// Where the vendor's program runs, as AWS tells it to programs, or else the key's region: another partition does not know the vendor.
fn home_region(access: &AwsAccess) -> String {
    let told = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| std::env::var(name).ok());
    let partition = |region: &str| Partition::of_region(region);
    let here =
        told.filter(|region| partition(region).is_some_and(|here| Some(here) == partition(access.place.region())));
    here.unwrap_or_else(|| access.place.region().to_owned())
}
