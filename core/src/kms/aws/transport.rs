//! The SDK's transport is ours, the same as for the other providers: it dials the hosts of the configuration only, through the configured proxy, and
//! says in our words what failed.

use std::time::Duration;

use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use libvault_memory::WipedBytes;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};
use std::sync::Arc;

use super::endpoint::may_give_credentials;
use crate::error::ErrorCode;
use crate::kms::KmsFailure;
use crate::kms::network::{Carried, HttpClients, Reply, send};

/// Gives the SDK's clients their way to AWS.
#[derive(Clone)]
pub(super) struct AwsTransport {
    pub(super) http: Arc<HttpClients>,
    pub(super) reach: Reach,
}

/// Where requests may go.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    /// To one endpoint of KMS or STS.
    Endpoint(String),
    /// To whatever gives the vendor its own credentials.
    Credentials,
}

impl std::fmt::Debug for AwsTransport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AwsTransport").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl HttpClient for AwsTransport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _components: &RuntimeComponents) -> SharedHttpConnector {
        // Only the SDK's sources of credentials have such a limit. The time to connect is in our client.
        let limit = settings.read_timeout().map(|read| read + settings.connect_timeout().unwrap_or_default());
        SharedHttpConnector::new(Connector { transport: self.clone(), limit })
    }
}

#[derive(Debug)]
struct Connector {
    transport: AwsTransport,
    limit: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (transport, limit) = (self.transport.clone(), self.limit);
        HttpConnectorFuture::new(async move {
            let exchange = transport.exchange(request);
            let reply = match limit {
                None => exchange.await,
                Some(limit) => tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
                    Err(KmsFailure::new(ErrorCode::Timeout, "a source of AWS credentials did not answer"))
                }),
            };
            reply.map_err(for_sdk)
        })
    }
}

impl AwsTransport {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, KmsFailure> {
        let unusable = || KmsFailure::new(ErrorCode::Internal, "the SDK made a request that cannot be sent");
        let url = Url::parse(request.uri()).map_err(|_| unusable())?;
        self.reach.check(&url)?;
        let method = Method::from_bytes(request.method().as_bytes()).map_err(|_| unusable())?;
        let mut sent = reqwest::Request::new(method, url);
        for (name, value) in request.headers().iter() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
            value.set_sensitive(true);
            sent.headers_mut().append(name, value);
        }
        let body = request.body().bytes().ok_or_else(unusable)?;
        // It may hold the plaintext of a wrap.
        *sent.body_mut() = Some(Bytes::from_owner(WipedBytes::new(body.to_vec())).into());
        let client = self.http.for_this_runtime()?;
        response(send(&client, sent).await?)
    }
}

impl Reach {
    pub(super) fn check(&self, url: &Url) -> Result<(), KmsFailure> {
        match self {
            Self::Endpoint(endpoint) => {
                let is_there = Url::parse(endpoint).is_ok_and(|endpoint| endpoint.origin() == url.origin());
                is_there.then_some(()).ok_or_else(|| {
                    KmsFailure::new(
                        ErrorCode::Internal,
                        "a request to another host than the configured one was stopped",
                    )
                })
            }
            Self::Credentials if may_give_credentials(url.scheme(), url.host_str().unwrap_or_default()) => Ok(()),
            Self::Credentials => {
                let message = "the environment or a profile sends for AWS credentials to a host that is neither AWS's nor this machine's";
                Err(KmsFailure::new(ErrorCode::AccessDenied, message))
            }
        }
    }
}

fn response(reply: Reply) -> Result<HttpResponse, KmsFailure> {
    let nonsense = || KmsFailure::new(ErrorCode::KmsUnavailable, "the KMS's answer has a status that is none");
    let status = StatusCode::try_from(reply.status.as_u16()).map_err(|_| nonsense())?;
    // It may hold the plaintext of an unwrap.
    let body = SdkBody::from(Bytes::from_owner(WipedBytes::new(reply.body)));
    let mut response = HttpResponse::new(status, body);
    for (name, value) in &reply.headers {
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}

fn for_sdk(failure: KmsFailure) -> ConnectorError {
    match failure.code {
        ErrorCode::Timeout => ConnectorError::timeout(Carried(failure).into()),
        ErrorCode::KmsUnavailable => ConnectorError::io(Carried(failure).into()),
        _ => ConnectorError::user(Carried(failure).into()),
    }
}
