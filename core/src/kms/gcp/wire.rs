//! What is said to Cloud KMS and what it answers: JSON as protocol buffers map to it (bytes in base64, 64-bit numbers as strings).
//!
//! Source: Cloud KMS REST reference, `cryptoKeys.encrypt` and `cryptoKeys.decrypt`, with Google's guide "Verifying end-to-end data integrity": checksums go
//! both ways, and an answer that does not confirm them is not used.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libvault_memory::WipedBytes;
use serde::{Deserialize, Deserializer, de};

use super::KeyName;
use crate::envelope::{MAX_BLOB, WRAP_PLAINTEXT};
use crate::error::ErrorCode;
use crate::kms::KmsFailure;
use crate::secret::Secret;

/// Bytes and their checksum as two fields of a request: `"NAME":"…","NAMECrc32c":"…"`.
fn push_field(body: &mut WipedBytes, name: &str, bytes: &[u8]) {
    // Room for everything beforehand, so that no copy is left in an outgrown buffer. Base64 and digits need no escapes.
    let mut digits = WipedBytes::new(vec![0; base64::encoded_len(bytes.len(), true).unwrap_or_default()]);
    let length = STANDARD.encode_slice(bytes, &mut digits).unwrap_or_default();
    for piece in [b"\"", name.as_bytes(), b"\":\"", &digits[..length], b"\",\"", name.as_bytes(), b"Crc32c\":\""] {
        body.extend_from_slice(piece);
    }
    body.extend_from_slice(crc32c::crc32c(bytes).to_string().as_bytes());
    body.push(b'"');
}

/// The body of a request with its two fields; the second is the authenticated data.
pub(super) fn request(name: &str, bytes: &[u8], bind: &[u8; 32]) -> WipedBytes {
    let mut body = WipedBytes::with_capacity(512 + 2 * bytes.len());
    body.push(b'{');
    push_field(&mut body, name, bytes);
    body.push(b',');
    push_field(&mut body, "additionalAuthenticatedData", bind);
    body.push(b'}');
    body
}

/// The ciphertext out of an answer to `encrypt`.
///
/// # Errors
/// `AuthenticationFailed` if another key answered, `KmsUnavailable` if the answer is damaged or does not confirm the checksums.
pub(super) fn ciphertext(body: &[u8], key: &KeyName) -> Result<Vec<u8>, KmsFailure> {
    let answer: EncryptAnswer<'_> = serde_json::from_slice(body).map_err(|_| senseless())?;
    match &answer.name {
        // A lie or a mistake of whoever answered: nothing in it is used.
        Some(name) if !key.is_version(&name.0) => return Err(KmsFailure::unauthentic()),
        Some(_) => {}
        None => return Err(unusable("names no key")),
    }
    if !answer.verified_plaintext || !answer.verified_bind {
        return Err(unusable("does not confirm the checksums of what was sent"));
    }
    let text = answer.ciphertext.as_ref().map_or("", |text| &text.0);
    let blob = STANDARD.decode(text).map_err(|_| senseless())?;
    if answer.ciphertext_crc32c.is_none_or(|checksum| checksum.0 != i64::from(crc32c::crc32c(&blob))) {
        return Err(unusable("lacks the right checksum of the ciphertext"));
    }
    if blob.is_empty() || blob.len() > MAX_BLOB {
        return Err(unusable(&format!("holds a ciphertext of {} bytes", blob.len())));
    }
    Ok(blob)
}

/// The plaintext out of an answer to `decrypt`, which names no key: the bind digest in the plaintext is what tells whether it is the right one.
///
/// # Errors
/// `AuthenticationFailed` if it is not what libvault encrypts, `KmsUnavailable` if the answer is damaged.
pub(super) fn plaintext(body: &[u8]) -> Result<Secret<WRAP_PLAINTEXT>, KmsFailure> {
    let answer: DecryptAnswer<'_> = serde_json::from_slice(body).map_err(|_| senseless())?;
    let text = answer.plaintext.as_ref().map_or("", |text| &text.0);
    let mut bytes = WipedBytes::with_capacity(base64::decoded_len_estimate(text.len()));
    STANDARD.decode_vec(text, &mut bytes).map_err(|_| senseless())?;
    if answer.plaintext_crc32c.is_none_or(|checksum| checksum.0 != i64::from(crc32c::crc32c(&bytes))) {
        return Err(unusable("lacks the right checksum of the plaintext"));
    }
    let bytes: &[u8; WRAP_PLAINTEXT] = bytes.as_slice().try_into().map_err(|_| KmsFailure::unauthentic())?;
    Ok(Secret::copy_of(bytes))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EncryptAnswer<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    ciphertext: Option<Text<'a>>,
    ciphertext_crc32c: Option<Int64>,
    #[serde(default, rename = "verifiedPlaintextCrc32c")]
    verified_plaintext: bool,
    #[serde(default, rename = "verifiedAdditionalAuthenticatedDataCrc32c")]
    verified_bind: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DecryptAnswer<'a> {
    #[serde(borrow)]
    plaintext: Option<Text<'a>>,
    plaintext_crc32c: Option<Int64>,
}

