//! A client certificate as an application's proof: JSON Web Tokens signed with its key.
//!
//! Sources: Microsoft identity platform, "Certificate credentials" (the header and the claims); RFC 7515 and RFC 7518 §3.5 (PS256).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use x509_cert::der::Decode as _;

use crate::aead::{Random as _, SystemRandom, sha256};
use crate::error::ErrorCode;
use crate::kms::expiry::Expiry;
use crate::kms::{KmsFailure, jwt};
use crate::log::Log;

/// How long an assertion is good for: time for one exchange, also on clocks that are some minutes apart.
const LIFETIME: Duration = Duration::from_secs(600);

/// An RSA key, and the certificate that the application is registered with.
pub(super) struct Certificate {
    key: KeyPair,
    thumbprint: String,
    expiry: Option<Expiry>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

impl Certificate {
    /// The first certificate is the one; others are its issuers', which Azure does not ask for. `log` is told before it expires.
    ///
    /// # Errors
    /// What is wrong, without anything of the text.
    pub(super) fn from_pem(pem: &[u8], log: &Arc<Log>) -> Result<Self, &'static str> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| "holds no certificate in PEM")?;
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| "holds no unencrypted private key in PEM")? {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err("holds a private key that is not RSA"),
        };
        let key = key.map_err(|_| "holds a private key that is not RSA of 2048 bits or more")?;
        let expiry = expiry_of(&certificate, log);
        Ok(Self { key, expiry, thumbprint: URL_SAFE_NO_PAD.encode(sha256(&[certificate.as_ref()])) })
    }

    /// Tells the log if the end is near. Not part of [`Certificate::assertion`], which runs where the host must not be called.
    pub(super) fn check_expiry(&self) {
        if let Some(expiry) = &self.expiry {
            expiry.check(SystemTime::now());
        }
    }

    /// A new signed assertion of the application towards `audience`, the token endpoint.
    ///
    /// # Errors
    /// `Internal`, if there is no randomness or no time.
    pub(super) fn assertion(&self, client_id: &str, audience: &str) -> Result<String, KmsFailure> {
        let internal =
            |what: &str| KmsFailure::new(ErrorCode::Internal, format!("no assertion could be signed: {what}"));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|_| internal("no time"))?.as_secs();
        let mut id = [0; 16];
        SystemRandom.fill(&mut id).map_err(|_| internal("no randomness"))?;
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME.as_secs(),
        });
        jwt::sign(&self.key, &RSA_PSS_SHA256, &header, &claims)
    }
}

/// None for a certificate that cannot be read: Azure needs its digest only, and may know it nevertheless. The log is told.
///
/// Source: RFC 5280 §4.1.2.5 (validity).
fn expiry_of(certificate: &[u8], log: &Arc<Log>) -> Option<Expiry> {
    const EVENT: &str = "certificate_expiring";
    let Ok(parsed) = x509_cert::Certificate::from_der(certificate) else {
        let message =
            "the client certificate of azure.certificate cannot be read: nobody will be told before it expires";
        log.warn(EVENT, message);
        return None;
    };
    let after = parsed.tbs_certificate().validity().not_after.to_system_time();
    let what = "the client certificate of azure.certificate, without which Azure gives no tokens,".to_owned();
    let advice = "register a new certificate with the application, replace the file and reload the configuration";
    Some(Expiry::new(after, EVENT, what, advice, log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_be_read_is_said_to_be_so() {
        let log = Arc::default();
        assert!(expiry_of(b"no certificate", &log).is_none());
        assert_eq!(log.waiting_warnings().len(), 1);
    }
}
