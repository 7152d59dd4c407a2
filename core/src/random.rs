//! Randomness: drawn from the operating system each time, so that no state of it lies in this process for a fork or a restored snapshot to repeat.
//!
//! aws-lc's own generator is not used: each draw takes locks of the whole process, and a fork while another thread holds one leaves it locked in the
//! child for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use libvault_memory::fork_generation;

use crate::aead::hmac;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Where key bytes, salts and ids come from. A trait, so that the vectors of the writer can be reproduced.
pub(crate) trait Random: Send + Sync {
    fn fill(&self, output: &mut [u8]) -> Result<()>;

    /// This process may be one of several copies of another: from now on its draws differ from theirs.
    ///
    /// # Errors
    /// If the system's generator fails.
    fn after_restore(&self) -> Result<()> {
        Ok(())
    }
}

/// The operating system's generator.
pub(crate) struct SystemRandom;

static RENEWAL: Renewal = Renewal::new();

impl Random for SystemRandom {
    fn fill(&self, output: &mut [u8]) -> Result<()> {
        from_system(output)?;
        RENEWAL.mix_into(output);
        Ok(())
    }

    fn after_restore(&self) -> Result<()> {
        RENEWAL.renew(from_system)
    }
}

fn from_system(output: &mut [u8]) -> Result<()> {
    getrandom::fill(output).map_err(|_| Error::internal("the system's random generator failed"))
}

/// What is added to a generator after a snapshot of the machine was restored. The kernel renews its own generator then, but not every kernel and
/// hypervisor does (`vmgenid`, Linux 5.18), and copies of one snapshot would draw the same.
///
/// Each draw is combined by XOR with a stream of HMAC-SHA-256, keyed by the generator and by the clocks, which no two copies read at the same
/// nanosecond. XOR with a stream that is independent of the draw makes nothing worse.
pub(crate) struct Renewal(ArcSwapOption<Stream>);

struct Stream {
    key: Secret<32>,
    next_block: AtomicU64,
}

impl Renewal {
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// A new stream, also from the one before.
    pub(crate) fn renew(&self, draw: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<()> {
        let mut seed = Secret::<64>::zero();
        draw(&mut seed[..32])?;
        let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_nanos());
        let clocks = [now(), SystemClock.now().as_nanos(), now()].map(u128::to_be_bytes);
        let before = self.0.load();
        if let Some(before) = &*before {
            seed[32..].copy_from_slice(&*before.key);
        }
        let mut key = Secret::zero();
        *key = hmac(&*seed, &[b"libvault/v1/restored", &clocks[0], &clocks[1], &clocks[2]]);
        self.0.store(Some(Arc::new(Stream { key, next_block: AtomicU64::new(0) })));
        Ok(())
    }

    /// Does nothing before the first renewal.
    pub(crate) fn mix_into(&self, output: &mut [u8]) {
        let stream = self.0.load();
        let Some(stream) = &*stream else { return };
        // A child of a fork goes on with the stream; what it draws underneath differs, and so does this number.
        let generation = fork_generation().to_be_bytes();
        for chunk in output.chunks_mut(32) {
            let number = stream.next_block.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let mut block = Secret::<32>::zero();
            *block = hmac(&*stream.key, &[b"libvault/v1/block", &generation, &number]);
            chunk.iter_mut().zip(block.iter()).for_each(|(byte, other)| *byte ^= other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewed_stream_is_another_one_each_time() {
        let renewal = Renewal::new();
        let mut drawn = vec![[0; 48]];
        renewal.mix_into(&mut drawn[0]);
        assert_eq!(drawn[0], [0; 48], "nothing is added before a restore");
        for _ in 0..3 {
            // The generator repeats itself, as in copies of one snapshot.
            renewal
                .renew(|seed| {
                    seed.fill(7);
                    Ok(())
                })
                .unwrap();
            for _ in 0..2 {
                let mut output = [0; 48];
                renewal.mix_into(&mut output);
                assert!(!drawn.iter().any(|other| other[..16] == output[..16] || other[32..] == output[32..]));
                drawn.push(output);
            }
        }
    }

    #[test]
    fn the_system_gives_other_bytes_each_time() {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut first).unwrap();
        SystemRandom.fill(&mut second).unwrap();
        assert_ne!(first, second);
    }
}
