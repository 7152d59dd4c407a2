//! Wrapping under a key that we hold ourselves: a fresh single-use key is derived for every wrap, so that no long-lived key
//! ever meets a random nonce (`docs/envelope.md` §5).

use crate::aead::{Active, Backend, Hkdf, Nonce, Random};
use crate::envelope::{MANAGED_BLOB, WRAP_PLAINTEXT};
use crate::error::Result;
use crate::secret::Secret;

pub(crate) const SALT_LENGTH: usize = 16;

/// salt(16) ‖ AES-256-GCM(WK, nonce 0, AAD `bind`, `plaintext`)
pub(crate) fn wrap(
    chain_key: &Hkdf,
    random: &dyn Random,
    bind: &[u8; 32],
    plaintext: &Secret<WRAP_PLAINTEXT>,
) -> Result<[u8; MANAGED_BLOB]> {
    let mut salt = [0; SALT_LENGTH];
    random.fill(&mut salt)?;
    wrap_salted(chain_key, &salt, bind, plaintext)
}

/// As [`wrap`], with a salt that was drawn for this wrap alone.
pub(crate) fn wrap_salted(
    chain_key: &Hkdf,
    salt: &[u8; SALT_LENGTH],
    bind: &[u8; 32],
    plaintext: &Secret<WRAP_PLAINTEXT>,
) -> Result<[u8; MANAGED_BLOB]> {
    let mut blob = [0; MANAGED_BLOB];
    let (start, sealed) = blob.split_at_mut(SALT_LENGTH);
    start.copy_from_slice(salt);
    let key = wrapping_key(chain_key, bind, salt);
    let (ciphertext, tag) = sealed.split_at_mut(WRAP_PLAINTEXT);
    tag.copy_from_slice(&Active::seal(&key, Nonce::single_use_key(), bind, &**plaintext, ciphertext)?);
    Ok(blob)
}

/// The plaintext of a wrap, or nothing if it was not made with this key and `bind`.
pub(crate) fn unwrap(chain_key: &Hkdf, bind: &[u8; 32], blob: &[u8]) -> Option<Secret<WRAP_PLAINTEXT>> {
    let blob: &[u8; MANAGED_BLOB] = blob.try_into().ok()?;
    let (salt, sealed) = blob.split_at(SALT_LENGTH);
    let (ciphertext, tag) = sealed.split_at(WRAP_PLAINTEXT);
    let key = wrapping_key(chain_key, bind, salt);
    let mut plaintext = Secret::zero();
    Active::open(&key, Nonce::single_use_key(), bind, ciphertext, tag, &mut *plaintext).ok()?;
    Some(plaintext)
}

fn wrapping_key(chain_key: &Hkdf, bind: &[u8; 32], salt: &[u8]) -> Secret<32> {
    chain_key.expand(&[b"libvault/v1/wrap", bind, salt])
}
