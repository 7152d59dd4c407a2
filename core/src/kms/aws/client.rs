//! SDK clients: one per region and runtime, made when first needed, with our deadlines and without anything from the environment
//! that could lead a request elsewhere.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider, StalledStreamProtectionConfig};
use libvault_memory::ForkLocal;
use tokio::runtime::{Handle, Id};

use super::KeyArn;
use super::reply_limit::ReplyLimit;
use crate::error::ErrorCode;
use crate::fork::UndividedPolls;
use crate::kms::{KmsFailure, Timeouts};

/// Clients of runtimes that are gone would pile up otherwise.
const MAX_CLIENTS: usize = 64;

/// Who the vendor is to AWS.
#[derive(Clone)]
pub(crate) enum AwsIdentity {
    DefaultChain,
    Profile(String),
    Static { access_key_id: String, secret_access_key: String, session_token: Option<String> },
}

/// By the runtime and the endpoint.
type Clients = HashMap<(Id, String), Client>;

pub(crate) struct AwsClients {
    identity: AwsIdentity,
    timeouts: Timeouts,
    /// Development only: replaces the endpoint that the ARN gives.
    endpoint: Option<String>,
    /// A connection is driven by the runtime that opened it, so a client never crosses runtimes (nor a fork, which starts a new one).
    clients: ForkLocal<Mutex<Clients>>,
}

impl AwsClients {
    pub(crate) fn new(identity: AwsIdentity, timeouts: Timeouts, endpoint: Option<String>) -> Self {
        Self { identity, timeouts, endpoint, clients: ForkLocal::new() }
    }

    pub(super) async fn for_region(&self, arn: &KeyArn) -> Result<Client, KmsFailure> {
        let runtime = Handle::try_current().map_err(|_| {
            KmsFailure::new(ErrorCode::InvalidArgument, "asynchronous calls to a KMS need a tokio runtime")
        })?;
        let slot = (runtime.id(), arn.endpoint());
        if let Some(client) = self.lock().get(&slot) {
            return Ok(client.clone());
        }
        let client = UndividedPolls::new(self.connect(arn)).await;
        let mut clients = self.lock();
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        // A racing call may have been first: everyone uses its connections.
        Ok(clients.entry(slot).or_insert(client).clone())
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
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner)
    }
}
