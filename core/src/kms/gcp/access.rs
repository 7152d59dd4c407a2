//! The way to Google's services that all keys of a vault share: its HTTP client, the vendor's identity, and the tokens it has.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use libvault_memory::WipedBytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::address::{Service, ServiceAccount, Universe};
use super::credentials::{ExternalAccount, GcpIdentity, Source, default_source};
use super::failure;
use super::jwt;
use crate::clock::Clock;
use crate::error::{Error, ErrorCode, Result as ConfigResult};
use crate::kms::network::{HttpClients, Reply, send};
use crate::kms::{BoxFuture, KmsFailure, tokens};

const CLOUD_KMS: &str = "https://www.googleapis.com/auth/cloudkms";
/// The narrowest scope that services for identities take beside their own.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

type Token = tokens::Token<Zeroizing<String>>;
type CachedToken = tokens::CachedToken<Zeroizing<String>>;

/// Where Google is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum GcpEndpoint {
    #[default]
    Google,
    /// Development only: every service is here, over plain HTTP on this machine, such as `http://127.0.0.1:4600`.
    Plain(String),
    /// Development only: every connection goes here, under Google's names in TLS and requests.
    Route(SocketAddr),
}

impl GcpEndpoint {
    /// What stands in for Google, for a warning.
    pub(crate) fn replacement(&self) -> Option<String> {
        match self {
            Self::Google => None,
            Self::Plain(origin) => Some(origin.clone()),
            Self::Route(address) => Some(address.to_string()),
        }
    }

    pub(crate) fn route(&self) -> Option<SocketAddr> {
        match self {
            Self::Route(address) => Some(*address),
            Self::Google | Self::Plain(_) => None,
        }
    }
}

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// Using keys as the vendor itself.
    Kms,
    /// Getting tokens of service accounts.
    Impersonating,
    /// Using keys as a customer's service account.
    ActingAs(ServiceAccount),
}

/// Who sends a request.
#[derive(Clone, Copy)]
struct Caller<'a> {
    token: &'a str,
    quota_project: Option<&'a str>,
}

pub(crate) struct GcpAccess {
    http: HttpClients,
    universe: Universe,
    plain_origin: Option<String>,
    source: OnceLock<Arc<Source>>,
    tokens: tokens::Tokens<Purpose, Zeroizing<String>>,
}

impl GcpAccess {
    /// # Errors
    /// `InvalidConfig` at `gcp.path` if the file of the identity cannot be used.
    pub(crate) fn new(
        identity: &GcpIdentity,
        universe: Universe,
        endpoint: &GcpEndpoint,
        http: HttpClients,
        clock: Arc<dyn Clock>,
    ) -> ConfigResult<Self> {
        let source = OnceLock::new();
        if let Some(known) = identity.source(universe).map_err(|why| Error::config("gcp.path", why))? {
            let _ = source.set(Arc::new(known));
        }
        let plain_origin = match endpoint {
            GcpEndpoint::Plain(origin) => Some(origin.clone()),
            GcpEndpoint::Google | GcpEndpoint::Route(_) => None,
        };
        Ok(Self { http, universe, plain_origin, source, tokens: tokens::Tokens::new(clock) })
    }

    pub(super) fn universe(&self) -> Universe {
        self.universe
    }

    /// Posts JSON as whoever `purpose` says. A token from the cache that is refused is replaced once: it may have been revoked, or this machine have slept.
    ///
    /// # Errors
    /// If there is no token or no whole reply. A reply that is an error is a reply.
    pub(super) async fn post(
        &self,
        purpose: Purpose,
        origin: &str,
        path: &str,
        body: WipedBytes,
    ) -> Result<Reply, KmsFailure> {
        let body = Bytes::from_owner(body);
        let mut is_last = false;
        loop {
            let (token, was_there) = self.token(purpose.clone()).await?;
            let caller = Caller { token: &token.value, quota_project: self.quota_project(&purpose) };
            let reply = self.send(Method::POST, origin, path, Some((JSON, body.clone())), Some(caller)).await?;
            if reply.status.as_u16() != 401 || !was_there || is_last {
                return Ok(reply);
            }
            self.tokens.forget(&purpose, &token);
            is_last = true;
        }
    }

