//! The default backend: aws-lc through aws-lc-rs.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as GcmNonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use aws_lc_rs::{digest, hmac};
use libvault_memory::{wipe, wipe_stack};

use super::{Backend, Nonce, TAG_LENGTH, Unauthentic};
use crate::error::{Error, Result};

pub(crate) struct AwsLc;

/// How deep the functions below use the stack, with room to spare: 2.6, 6.3 and 2.2 KiB were measured. aws-lc-rs moves HMAC states and keys about and
/// leaves copies there. So they are called out of line, and their part of the stack is wiped. `tests/memory` looks for what is left.
const CIPHER_STACK: usize = 4096;
const HMAC_STACK: usize = 8192;
const EXPAND_STACK: usize = 3072;

impl Backend for AwsLc {
    /// The key schedule lies on aws-lc's heap, which it wipes when it frees.
    type CipherKey = LessSafeKey;

    fn cipher_key(key: &[u8; 32]) -> Result<LessSafeKey> {
        let expanded = cipher_key(key);
        wipe_stack::<CIPHER_STACK>();
        expanded
    }

    fn seal_with(
        key: &LessSafeKey,
        nonce: Nonce,
        aad: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH]> {
        let sealed = seal_with(key, nonce, aad, plaintext, ciphertext);
        wipe_stack::<CIPHER_STACK>();
        sealed
    }

    fn open_with(
        key: &LessSafeKey,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), Unauthentic> {
        let opened = open_with(key, nonce, aad, ciphertext, tag, plaintext);
        wipe_stack::<CIPHER_STACK>();
        if opened.is_err() {
            wipe(plaintext);
        }
        opened
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

    fn hmac(key: &[u8], parts: &[&[u8]], output: &mut [u8; 32]) {
        hmac(key, parts, output);
        wipe_stack::<HMAC_STACK>();
    }

    fn hkdf_expand(pseudorandom_key: &[u8; 32], info: &[&[u8]], output: &mut [u8; 32]) {
        hkdf_expand(pseudorandom_key, info, output);
        wipe_stack::<EXPAND_STACK>();
    }
}

#[inline(never)]
fn cipher_key(key: &[u8; 32]) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::internal("AES-256-GCM refused its key"))?;
    Ok(LessSafeKey::new(key))
}

#[inline(never)]
fn seal_with(
    key: &LessSafeKey,
    nonce: Nonce,
    aad: &[u8],
    plaintext: &[u8],
    ciphertext: &mut [u8],
) -> Result<[u8; TAG_LENGTH]> {
    let mut tag = [0; TAG_LENGTH];
    let nonce = GcmNonce::assume_unique_for_key(nonce.0);
    key.seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, ciphertext, &[], &mut tag)
        .map_err(|_| Error::internal("AES-256-GCM could not encrypt"))?;
    Ok(tag)
}

#[inline(never)]
fn open_with(
    key: &LessSafeKey,
    nonce: Nonce,
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
    plaintext: &mut [u8],
) -> Result<(), Unauthentic> {
    let nonce = GcmNonce::assume_unique_for_key(nonce.0);
    key.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plaintext).map_err(|_| Unauthentic)
}

#[inline(never)]
fn hmac(key: &[u8], parts: &[&[u8]], output: &mut [u8; 32]) {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    output.copy_from_slice(context.sign().as_ref());
}

#[inline(never)]
fn hkdf_expand(pseudorandom_key: &[u8; 32], info: &[&[u8]], output: &mut [u8; 32]) {
    struct Block;
    impl KeyType for Block {
        fn len(&self) -> usize {
            32
        }
    }
    let key = Prk::new_less_safe(HKDF_SHA256, pseudorandom_key);
    let filled = key.expand(info, Block).and_then(|block| block.fill(output));
    filled.expect("HKDF gives up to 255 blocks");
}
