//! HTTP clients: one per runtime, without redirects, cookies, decompression or retries, and replies that are cut off far above the largest honest one.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Client, Request, StatusCode};
use rustls::CertificateError;

use super::Network;
use super::lookup::SystemNames;
use crate::error::ErrorCode;
use crate::kms::per_runtime::PerRuntime;
use crate::kms::{KmsFailure, causes, root_cause};

/// The largest honest reply has less than 10 KiB.
const MAX_REPLY: usize = 64 * 1024;
/// Firewalls forget idle connections without telling: shorter than the shortest of their patience in use.
const IDLE: Duration = Duration::from_secs(60);
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The HTTP clients of one provider.
pub(crate) struct HttpClients {
    network: Arc<Network>,
    connect_timeout: Duration,
    route: Option<SocketAddr>,
    clients: PerRuntime<Client>,
}

/// A reply that has been read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Our own failure, on its way through an SDK's error.
#[derive(Debug)]
pub(crate) struct Carried(pub(crate) KmsFailure);

impl Carried {
    /// The failure that an error carries, at whatever depth.
    pub(crate) fn in_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a KmsFailure> {
        causes(error).find_map(|cause| cause.downcast_ref()).map(|Self(failure)| failure)
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl StdError for Carried {}

impl HttpClients {
    /// With a `route` (development only), every connection goes there, whatever the host is called; names in TLS and requests stay.
    pub(crate) fn new(network: Arc<Network>, connect_timeout: Duration, route: Option<SocketAddr>) -> Self {
        Self { network, connect_timeout, route, clients: PerRuntime::new() }
    }

    /// The client of the caller's runtime: a connection is driven by the runtime that opened it.
    ///
    /// # Errors
    /// Outside a runtime, or if TLS cannot be set up.
    pub(crate) fn for_this_runtime(&self) -> Result<Client, KmsFailure> {
        self.clients.get_or_make("", || self.make())
    }

    /// Forgets every client, and so every connection.
    pub(crate) fn clear(&self) {
        self.clients.clear();
    }

    fn make(&self) -> Result<Client, KmsFailure> {
        let builder = Client::builder()
            .tls_backend_preconfigured(self.network.roots.tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE)
            .tcp_keepalive(KEEP_ALIVE)
            .http1_only()
            .dns_resolver(Arc::new(SystemNames))
            // Not reqwest's own reading of the environment, which has no exception for this machine.
            .no_proxy();
        let builder = match (self.route, &self.network.proxy) {
            (Some(route), _) => builder.dns_resolver(Arc::new(Route(route))),
            (None, Some(proxy)) => builder.proxy(proxy.clone()),
            (None, None) => builder,
        };
        builder.build().map_err(|_| KmsFailure::new(ErrorCode::Internal, "the HTTP client cannot be set up"))
    }
}

/// Sends a request, and reads the reply to its end or to the limit. A redirect is a reply like any other.
///
/// # Errors
/// `Timeout` or `KmsUnavailable` if there is no whole reply.
pub(crate) async fn send(client: &Client, request: Request) -> Result<Reply, KmsFailure> {
    let mut response = client.execute(request).await.map_err(unreachable)?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if body.len() + piece.len() > MAX_REPLY {
            let message = format!("the KMS's answer (status {}) is over {MAX_REPLY} bytes", status.as_u16());
            return Err(KmsFailure::new(ErrorCode::KmsUnavailable, message));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Reply { status, headers, body })
}

fn unreachable(error: reqwest::Error) -> KmsFailure {
    let error = error.without_url();
    if let Some(failure) = Carried::in_error(&error) {
        return failure.clone();
    }
    if error.is_timeout() {
        return KmsFailure::new(ErrorCode::Timeout, "the KMS could not be connected to within the deadline");
    }
    let why = match causes(&error).find_map(of_tls) {
        Some(rustls::Error::InvalidCertificate(why)) => format!("its certificate {}", wrong_with(why)),
        _ => root_cause(&error),
    };
    KmsFailure::new(ErrorCode::KmsUnavailable, format!("the KMS could not be reached: {why}"))
}

/// TLS's own text has the host's name, which an error does not tell, and what a stranger wrote into a certificate.
fn wrong_with(certificate: &CertificateError) -> &'static str {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext, Revoked,
        UnknownIssuer,
    };
    match certificate {
        UnknownIssuer => "is of an authority that is not trusted (network.ca_bundle can name more)",
        NotValidForName | NotValidForNameContext { .. } => "is for other names",
        Expired | ExpiredContext { .. } => "has expired",
        NotValidYet | NotValidYetContext { .. } => "is not valid yet",
        Revoked => "was revoked",
        _ => "cannot be used",
    }
}

/// An error of TLS, which may stand in others of I/O.
fn of_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    error.downcast_ref().or_else(|| of_tls(error.downcast_ref::<io::Error>()?.get_ref()?))
}

/// Resolves every name to one address.
struct Route(SocketAddr);

impl Resolve for Route {
    fn resolve(&self, _name: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(self.0));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[cfg(test)]
mod tests;
