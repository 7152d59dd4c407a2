//! The pure-Rust backend: for targets where aws-lc does not build, and the oracle of the tests.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Tag};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::{Backend, Nonce, TAG_LENGTH, Unauthentic};
use crate::error::{Error, Result};

pub(crate) struct RustCrypto;

impl Backend for RustCrypto {
    type CipherKey = Aes256Gcm;
    type MacKey = Hmac<Sha256>;

    fn cipher_key(key: &[u8; 32]) -> Result<Aes256Gcm> {
        Ok(Aes256Gcm::new(key.into()))
    }

    fn seal_with(
        key: &Aes256Gcm,
        nonce: Nonce,
        aad: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH]> {
        ciphertext.copy_from_slice(plaintext);
        let tag = key
            .encrypt_inout_detached(&nonce.0.into(), aad, ciphertext.into())
            .map_err(|_| Error::internal("AES-256-GCM could not encrypt"))?;
        Ok(tag.into())
    }

    fn open_with(
        key: &Aes256Gcm,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), Unauthentic> {
        let tag = Tag::try_from(tag).map_err(|_| Unauthentic)?;
        plaintext.copy_from_slice(ciphertext);
        key.decrypt_inout_detached(&nonce.0.into(), aad, plaintext.into(), &tag).map_err(|_| {
            plaintext.zeroize();
            Unauthentic
        })
    }

    fn sha256(parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn mac_key(key: &[u8]) -> Hmac<Sha256> {
        Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
    }

    fn mac(key: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = key.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn fill_random(output: &mut [u8]) -> Result<()> {
        getrandom::fill(output).map_err(|_| Error::internal("the system's random generator failed"))
    }
}
