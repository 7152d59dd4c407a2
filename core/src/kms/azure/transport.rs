//! The SDK's transport is ours: it dials the hosts of the configuration only, takes no challenge of another tenant, and says in our words what failed.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};

use reqwest::header::{HeaderName, HeaderValue};

use super::{KeyUrl, failure};
use crate::error::ErrorCode;
use crate::kms::KmsFailure;
use crate::kms::network::{Carried, Reply, send};

impl Carried {
    /// Not as an error of the transport: the SDK repeats those for a minute where it asks a machine's metadata service, whatever it is told about retries.
    pub(super) fn into_sdk(failure: KmsFailure) -> azure_core::Error {
        azure_core::Error::new(ErrorKind::Other, Self(failure))
    }
}

/// What requests go out by.
#[derive(Clone)]
pub(super) enum Wire {
    Http(reqwest::Client),
    #[cfg(test)]
    Scripted(Arc<dyn Fn(&reqwest::Request) -> Reply + Send + Sync>),
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wire")
    }
}

impl Wire {
    async fn send(&self, request: reqwest::Request) -> Result<Reply, KmsFailure> {
        match self {
            Self::Http(client) => send(client, request).await,
            #[cfg(test)]
            Self::Scripted(script) => Ok(script(&request)),
        }
    }
}

/// To one vault.
#[derive(Debug)]
pub(super) struct VaultTransport {
    pub(super) wire: Wire,
    pub(super) url: KeyUrl,
    pub(super) tenant: String,
}

#[async_trait]
impl HttpClient for VaultTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let reply = exchange(&self.wire, request, Some(&self.url.host())).await.map_err(Carried::into_sdk)?;
        if reply.status.as_u16() == 401 {
            check_challenge(&reply, &self.url, &self.tenant).map_err(Carried::into_sdk)?;
        }
        Ok(for_sdk(reply))
    }
}

/// To where tokens come from.
#[derive(Debug)]
pub(super) struct TokenTransport {
    pub(super) wire: Wire,
    /// None for a managed identity: there the platform says where.
    pub(super) host: Option<&'static str>,
}

#[async_trait]
impl HttpClient for TokenTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let reply = exchange(&self.wire, request, self.host).await.map_err(Carried::into_sdk)?;
        if !reply.status.is_success() {
            return Err(Carried::into_sdk(failure::of_token_endpoint(&reply)));
        }
        Ok(for_sdk(reply))
    }
}

async fn exchange(wire: &Wire, request: &Request, host: Option<&str>) -> Result<Reply, KmsFailure> {
    let url = request.url();
    if let Some(host) = host
        && (url.scheme() != "https" || url.host_str() != Some(host) || url.port().is_some())
    {
        return Err(KmsFailure::new(
            ErrorCode::Internal,
            "a request to another host than the configured one was stopped",
        ));
    }
    let unusable = || KmsFailure::new(ErrorCode::Internal, "the SDK made a request that cannot be sent");
    let method = request.method();
    let method: &str = method.as_ref();
    let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|_| unusable())?;
    let mut sent = reqwest::Request::new(method, url.clone());
    for (name, value) in request.headers().iter() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|_| unusable())?;
        let value = HeaderValue::from_str(value.as_str()).map_err(|_| unusable())?;
        sent.headers_mut().insert(name, value);
    }
    let Body::Bytes(body) = request.body() else { return Err(unusable()) };
    *sent.body_mut() = Some(body.clone().into());
    wire.send(sent).await
}

fn for_sdk(reply: Reply) -> AsyncRawResponse {
    let mut headers = Headers::new();
    for (name, value) in &reply.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(name.as_str().to_owned(), value.to_owned());
        }
    }
    AsyncRawResponse::from_bytes(reply.status.as_u16().into(), headers, reply.body)
}

/// The SDK asks for a token of whatever audience the vault names. That is settled by the configuration, and so is the tenant: a vault that has moved to
/// another tenant is another customer's, whatever its name.
fn check_challenge(reply: &Reply, url: &KeyUrl, tenant: &str) -> Result<(), KmsFailure> {
    let Some(challenge) = reply.headers.get("www-authenticate") else { return Ok(()) };
    let refuse = |what: &str| {
        Err(KmsFailure {
            request_id: failure::request_id(&reply.headers),
            ..KmsFailure::new(ErrorCode::AccessDenied, format!("the vault asks for a token {what}: none was sent"))
        })
    };
    let challenge = challenge.to_str().unwrap_or_default();
    let resource = parameter(challenge, "resource").or_else(|| parameter(challenge, "scope"));
    if resource.map(|text| text.trim_end_matches("/.default")) != Some(url.resource()) {
        return refuse("of another audience than Key Vault's");
    }
    let authority = parameter(challenge, "authorization").or_else(|| parameter(challenge, "authorization_uri"));
    let authority = authority.and_then(|text| text.strip_prefix("https://")).and_then(|text| text.split_once('/'));
    match authority {
        Some((host, _)) if !url.cloud().login_hosts().contains(&host) => refuse("of a place that is not Azure's"),
        Some((_, named)) if named.trim_end_matches('/').eq_ignore_ascii_case(tenant) => Ok(()),
        _ => refuse("of another tenant than the configured one"),
    }
}

/// `name="value"` in a challenge (RFC 9110 §11.6.1), as Azure writes it.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let fields = challenge.split([' ', ',']).filter_map(|field| field.split_once('='));
    let value = fields.filter(|(found, _)| *found == name).map(|(_, value)| value).next()?;
    value.strip_prefix('"')?.strip_suffix('"')
}

/// What the SDK takes.
pub(super) fn transport(client: impl HttpClient + 'static) -> azure_core::http::Transport {
    azure_core::http::Transport::new(Arc::new(client))
}