    /// Forgets every connection and every token.
    pub(super) fn clear(&self) {
        self.http.clear();
        self.tokens.clear();
    }

    fn token(&self, purpose: Purpose) -> BoxFuture<'_, Result<(CachedToken, bool), KmsFailure>> {
        Box::pin(async move { self.tokens.get(purpose.clone(), || self.fetch(purpose)).await })
    }

    async fn fetch(&self, purpose: Purpose) -> Result<Token, KmsFailure> {
        if let Purpose::ActingAs(account) = &purpose {
            return self.impersonate(account).await;
        }
        let scope = if purpose == Purpose::Kms { CLOUD_KMS } else { CLOUD_PLATFORM };
        match &*self.source()? {
            Source::ServiceAccount(key) => {
                let service = if purpose == Purpose::Kms { Service::Kms } else { Service::IamCredentials };
                let text = key.sign(&format!("{}/", service.origin(self.universe)))?;
                Ok(Token { value: Zeroizing::new(text), life: jwt::LIFETIME })
            }
            Source::User { client_id, client_secret, refresh_token, .. } => {
                let form = form(&[
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret),
                    ("refresh_token", refresh_token),
                ]);
                self.oauth_token(Service::OAuth, "/token", Some((FORM, form))).await
            }
            Source::Metadata => {
                let path = format!("/computeMetadata/v1/instance/service-accounts/default/token?scopes={scope}");
                self.oauth_token(Service::Metadata, &path, None).await
            }
            Source::External(account) => self.exchange(account, scope).await,
        }
    }

    /// Workload identity federation (RFC 8693), and the service account that the file names, if it names one.
    async fn exchange(&self, account: &ExternalAccount, scope: &str) -> Result<Token, KmsFailure> {
        let subject_token = account.subject_token()?;
        let form = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", &account.audience),
            ("scope", if account.acts_as.is_some() { CLOUD_PLATFORM } else { scope }),
            ("subject_token_type", &account.subject_token_type),
            ("subject_token", &subject_token),
        ]);
        let token = self.oauth_token(Service::SecurityTokens, "/v1/token", Some((FORM, form))).await?;
        match &account.acts_as {
            None => Ok(token),
            Some(target) => {
                let (path, body) = impersonation(target, scope);
                let origin = Service::IamCredentials.origin(self.universe);
                let caller = Caller { token: &token.value, quota_project: None };
                let reply = self.send(Method::POST, &origin, &path, Some((JSON, body)), Some(caller)).await?;
                impersonation_token(reply)
            }
        }
    }

    /// A token of a customer's service account, which lets the vendor's identity act as itself and can stop that at any time.
    async fn impersonate(&self, account: &ServiceAccount) -> Result<Token, KmsFailure> {
        let (path, body) = impersonation(account, CLOUD_KMS);
        let origin = Service::IamCredentials.origin(self.universe);
        let reply = self.post(Purpose::Impersonating, &origin, &path, WipedBytes::new(body.to_vec())).await?;
        impersonation_token(reply)
    }

    async fn oauth_token(
        &self,
        service: Service,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Token, KmsFailure> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            expires_in: u32,
        }
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let reply = self.send(method, &service.origin(self.universe), path, body, None).await?;
        if !reply.status.is_success() {
            return Err(failure::from_token_service(&reply));
        }
        // Whoever else answers on that address does not know to say this.
        if service == Service::Metadata && reply.headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google")
        {
            return Err(no_token());
        }
        let body = WipedBytes::new(reply.body);
        let Answer { access_token, expires_in } = serde_json::from_slice(&body).map_err(|_| no_token())?;
        Ok(Token { value: Zeroizing::new(access_token), life: Duration::from_secs(expires_in.into()) })
    }

    async fn send(
        &self,
        method: Method,
        origin: &str,
        path: &str,
        body: Option<(&'static str, Bytes)>,
        caller: Option<Caller<'_>>,
    ) -> Result<Reply, KmsFailure> {
        let client = self.http.for_this_runtime()?;
        let url = format!("{}{path}", self.plain_origin.as_deref().unwrap_or(origin));
        let url =
            Url::parse(&url).map_err(|_| KmsFailure::new(ErrorCode::Internal, "an address could not be rebuilt"))?;
        let mut request = Request::new(method, url);
        if let Some(Caller { token, quota_project }) = caller {
            request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
            if let Some(project) = quota_project {
                request
                    .headers_mut()
                    .insert("x-goog-user-project", HeaderValue::from_str(project).map_err(|_| no_token())?);
            }
        }
        match body {
            Some((content_type, body)) => {
                request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
                *request.body_mut() = Some(body.into());
            }
            None => {
                request.headers_mut().insert("metadata-flavor", HeaderValue::from_static("Google"));
            }
        }
        send(&client, request).await
    }

    /// A customer's service account has a project of its own.
    fn quota_project(&self, purpose: &Purpose) -> Option<&str> {
        let own = !matches!(purpose, Purpose::ActingAs(_));
        self.source.get().filter(|_| own)?.quota_project()
    }

    fn source(&self) -> Result<Arc<Source>, KmsFailure> {
        match self.source.get() {
            Some(source) => Ok(Arc::clone(source)),
            None => {
                let found = Arc::new(default_source(self.universe)?);
                Ok(Arc::clone(self.source.get_or_init(|| found)))
            }
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, KmsFailure> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text).map_err(|_| no_token())?;
    value.set_sensitive(true);
    Ok(value)
}

fn impersonation(account: &ServiceAccount, scope: &str) -> (String, Bytes) {
    let path = format!("/v1/projects/-/serviceAccounts/{}:generateAccessToken", account.as_str());
    let body = serde_json::json!({ "scope": [scope], "lifetime": format!("{}s", jwt::LIFETIME.as_secs()) });
    (path, body.to_string().into())
}

fn impersonation_token(reply: Reply) -> Result<Token, KmsFailure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        access_token: String,
        expire_time: String,
    }
    if !reply.status.is_success() {
        return Err(failure::from_token_service(&reply));
    }
    let body = WipedBytes::new(reply.body);
    let Answer { access_token, expire_time } = serde_json::from_slice(&body).map_err(|_| no_token())?;
    let ends = humantime::parse_rfc3339(&expire_time).map_err(|_| no_token())?;
    // By the wall clock, which may be wrong: never longer than was asked for.
    let life = ends.duration_since(SystemTime::now()).unwrap_or_default().min(jwt::LIFETIME);
    Ok(Token { value: Zeroizing::new(access_token), life })
}