/// Borrowed from the body wherever nothing is escaped, so that there is no second copy to wipe.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A 64-bit number: a string in what protocol buffers write, but they read a number too.
#[derive(Clone, Copy)]
struct Int64(i64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Int64;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a 64-bit number, as a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Int64, E> {
                text.parse().map(Int64).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Int64, E> {
                Ok(Int64(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Int64, E> {
                i64::try_from(number).map(Int64).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn senseless() -> KmsFailure {
    unusable("makes no sense")
}

fn unusable(why: &str) -> KmsFailure {
    KmsFailure::new(ErrorCode::KmsUnavailable, format!("the KMS's answer {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = "projects/my-project/locations/global/keyRings/r/cryptoKeys/k";

    fn key() -> KeyName {
        KeyName::parse(KEY).unwrap()
    }

    /// RFC 3720, appendix B.4.
    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_request_holds_both_values_with_their_checksums() {
        let body: Value = serde_json::from_slice(&request("plaintext", b"123456789", &[0; 32])).unwrap();
        let expected = json!({
            "plaintext": "MTIzNDU2Nzg5",
            "plaintextCrc32c": "3808858755",
            "additionalAuthenticatedData": STANDARD.encode([0; 32]),
            "additionalAuthenticatedDataCrc32c": "2324772522",
        });
        assert_eq!(body, expected);
        assert_eq!(request("ciphertext", &[7; MAX_BLOB], &[0; 32]).capacity(), 512 + 2 * MAX_BLOB, "it did not grow");
    }

    #[test]
    fn a_ciphertext_is_taken_only_from_the_key_and_with_every_confirmation() {
        use ErrorCode::{AuthenticationFailed, KmsUnavailable};
        let honest = json!({
            "name": format!("{KEY}/cryptoKeyVersions/3"),
            "ciphertext": "MTIzNDU2Nzg5",
            "ciphertextCrc32c": "3808858755",
            "verifiedPlaintextCrc32c": true,
            "verifiedAdditionalAuthenticatedDataCrc32c": true,
            "protectionLevel": "SOFTWARE",
        });
        assert_eq!(ciphertext(honest.to_string().as_bytes(), &key()).unwrap(), b"123456789");
        let other = format!("{}/cryptoKeyVersions/3", KEY.replace("cryptoKeys/k", "cryptoKeys/other"));
        let too_long = STANDARD.encode([0; MAX_BLOB + 1]);
        let too_long_checksum = crc32c::crc32c(&[0; MAX_BLOB + 1]).to_string();
        for (changes, code) in [
            (vec![("name", json!(other))], AuthenticationFailed),
            (vec![("name", json!(KEY))], AuthenticationFailed),
            (vec![("name", Value::Null)], KmsUnavailable),
            (vec![("verifiedPlaintextCrc32c", json!(false))], KmsUnavailable),
            (vec![("verifiedAdditionalAuthenticatedDataCrc32c", json!(false))], KmsUnavailable),
            (vec![("ciphertextCrc32c", json!("3808858754"))], KmsUnavailable),
            (vec![("ciphertextCrc32c", json!("-486108541"))], KmsUnavailable),
            (vec![("ciphertextCrc32c", json!("x"))], KmsUnavailable),
            (vec![("ciphertextCrc32c", Value::Null)], KmsUnavailable),
            (vec![("ciphertext", json!("MTIzNDU2Nzg4"))], KmsUnavailable),
            (vec![("ciphertext", json!("!"))], KmsUnavailable),
            (vec![("ciphertext", json!(""))], KmsUnavailable),
            (vec![("ciphertext", json!("")), ("ciphertextCrc32c", json!("0"))], KmsUnavailable),
            (vec![("ciphertext", json!(too_long)), ("ciphertextCrc32c", json!(too_long_checksum))], KmsUnavailable),
            (vec![("ciphertext", json!([1]))], KmsUnavailable),
        ] {
            let mut answer = honest.clone();
            for (name, value) in changes {
                answer[name] = value;
            }
            let failure = ciphertext(answer.to_string().as_bytes(), &key()).unwrap_err();
            assert_eq!(failure.code, code, "{answer}");
        }
        for name in [
            "verifiedPlaintextCrc32c",
            "verifiedAdditionalAuthenticatedDataCrc32c",
            "ciphertextCrc32c",
            "name",
            "ciphertext",
        ] {
            let mut answer = honest.clone();
            answer.as_object_mut().unwrap().remove(name);
            assert_eq!(
                ciphertext(answer.to_string().as_bytes(), &key()).unwrap_err().code,
                KmsUnavailable,
                "without {name}"
            );
        }
        for body in ["", "null", "[]", "{", "\u{fffd}"] {
            assert_eq!(ciphertext(body.as_bytes(), &key()).unwrap_err().code, KmsUnavailable, "{body:?}");
        }
    }

    #[test]
    fn a_plaintext_is_taken_only_with_its_checksum_and_in_full_length() {
        use ErrorCode::{AuthenticationFailed, KmsUnavailable};
        let answer = |bytes: &[u8], checksum: Value| {
            json!({ "plaintext": STANDARD.encode(bytes), "plaintextCrc32c": checksum, "usedPrimary": true }).to_string()
        };
        let checksum = json!(crc32c::crc32c(&[5; 64]).to_string());
        assert_eq!(*plaintext(answer(&[5; 64], checksum.clone()).as_bytes()).unwrap(), [5; 64]);
        assert_eq!(*plaintext(answer(&[5; 64], json!(crc32c::crc32c(&[5; 64]))).as_bytes()).unwrap(), [5; 64]);
        for (bytes, checksum, code) in [
            (vec![5; 63], json!(crc32c::crc32c(&[5; 63]).to_string()), AuthenticationFailed),
            (vec![5; 65], json!(crc32c::crc32c(&[5; 65]).to_string()), AuthenticationFailed),
            (vec![], json!("0"), AuthenticationFailed),
            (vec![6; 64], checksum, KmsUnavailable),
            (vec![5; 64], Value::Null, KmsUnavailable),
        ] {
            assert_eq!(plaintext(answer(&bytes, checksum.clone()).as_bytes()).unwrap_err().code, code, "{checksum}");
        }
        assert_eq!(plaintext(b"{}").unwrap_err().code, KmsUnavailable);
    }
}
