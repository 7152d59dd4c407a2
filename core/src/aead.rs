//! The cryptographic primitives behind one small trait, with two backends that produce the same bytes.
//!
//! AES-256-GCM is NIST SP 800-38D, SHA-256 FIPS 180-4, HMAC RFC 2104, HKDF RFC 5869.

use crate::error::{Error, Result};
pub(crate) use crate::random::{Random, SystemRandom};
use crate::secret::{Secret, constant_time_equal};

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(feature = "rust-crypto")]
// With both it is what tests compare with.
#[cfg_attr(feature = "aws-lc", allow(dead_code))]
mod rust_crypto;

#[cfg(feature = "aws-lc")]
pub(crate) use aws_lc::AwsLc as Active;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc")))]
pub(crate) use rust_crypto::RustCrypto as Active;
#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
compile_error!("libvault needs a cryptographic backend: enable the feature `aws-lc` or `rust-crypto`");

/// The algorithm suite of these primitives: AES-256-GCM, HKDF-SHA-256, HMAC-SHA-256.
pub(crate) const SUITE: u8 = 1;
/// Length of a GCM tag.
pub(crate) const TAG_LENGTH: usize = 16;

/// The tag of a message did not verify. It says nothing more.
#[derive(Debug)]
pub(crate) struct Unauthentic;

/// Of a frame: wraps have their own rule.
impl From<Unauthentic> for Error {
    fn from(_: Unauthentic) -> Self {
        Self::unauthentic("R31")
    }
}

/// What a backend provides. It leaves no copy of what is secret behind.
pub(crate) trait Backend {
    /// An AES-256-GCM key, its schedule computed once for many frames; wiped when dropped.
    type CipherKey: Send + Sync;

    fn cipher_key(key: &[u8; 32]) -> Result<Self::CipherKey>;
    /// Encrypts `plaintext` into `ciphertext`, which has the same length, and returns the tag.
    fn seal_with(
        key: &Self::CipherKey,
        nonce: Nonce,
        aad: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH]>;
    /// Decrypts `ciphertext` into `plaintext`, which has the same length and is all zero after a failure.
    fn open_with(
        key: &Self::CipherKey,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), Unauthentic>;

    /// `seal_with` a key that encrypts once.
    fn seal(
        key: &[u8; 32],
        nonce: Nonce,
        aad: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH]> {
        Self::seal_with(&Self::cipher_key(key)?, nonce, aad, plaintext, ciphertext)
    }

    /// `open_with` a key that decrypts once.
    fn open(
        key: &[u8; 32],
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), Unauthentic> {
        let key = Self::cipher_key(key).map_err(|_| Unauthentic)?;
        Self::open_with(&key, nonce, aad, ciphertext, tag, plaintext)
    }

    /// Of what is not secret.
    fn sha256(parts: &[&[u8]]) -> [u8; 32];
    fn hmac(key: &[u8], parts: &[&[u8]], output: &mut [u8; 32]);
    /// One block of HKDF-Expand.
    fn hkdf_expand(pseudorandom_key: &[u8; 32], info: &[&[u8]], output: &mut [u8; 32]);
}

/// A GCM nonce for a key that this crate derives for one message or one wrap. Moving it into `seal` uses it up.
pub(crate) struct Nonce([u8; 12]);

impl Nonce {
    /// For a key that encrypts exactly once.
    pub(crate) fn single_use_key() -> Self {
        Self([0; 12])
    }

    /// STREAM: the frame's number and whether it is the last one.
    pub(crate) fn frame(number: u64, last: bool) -> Self {
        let mut bytes = [0; 12];
        bytes[3..11].copy_from_slice(&number.to_be_bytes());
        bytes[11] = u8::from(last);
        Self(bytes)
    }
}

/// A pseudorandom key of HKDF-SHA-256. It is kept as it is: an HMAC state prepared from it would save little and lie in ordinary memory.
pub(crate) struct Hkdf(Secret<32>);

impl Hkdf {
    pub(crate) fn extract(salt: &[u8], input_key: &[u8]) -> Self {
        let mut key = Secret::zero();
        Active::hmac(salt, &[input_key], &mut key);
        Self(key)
    }

    /// Whether both were extracted from the same input key with the same salt; takes the same time either way.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        constant_time_equal(&*self.0, &*other.0)
    }

    /// 32 bytes of output key: one block of HKDF-Expand.
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Secret<32> {
        let mut output = Secret::zero();
        Active::hkdf_expand(&self.0, info, &mut output);
        output
    }
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Active::sha256(parts)
}

pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut output = [0; 32];
    Active::hmac(key, parts, &mut output);
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, test case 1, cut to the 32 bytes that one block gives.
    #[test]
    fn hkdf_matches_rfc_5869() {
        let salt: Vec<u8> = (0..=12).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let output = Hkdf::extract(&salt, &[0x0b; 22]).expand(&[&info[..4], &info[4..]]);
        assert_eq!(output[..8], [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]);
        assert_eq!(output[28..], [0xec, 0xc4, 0xc5, 0xbf]);
    }

    #[cfg(all(feature = "aws-lc", feature = "rust-crypto"))]
    #[test]
    fn the_backends_make_the_same_bytes() {
        use super::{aws_lc::AwsLc, rust_crypto::RustCrypto};
        for length in [0, 1, 15, 16, 17, 64, 1000, 65_537] {
            let (mut key, mut data, mut aad) = ([0; 32], vec![0; length], [0; 33]);
            for bytes in [&mut key[..], &mut data[..], &mut aad[..]] {
                SystemRandom.fill(bytes).unwrap();
            }
            let (mut left, mut right) = (vec![0; length], vec![0; length]);
            let left_tag = AwsLc::seal(&key, Nonce::frame(7, true), &aad, &data, &mut left).unwrap();
            let right_tag = RustCrypto::seal(&key, Nonce::frame(7, true), &aad, &data, &mut right).unwrap();
            assert_eq!((&left, left_tag), (&right, right_tag));
            let mut opened = vec![0; length];
            RustCrypto::open(&key, Nonce::frame(7, true), &aad, &left, &left_tag, &mut opened).unwrap();
            assert_eq!(opened, data);
            AwsLc::open(&key, Nonce::frame(7, false), &aad, &left, &left_tag, &mut opened).unwrap_err();
            assert!(opened.iter().all(|byte| *byte == 0), "a failed open leaves no plaintext");
            assert_eq!(AwsLc::sha256(&[&data, &aad]), RustCrypto::sha256(&[&data, &aad]));
            let (mut left, mut right) = ([0; 32], [0; 32]);
            AwsLc::hmac(&data, &[&aad, &key], &mut left);
            RustCrypto::hmac(&data, &[&aad, &key], &mut right);
            assert_eq!(left, right);
            AwsLc::hkdf_expand(&key, &[&aad, &data], &mut left);
            RustCrypto::hkdf_expand(&key, &[&aad, &data], &mut right);
            assert_eq!(left, right);
        }
    }
}