/// `application/x-www-form-urlencoded`, as RFC 6749 wants it: everything but letters, digits and `-._` as `%XX`.
fn form(fields: &[(&str, &str)]) -> Bytes {
    let mut body = WipedBytes::with_capacity(fields.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum());
    for (name, value) in fields {
        if !body.is_empty() {
            body.push(b'&');
        }
        body.extend_from_slice(name.as_bytes());
        body.push(b'=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => body.push(byte),
                _ => body.extend([
                    b'%',
                    b"0123456789ABCDEF"[usize::from(byte >> 4)],
                    b"0123456789ABCDEF"[usize::from(byte & 15)],
                ]),
            }
        }
    }
    Bytes::from_owner(body)
}

fn no_token() -> KmsFailure {
    KmsFailure::new(ErrorCode::KmsUnavailable, "the answer of the service that gives out tokens makes no sense")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_nothing_that_could_end_a_field() {
        assert_eq!(&form(&[("a", "b&c=d %+/é"), ("e", "")])[..], b"a=b%26c%3Dd%20%25%2B%2F%C3%A9&e=");
    }

    #[test]
    fn a_token_never_shows() {
        let value = bearer("ya29.secret").unwrap();
        assert!(!format!("{value:?}").contains("secret"));
        assert!(!bearer("ya29\nsecret").unwrap_err().message.contains("secret"));
    }
}
