//! SDK clients: one per region and runtime, made when first needed, with our deadlines and without anything from the environment
//! that could lead a request elsewhere.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider, StalledStreamProtectionConfig};
use tokio::runtime::{Handle, Id};

use super::KeyArn;
use super::reply_limit::ReplyLimit;
use crate::kms::Timeouts;

/// Clients of runtimes that are gone would pile up otherwise.
const MAX_CLIENTS: usize = 64;

/// Who the vendor is to AWS.
#[derive(Clone)]
pub(crate) enum AwsIdentity {
    DefaultChain,
    Profile(String),
    Static {
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
    },
}

pub(crate) struct AwsClients {
    identity: AwsIdentity,
    timeouts: Timeouts,
    /// Development only: replaces the endpoint that the ARN gives.
    endpoint: Option<String>,
    /// A connection is driven by the runtime that opened it, so a client never crosses runtimes (nor a fork, which starts a new one).
    clients: Mutex<HashMap<(Id, String), Client>>,
}

impl AwsClients {
    pub(crate) fn new(identity: AwsIdentity, timeouts: Timeouts, endpoint: Option<String>) -> Self {
        Self {
            identity,
            timeouts,
            endpoint,
            clients: Mutex::default(),
        }
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(super) async fn for_region(&self, arn: &KeyArn) -> Client {
        let slot = (Handle::current().id(), arn.endpoint());
        if let Some(client) = self.lock().get(&slot) {
            return client.clone();
        }
        let client = self.connect(arn).await;
        let mut clients = self.lock();
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        // A racing call may have been first: everyone uses its connections.
        clients.entry(slot).or_insert(client).clone()
    }

    async fn connect(&self, arn: &KeyArn) -> Client {
        let shared = self.load().await;
        let endpoint = self.endpoint.clone().unwrap_or_else(|| arn.endpoint());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.timeouts.connect)
            .operation_attempt_timeout(self.timeouts.attempt)
            .build();
        let config = aws_sdk_kms::config::Builder::from(&shared)
            .region(Region::new(arn.region().to_owned()))
            // Always explicit: an endpoint from the environment or a profile must not receive data keys.
            .endpoint_url(endpoint)
            .timeout_config(timeouts)
            // Retries are ours, the same for every provider.
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(ReplyLimit)
            .build();
        Client::from_conf(config)
    }

    async fn load(&self) -> SdkConfig {
        // The region of the credential chain's own calls does not matter to KMS, but without one it would ask the instance metadata.
        let loader = aws_config::defaults(BehaviorVersion::latest()).region(Region::new("us-east-1"));
        match &self.identity {
            AwsIdentity::DefaultChain => loader.load().await,
            AwsIdentity::Profile(name) => loader.profile_name(name).load().await,
            AwsIdentity::Static {
                access_key_id,
                secret_access_key,
                session_token,
            } => {
                let credentials = Credentials::new(
                    access_key_id,
                    secret_access_key,
                    session_token.clone(),
                    None,
                    "libvault",
                );
                loader
                    .credentials_provider(SharedCredentialsProvider::new(credentials))
                    .load()
                    .await
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Id, String), Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
