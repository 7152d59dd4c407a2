//! The random bytes of a bundle.

use zeroize::Zeroizing;

use super::seal::Protection;
use crate::aead::Random;
use crate::envelope::{MESSAGE_ID_LENGTH, combine_shares};
use crate::error::Result;
use crate::kms::derived::SALT_LENGTH;
use crate::secret::Secret;

const SHARE_LENGTH: usize = 32;

/// Fresh shares (every bundle draws new ones) and what else a bundle needs. All of it is drawn at once, since asking the generator costs more
/// than the bytes; the order is that of `docs/envelope.md` W1.
pub(super) struct Draw {
    shares: Vec<Secret<SHARE_LENGTH>>,
    pub(super) message_id: [u8; MESSAGE_ID_LENGTH],
    pub(super) managed_salt: [u8; SALT_LENGTH],
}

impl Draw {
    /// For a new data key and its first message.
    pub(super) fn for_message(protection: &Protection, random: &dyn Random) -> Result<Self> {
        Self::of_shares(protection, protection.share_count(), true, random)
    }

    /// For a new data key.
    pub(super) fn for_bundle(protection: &Protection, random: &dyn Random) -> Result<Self> {
        Self::of_shares(protection, protection.share_count(), false, random)
    }

    /// For a data key that is kept: the last share makes the others add up to it.
    pub(super) fn for_data_key(data_key: &Secret<32>, protection: &Protection, random: &dyn Random) -> Result<Self> {
        let mut draw = Self::of_shares(protection, protection.share_count() - 1, false, random)?;
        let last = combine_shares(draw.shares().chain([&**data_key]));
        draw.shares.push(last);
        Ok(draw)
    }

    pub(super) fn shares(&self) -> impl ExactSizeIterator<Item = &[u8; SHARE_LENGTH]> {
        self.shares.iter().map(|share| &**share)
    }

    fn of_shares(
        protection: &Protection,
        share_count: usize,
        with_message_id: bool,
        random: &dyn Random,
    ) -> Result<Self> {
        let shares = SHARE_LENGTH * share_count;
        let id = if with_message_id { MESSAGE_ID_LENGTH } else { 0 };
        let salt = if protection.managed().is_some() { SALT_LENGTH } else { 0 };
        let mut bytes = Zeroizing::new(vec![0; shares + id + salt]);
        random.fill(&mut bytes)?;
        let (mut message_id, mut managed_salt) = ([0; MESSAGE_ID_LENGTH], [0; SALT_LENGTH]);
        message_id[..id].copy_from_slice(&bytes[shares..][..id]);
        managed_salt[..salt].copy_from_slice(&bytes[shares + id..]);
        let shares = bytes[..shares].as_chunks().0.iter().map(Secret::copy_of).collect();
        Ok(Self { shares, message_id, managed_salt })
    }
}
