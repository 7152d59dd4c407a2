//! The default backend: aws-lc through aws-lc-rs.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as GcmNonce, UnboundKey};
use aws_lc_rs::{digest, hmac, rand};
use zeroize::Zeroize;

use super::{Backend, Nonce, TAG_LENGTH, Unauthentic};
use crate::error::{Error, Result};

pub(crate) struct AwsLc;

impl Backend for AwsLc {
    type CipherKey = LessSafeKey;
    type MacKey = hmac::Key;

    fn cipher_key(key: &[u8; 32]) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::internal("AES-256-GCM refused its key"))?;
        Ok(LessSafeKey::new(key))
    }

    fn seal_with(
        key: &LessSafeKey,
        nonce: Nonce,
        aad: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH]> {
        let mut tag = [0; TAG_LENGTH];
        key.seal_out_of_place_scatter(
            GcmNonce::assume_unique_for_key(nonce.0),
            Aad::from(aad),
            plaintext,
            ciphertext,
            &[],
            &mut tag,
        )
        .map_err(|_| Error::internal("AES-256-GCM could not encrypt"))?;
        Ok(tag)
    }

    fn open_with(
        key: &LessSafeKey,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), Unauthentic> {
        let nonce = GcmNonce::assume_unique_for_key(nonce.0);
        key.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plaintext).map_err(|_| {
            plaintext.zeroize();
            Unauthentic
        })
    }

    fn sha256(parts: &[&[u8]]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        let mut output = [0; 32];
        output.copy_from_slice(context.finish().as_ref());
        output
    }

    fn mac_key(key: &[u8]) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, key)
    }

    fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(key);
        for part in parts {
            context.update(part);
        }
        let mut output = [0; 32];
        output.copy_from_slice(context.sign().as_ref());
        output
    }

    fn fill_random(output: &mut [u8]) -> Result<()> {
        rand::fill(output).map_err(|_| Error::internal("the system's random generator failed"))
    }
}
