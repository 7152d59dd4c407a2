//! JSON Web Tokens signed with an RSA key (RFC 7515; RFC 7518 §3.3 and §3.5 for the algorithms).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RsaEncoding;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::KmsFailure;
use crate::error::ErrorCode;

/// `header` names the algorithm that `encoding` is.
///
/// # Errors
/// `Internal`, if the key does not sign.
pub(super) fn sign(
    key: &KeyPair,
    encoding: &'static dyn RsaEncoding,
    header: &Value,
    claims: &Value,
) -> Result<String, KmsFailure> {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| KmsFailure::new(ErrorCode::Internal, "the key of the KMS's client does not sign"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&signature)))
}
