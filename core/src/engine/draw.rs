//! The random bytes of a bundle.

use super::seal::Protection;
use crate::aead::Random;
use crate::envelope::{MAX_COUNT, MESSAGE_ID_LENGTH, combine_shares};
use crate::error::Result;
use crate::kms::derived::SALT_LENGTH;
use crate::secret::Secret;

const SHARE_LENGTH: usize = 32;
const MOST_BYTES: usize = SHARE_LENGTH * MAX_COUNT + MESSAGE_ID_LENGTH + SALT_LENGTH;

/// Fresh shares (every bundle draws new ones) and what else a bundle needs. All of it is drawn at once, since asking the generator costs more
/// than the bytes; the order is that of `docs/envelope.md` W1.
pub(super) struct Draw {
    bytes: Secret<MOST_BYTES>,
    share_count: usize,
    pub(super) message_id: [u8; MESSAGE_ID_LENGTH],
    pub(super) managed_salt: [u8; SALT_LENGTH],
}

impl Draw {
    /// For a new data key and its first message.
    pub(super) fn for_message(protection: &Protection, random: &dyn Random) -> Result<Self> {
        Self::draw(protection, protection.share_count(), true, random)
    }

    /// For a new data key.
    pub(super) fn for_bundle(protection: &Protection, random: &dyn Random) -> Result<Self> {
        Self::draw(protection, protection.share_count(), false, random)
    }

    /// For a data key that is kept: the last share makes the others add up to it.
    pub(super) fn for_data_key(data_key: &Secret<32>, protection: &Protection, random: &dyn Random) -> Result<Self> {
        let others = protection.share_count() - 1;
        let mut draw = Self::draw(protection, others, false, random)?;
        let last = combine_shares(draw.shares().iter().chain([&**data_key]));
        draw.bytes[SHARE_LENGTH * others..][..SHARE_LENGTH].copy_from_slice(&*last);
        draw.share_count += 1;
        Ok(draw)
    }

    pub(super) fn shares(&self) -> &[[u8; SHARE_LENGTH]] {
        &self.bytes.as_chunks().0[..self.share_count]
    }

    fn draw(protection: &Protection, share_count: usize, with_message_id: bool, random: &dyn Random) -> Result<Self> {
        let shares = SHARE_LENGTH * share_count;
        let id = if with_message_id { MESSAGE_ID_LENGTH } else { 0 };
        let salt = if protection.managed().is_some() { SALT_LENGTH } else { 0 };
        let mut bytes = Secret::zero();
        random.fill(&mut bytes[..shares + id + salt])?;
        let (mut message_id, mut managed_salt) = ([0; MESSAGE_ID_LENGTH], [0; SALT_LENGTH]);
        message_id[..id].copy_from_slice(&bytes[shares..][..id]);
        managed_salt[..salt].copy_from_slice(&bytes[shares + id..][..salt]);
        Ok(Self { bytes, share_count, message_id, managed_salt })
    }
}
