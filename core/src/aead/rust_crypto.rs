//! The pure-Rust backend: for targets where aws-lc does not build, and the oracle of the tests.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Tag};
use hmac::{Hmac, Mac};
use libvault_memory::{wipe, wipe_stack};
use sha2::{Digest, Sha256};

use super::{Backend, Nonce, TAG_LENGTH, Unauthentic};
use crate::error::{Error, Result};

pub(crate) struct RustCrypto;

/// As in the other backend; 1 KiB was measured for HMAC.
const STACK: usize = 4096;

impl Backend for RustCrypto {
    type CipherKey = Aes256Gcm;

    fn cipher_key(key: &[u8; 32]) -> Result<Aes256Gcm> {
        let expanded = cipher_key(key);
        wipe_stack::<STACK>();
        Ok(expanded)
    }

    fn seal_with(
        key: &Aes256Gcm,
        nonce: Nonce,
        aad: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH]> {
        let sealed = seal_with(key, nonce, aad, plaintext, ciphertext);
        wipe_stack::<STACK>();
        sealed
    }

    fn open_with(
        key: &Aes256Gcm,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), Unauthentic> {
        let opened = open_with(key, nonce, aad, ciphertext, tag, plaintext);
        wipe_stack::<STACK>();
        if opened.is_err() {
            wipe(plaintext);
        }
        opened
    }

    fn sha256(parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn hmac(key: &[u8], parts: &[&[u8]], output: &mut [u8; 32]) {
        hmac(key, parts, output);
        wipe_stack::<STACK>();
    }

    fn hkdf_expand(pseudorandom_key: &[u8; 32], info: &[&[u8]], output: &mut [u8; 32]) {
        let mut parts: [&[u8]; 8] = [&[]; 8];
        parts[..info.len()].copy_from_slice(info);
        parts[info.len()] = &[1];
        Self::hmac(pseudorandom_key, &parts[..=info.len()], output);
    }
}

#[inline(never)]
fn cipher_key(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

#[inline(never)]
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

#[inline(never)]
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
    key.decrypt_inout_detached(&nonce.0.into(), aad, plaintext.into(), &tag).map_err(|_| Unauthentic)
}

#[inline(never)]
fn hmac(key: &[u8], parts: &[&[u8]], output: &mut [u8; 32]) {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    output.copy_from_slice(&mac.finalize().into_bytes());
}
