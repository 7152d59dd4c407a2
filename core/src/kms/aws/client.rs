//! SDK clients: one per region and runtime, made when first needed, with our deadlines and without anything from the environment
//! that could lead a request elsewhere.

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider, StalledStreamProtectionConfig};

use super::KeyArn;
use super::reply_limit::ReplyLimit;
use crate::fork::UndividedPolls;
use crate::kms::per_runtime::PerRuntime;
use crate::kms::{KmsFailure, Timeouts};

/// Who the vendor is to AWS.
#[derive(Clone)]
pub(crate) enum AwsIdentity {
    DefaultChain,
    Profile(String),
    Static { access_key_id: String, secret_access_key: String, session_token: Option<String> },
}

pub(crate) struct AwsClients {
    identity: AwsIdentity,
    timeouts: Timeouts,
    /// Development only: replaces the endpoint that the ARN gives.
    endpoint: Option<String>,
    /// By the endpoint.
    clients: PerRuntime<Client>,
}

impl AwsClients {
    pub(crate) fn new(identity: AwsIdentity, timeouts: Timeouts, endpoint: Option<String>) -> Self {
        Self { identity, timeouts, endpoint, clients: PerRuntime::new() }
    }

    pub(super) async fn for_region(&self, arn: &KeyArn) -> Result<Client, KmsFailure> {
        let endpoint = arn.endpoint();
        match self.clients.find(&endpoint)? {
            Some(client) => Ok(client),
            None => self.clients.keep(&endpoint, UndividedPolls::new(self.connect(arn)).await),
        }
    }

    async fn connect(&self, arn: &KeyArn) -> Client {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.timeouts.connect)
            .operation_attempt_timeout(self.timeouts.attempt)
            .build();
        // Built from nothing but our own settings: neither an endpoint from a profile nor one from the environment may receive data keys.
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(arn.region().to_owned()))
            .endpoint_url(self.endpoint.clone().unwrap_or_else(|| arn.endpoint()))
            .credentials_provider(self.credentials().await)
            .timeout_config(timeouts)
            // Retries are ours, the same for every provider.
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(ReplyLimit)
            .build();
        Client::from_conf(config)
    }

    async fn credentials(&self) -> SharedCredentialsProvider {
        // The region of the credential sources' own calls. Without one they would ask the instance metadata for it.
        let region = || Region::new("us-east-1");
        match &self.identity {
            AwsIdentity::DefaultChain => {
                let chain = DefaultCredentialsChain::builder().region(region()).build().await;
                SharedCredentialsProvider::new(chain)
            }
            AwsIdentity::Profile(name) => {
                // The profile and nothing else: the default chain would prefer whatever the environment holds.
                let settings = ProviderConfig::default().with_region(Some(region()));
                let profile = ProfileFileCredentialsProvider::builder().configure(&settings).profile_name(name).build();
                SharedCredentialsProvider::new(profile)
            }
            AwsIdentity::Static { access_key_id, secret_access_key, session_token } => SharedCredentialsProvider::new(
                Credentials::new(access_key_id, secret_access_key, session_token.clone(), None, "libvault"),
            ),
        }
    }

    /// Forgets every client, and so every connection.
    pub(super) fn clear(&self) {
        self.clients.clear();
    }
}
