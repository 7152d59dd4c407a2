//! Writing the framed form.

use std::fmt;
use std::sync::Arc;

use libvault_memory::WipedBytes;

use super::Permit;
use crate::aead::TAG_LENGTH;
use crate::call::{Discard, Shape, now};
use crate::engine::Snapshot;
use crate::envelope::FrameCipher;
use crate::error::{Error, ErrorCode, Result};
use crate::lease::Hold;

/// Most payload bytes and most frames of one envelope: the bounds of GCM under one key (`docs/envelope.md` §10).
const MAX_PAYLOAD: u64 = 1 << 48;
const MAX_FRAMES: u64 = 1 << 32;

/// Makes one framed envelope, piece by piece, without I/O: see [`Vault::encryptor`](crate::Vault::encryptor).
///
/// Output is appended to the given vector. After an error the stream is dead: every later call gives the same error. An envelope without
/// [`Encryptor::finish`] is truncated, and no reader accepts it. It goes on in the process that began it only: after a fork, the child gets `InvalidArgument`.
/// Dropping the value wipes its key and the data it holds.
pub struct Encryptor {
    permit: Permit,
    state: State,
}

/// What the keys gave.
pub(crate) struct EncryptorStart {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) header: Vec<u8>,
    pub(crate) cipher: FrameCipher,
    pub(crate) frame_log: u8,
    pub(crate) hold: Hold,
}

/// Dropping it wipes the key.
impl Discard for EncryptorStart {
    fn discard(&mut self) {}
}

enum State {
    /// In a box, so that moving the stream leaves no second copy of its key behind.
    Open(Box<FrameWriter>),
    Finished,
    Failed(Error),
}

impl Encryptor {
    pub(super) fn new(permit: Permit, start: EncryptorStart) -> Self {
        let writer = FrameWriter {
            header: start.header,
            cipher: start.cipher,
            frame_size: 1 << start.frame_log,
            number: 0,
            remaining: payload_limit(start.frame_log),
            held: WipedBytes::default(),
        };
        Self { permit, state: State::Open(Box::new(writer)) }
    }

    /// Encrypts `data`. At most one frame of it is held back, since only the end tells which frame is the last one.
    ///
    /// # Errors
    /// `LimitExceeded` over 2^48 bytes or 2^32 frames, `Closed`, `Cancelled`, `KeySuspended` since the beginning, `InvalidArgument` after
    /// [`Encryptor::finish`]. `WouldBlock` if a KMS has to be asked again: nothing was taken; call [`Encryptor::ask_again`], then this again.
    pub fn update(&mut self, data: &[u8], output: &mut Vec<u8>) -> Result<()> {
        self.step(output, |writer, output| writer.update(data, output))
    }

    /// [`Encryptor::update`], waiting on this thread where a KMS has to be asked again.
    ///
    /// # Errors
    /// As [`Encryptor::update`] and [`Encryptor::ask_again`].
    pub fn update_blocking(&mut self, data: &[u8], output: &mut Vec<u8>) -> Result<()> {
        now(self.asking(Shape::Blocking, |this| this.update(data, output)))
    }

