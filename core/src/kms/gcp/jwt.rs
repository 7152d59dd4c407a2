//! JSON Web Tokens that a service account signs for itself (RFC 7515, RS256): Google's APIs take them as they are, and nobody has to be asked for one.
//!
//! Source: Google's AIP-4111, "Self-signed JWT". Each is for one service (`aud`), which is narrower than any scope.

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libvault_memory::WipedBytes;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::kms::{KmsFailure, jwt};

/// As long as Google allows.
pub(super) const LIFETIME: Duration = Duration::from_secs(3_600);
/// So far this machine's clock may run ahead of Google's.
const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// A private key of a service account.
pub(super) struct SigningKey {
    pair: KeyPair,
    id: String,
    email: String,
}

impl SigningKey {
    /// From the fields of a key file.
    ///
    /// # Errors
    /// What is wrong with the key.
    pub(super) fn new(pem: &[u8], id: String, email: String) -> Result<Self, &'static str> {
        let der = pkcs8(pem).ok_or("private_key is not a PEM block PRIVATE KEY (PKCS #8)")?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|_| "private_key is not an RSA key of at least 2048 bits")?;
        Ok(Self { pair, id, email })
    }

    /// A token for the service at `audience`, such as `https://cloudkms.googleapis.com/`.
    pub(super) fn sign(&self, audience: &str) -> Result<String, KmsFailure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(CLOCK_SKEW);
        let header = serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": self.id });
        let claims = serde_json::json!({
            "iss": self.email,
            "sub": self.email,
            "aud": audience,
            "iat": now.as_secs(),
            "exp": (now + LIFETIME).as_secs(),
        });
        jwt::sign(&self.pair, &RSA_PKCS1_SHA256, &header, &claims)
    }
}

/// The bytes of the only block of a PEM text (RFC 7468).
fn pkcs8(pem: &[u8]) -> Option<WipedBytes> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    let text = std::str::from_utf8(pem).ok()?.trim().strip_prefix(BEGIN)?.strip_suffix("-----END PRIVATE KEY-----")?;
    let mut digits = WipedBytes::with_capacity(text.len());
    digits.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = WipedBytes::with_capacity(digits.len());
    STANDARD.decode_vec(digits.as_slice(), &mut der).ok()?;
    Some(der)
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// A new key, and its PEM text.
    pub(in super::super) fn new_key() -> (KeyPair, String) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = STANDARD.encode(pair.as_der().unwrap().as_ref());
        let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        (pair, format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
    }

    #[test]
    fn a_token_says_who_and_for_which_service_and_verifies() {
        let (pair, pem) = new_key();
        let key =
            SigningKey::new(pem.as_bytes(), "key-1".to_owned(), "a@b.iam.gserviceaccount.com".to_owned()).unwrap();
        let token = key.sign("https://cloudkms.googleapis.com/").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let [header, claims]: [serde_json::Value; 2] =
            [header, claims].map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap());
        assert_eq!(header, serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" }));
        assert_eq!(claims["aud"], "https://cloudkms.googleapis.com/");
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3_600);
    }

    #[test]
    fn what_is_no_rsa_key_is_refused() {
        for pem in [
            "",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert!(SigningKey::new(pem.as_bytes(), String::new(), String::new()).is_err(), "{pem:?}");
        }
    }
}
