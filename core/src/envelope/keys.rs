//! The key schedule (`docs/envelope.md` §4): everything that is derived from a data key.

use super::layout::*;
use crate::aead::{Hkdf, hmac, sha256};
use crate::context::Context;
use crate::secret::{Secret, constant_time_equal};

/// The keys that one data key gives for one context and purpose.
pub(crate) struct MessageKeys(Hkdf);

impl MessageKeys {
    pub(crate) fn derive(data_key: &Secret<32>, context: &Context, purpose: Purpose) -> Self {
        Self(Hkdf::extract(context.salt(purpose.byte()), &**data_key))
    }

    /// Commits to data key, suite, purpose and context; also the data key's stable id.
    pub(crate) fn commitment(&self) -> [u8; COMMITMENT_LENGTH] {
        *self.0.expand(&[b"libvault/v1/commit"])
    }

    pub(crate) fn commits_to(&self, commitment: &[u8; COMMITMENT_LENGTH]) -> bool {
        constant_time_equal(&self.commitment(), commitment)
    }

    /// Authenticates everything of the bundle that a rewrap may replace.
    pub(crate) fn bundle_mac(&self, body: &[u8]) -> [u8; BUNDLE_MAC_LENGTH] {
        let key = self.0.expand(&[b"libvault/v1/bundle"]);
        let mut mac = [0; BUNDLE_MAC_LENGTH];
        mac.copy_from_slice(&hmac(&*key, &[&[VERSION, SUITE], body])[..BUNDLE_MAC_LENGTH]);
        mac
    }

    pub(crate) fn message_key(&self, prefix: &[u8; PREFIX_LENGTH], message_id: &[u8; MESSAGE_ID_LENGTH]) -> Secret<32> {
        self.0.expand(&[b"libvault/v1/msg", prefix, message_id])
    }
}

/// What every wrap of a bundle is bound to.
pub(crate) struct BindInput<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) policy: Policy,
    pub(crate) share_count: u8,
    pub(crate) commitment: &'a [u8; COMMITMENT_LENGTH],
    pub(crate) context: &'a Context,
}

impl BindInput<'_> {
    /// The digest that one wrap authenticates, inside and (where the KMS can) as AAD. `key_ids` are the concatenated ids.
    pub(crate) fn digest(&self, index: u8, binding_id: Id, key_ids: &[u8]) -> [u8; 32] {
        let fixed = [VERSION, SUITE, self.purpose.byte(), self.policy.bits(), self.share_count, index];
        let key_count = [(key_ids.len() / 16) as u8];
        let parts: [&[u8]; 7] =
            [b"libvault/v1/bind", &fixed, &binding_id.0, &key_count, key_ids, self.commitment, self.context.digest()];
        sha256(&parts)
    }
}

/// The salted tag by which an envelope recognises its context without storing it.
pub(crate) fn context_tag(commitment: &[u8; COMMITMENT_LENGTH], context: &Context) -> [u8; CONTEXT_TAG_LENGTH] {
    let digest = sha256(&[b"libvault/v1/ctxtag", commitment, context.canonical()]);
    let mut tag = [0; CONTEXT_TAG_LENGTH];
    tag.copy_from_slice(&digest[..CONTEXT_TAG_LENGTH]);
    tag
}

/// The data key that all of `shares` make together: their XOR (NIST SP 800-133r2 §6.3).
pub(crate) fn combine_shares<'a>(shares: impl IntoIterator<Item = &'a [u8; 32]>) -> Secret<32> {
    let mut data_key = Secret::zero();
    for share in shares {
        data_key.iter_mut().zip(share).for_each(|(byte, other)| *byte ^= other);
    }
    data_key
}

/// What a wrap encrypts: the share, and the digest it is bound to.
pub(crate) fn wrap_plaintext(share: &[u8; 32], bind: &[u8; 32]) -> Secret<WRAP_PLAINTEXT> {
    let mut plaintext = Secret::zero();
    plaintext[..32].copy_from_slice(share);
    plaintext[32..].copy_from_slice(bind);
    plaintext
}

/// The share of an unwrapped plaintext, if it is bound to `bind`.
pub(crate) fn share_bound_to(plaintext: &[u8], bind: &[u8; 32]) -> Option<Secret<32>> {
    let (share, bound) = plaintext.split_first_chunk::<32>()?;
    constant_time_equal(bound, bind).then(|| Secret::copy_of(share))
}