    /// Writes the last frame: the envelope is complete.
    ///
    /// # Errors
    /// As [`Encryptor::update`].
    pub fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
        self.step(output, FrameWriter::finish)?;
        self.state = State::Finished;
        Ok(())
    }

    /// [`Encryptor::finish`], waiting on this thread where a KMS has to be asked again.
    ///
    /// # Errors
    /// As [`Encryptor::update_blocking`].
    pub fn finish_blocking(&mut self, output: &mut Vec<u8>) -> Result<()> {
        now(self.asking(Shape::Blocking, |this| this.finish(output)))
    }

    /// Whether the keys have to be asked before the stream goes on.
    pub fn must_ask_again(&self) -> bool {
        self.permit.is_due()
    }

    /// Asks the keys whether they still agree, if that is due: a stream uses its key no longer than a lease (`docs/leases.md`).
    ///
    /// # Errors
    /// As [`Vault::encrypt`](crate::Vault::encrypt). After one that is worth another try the stream lives on: call this again.
    pub async fn ask_again(&mut self) -> Result<()> {
        self.ask_again_as(Shape::Async).await
    }

    /// One step, in the given shape; before it, as often as needed, the question whether the keys agree.
    pub(super) async fn asking<T>(&mut self, shape: Shape, mut step: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        match step(self) {
            Err(error) if error == ErrorCode::WouldBlock && shape != Shape::Now => {
                if let Err(error) = self.ask_again_as(shape).await {
                    // Whoever writes on after an error must not get an envelope with a gap.
                    self.state = State::Failed(error.clone());
                    return Err(error);
                }
                step(self)
            }
            result => result,
        }
    }

    pub(super) async fn ask_again_as(&mut self, shape: Shape) -> Result<()> {
        if !self.permit.is_due() || !matches!(self.state, State::Open(_)) {
            return Ok(());
        }
        match ask_again(&self.permit, shape).await {
            Ok(hold) => (self.permit.hold, self.permit.agreed) = (hold, true),
            Err(error) => {
                if !error.code().is_retryable() && error != ErrorCode::WouldBlock {
                    self.state = State::Failed(error.clone());
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn step(
        &mut self,
        output: &mut Vec<u8>,
        step: impl FnOnce(&mut FrameWriter, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let start = output.len();
        let result = match &mut self.state {
            State::Open(writer) => self
                .permit
                .check_call()
                .and_then(|()| self.permit.check_not_due())
                .and_then(|()| step(writer, output))
                // At the very end, so that a suspension holds from the moment it is in force.
                .and_then(|()| self.permit.check_still_allowed()),
            State::Finished => Err(Error::new(ErrorCode::InvalidArgument, "the stream is finished")),
            State::Failed(error) => Err(error.clone()),
        };
        if let Err(error) = &result {
            output.truncate(start);
            if *error != ErrorCode::WouldBlock {
                self.state = State::Failed(error.clone());
            }
        }
        result
    }
}

impl fmt::Debug for Encryptor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encryptor")
    }
}

async fn ask_again(permit: &Permit, shape: Shape) -> Result<Hold> {
    let call = permit.vault.call(shape, permit.operation)?.going_on();
    loop {
        let mut attempt = call.attempt(&permit.context)?;
        let asked = attempt.ask_again_to_write(&permit.context).await;
        if let Some(hold) = attempt.settle(asked).await? {
            return Ok(hold);
        }
    }
}

fn payload_limit(frame_log: u8) -> u64 {
    MAX_PAYLOAD.min(MAX_FRAMES << frame_log)
}

struct FrameWriter {
    /// What comes before the frames; empty once it is written.
    header: Vec<u8>,
    cipher: FrameCipher,
    frame_size: usize,
    /// The number of the next frame.
    number: u64,
    /// Payload bytes that may still come.
    remaining: u64,
    /// Plaintext of the frame that may be the last one: at most a full frame.
    held: WipedBytes,
}

impl FrameWriter {
    fn update(&mut self, data: &[u8], output: &mut Vec<u8>) -> Result<()> {
        self.remaining = self.remaining.checked_sub(data.len() as u64).ok_or_else(|| {
            Error::new(ErrorCode::LimitExceeded, "a stream holds at most 2^48 bytes and 2^32 frames: begin another one")
        })?;
        let frames = (self.held.len() + data.len()).saturating_sub(1) / self.frame_size;
        output.reserve(self.header.len() + frames * (self.frame_size + TAG_LENGTH));
        output.append(&mut self.header);
        let mut rest = data;
        if !self.held.is_empty() {
            rest = self.hold(rest);
            if rest.is_empty() {
                return Ok(());
            }
            self.seal_held(false, output)?;
        }
        while rest.len() > self.frame_size {
            let (frame, after) = rest.split_at(self.frame_size);
            self.seal(frame, false, output)?;
            rest = after;
        }
        self.hold(rest);
        Ok(())
    }

    fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
        output.reserve(self.header.len() + self.held.len() + TAG_LENGTH);
        output.append(&mut self.header);
        self.seal_held(true, output)
    }

    /// Holds back what fits into a frame and returns the rest.
    fn hold<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        let (held, rest) = data.split_at(data.len().min(self.frame_size - self.held.len()));
        if self.held.capacity() == 0 && !held.is_empty() {
            // At once in full: growing would leave copies of plaintext behind.
            self.held.reserve_exact(self.frame_size);
        }
        self.held.extend_from_slice(held);
        rest
    }

    fn seal_held(&mut self, last: bool, output: &mut Vec<u8>) -> Result<()> {
        let mut held = std::mem::take(&mut self.held);
        self.seal(&held, last, output)?;
        held.clear();
        self.held = held;
        Ok(())
    }

    fn seal(&mut self, frame: &[u8], last: bool, output: &mut Vec<u8>) -> Result<()> {
        let start = output.len();
        output.resize(start + frame.len() + TAG_LENGTH, 0);
        self.cipher.seal(self.number, last, frame, &mut output[start..])?;
        self.number += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "sqlite")]
    use crate::engine::Process;
    use crate::envelope::FrameAad;
    use crate::secret::Secret;

    fn writer(remaining: u64) -> FrameWriter {
        let cipher = FrameCipher::new(&Secret::zero(), FrameAad::of(None)).unwrap();
        FrameWriter { header: Vec::new(), cipher, frame_size: 4_096, number: 0, remaining, held: WipedBytes::default() }
    }

    /// As if this were the child of a fork, or one of two copies of a restored process.
    #[cfg(feature = "sqlite")]
    #[test]
    fn a_stream_goes_on_in_the_process_that_began_it_only() {
        let directory = tempfile::tempdir().unwrap();
        let made = crate::init::init(directory.path()).unwrap();
        let _alone = crate::engine::restoring::Alone::begin();
        let vault = crate::Vault::open(crate::Config::from_file(made.config).unwrap()).unwrap();
        let context = crate::Context::new([("organization_id", "org_123")]).unwrap();
        let encryptor = || vault.encryptor_now(&context, None, crate::StreamOptions::default()).unwrap();
        let (mut forked, mut restored, mut output) = (encryptor(), encryptor(), Vec::new());
        forked.permit.begun_in = Process::other();
        vault.after_restore().unwrap();
        for encryptor in [&mut forked, &mut restored] {
            assert_eq!(encryptor.update(b"data", &mut output).unwrap_err().code(), ErrorCode::InvalidArgument);
            assert_eq!(encryptor.finish(&mut output).unwrap_err().code(), ErrorCode::InvalidArgument);
            assert!(output.is_empty());
        }
        encryptor().finish(&mut output).unwrap();
        // Reading does no harm.
        let mut decryptor = vault.decryptor(&context, None).unwrap();
        decryptor.update_now(&output, &mut Vec::new()).unwrap();
        vault.after_restore().unwrap();
        decryptor.finish(&mut Vec::new()).unwrap();
    }

    #[test]
    fn the_limit_is_that_of_bytes_or_of_frames() {
        assert_eq!([12, 15, 16, 20].map(payload_limit), [1 << 44, 1 << 47, 1 << 48, 1 << 48]);
    }

    #[test]
    fn a_stream_ends_at_the_limit_of_its_key() {
        let (mut writer, mut output) = (writer(10_000), Vec::new());
        writer.update(&[0; 9_999], &mut output).unwrap();
        writer.update(&[0; 1], &mut output).unwrap();
        let length = output.len();
        assert_eq!(writer.update(&[0; 1], &mut output).unwrap_err().code(), ErrorCode::LimitExceeded);
        assert_eq!(output.len(), length);
    }
}
