//! Reading an envelope that arrives in pieces, in the stages of `docs/envelope.md` §7.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroize;

use super::Permit;
use super::frames::{FrameReader, open_frame};
use crate::aead::TAG_LENGTH;
use crate::call::{Discard, Shape, now};
use crate::engine::Snapshot;
use crate::envelope::{Beginning, Envelope, Form, FrameAad, FrameCipher, MAX_ONE_SHOT, frame_length};
use crate::error::{Error, ErrorCode, Result};
use crate::lease::Hold;
use crate::secret::Secret;

/// Reads one envelope, piece by piece, without I/O: see [`Vault::decryptor`](crate::Vault::decryptor).
///
/// Plaintext is appended to the given vector, frame by frame, and only after its frame was authenticated. **That nothing is missing is known only when
/// [`Decryptor::finish`] succeeds.** An envelope in the one-shot form, at most 2^30 bytes, is collected and comes out at the end.
///
/// After an error the stream is dead: every later call gives the same error (`WouldBlock` excepted). The outcome is that of
/// [`Vault::decrypt`](crate::Vault::decrypt), but an incomplete last frame is noticed at the end, not at the beginning. Dropping the value wipes its key. When the vector has to grow, its old memory
/// is wiped.
pub struct Decryptor {
    permit: Permit,
    aad: FrameAad,
    /// The header and the first bytes behind it, by which the keys are asked again; empty where that is never needed.
    beginning: Vec<u8>,
    /// What arrived while the keys had to be asked again.
    waiting: Vec<u8>,
    state: State,
}

/// What the keys gave.
pub(crate) struct DecryptorStart {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) key: Secret<32>,
    pub(crate) hold: Hold,
}

/// Dropping it wipes the key.
impl Discard for DecryptorStart {
    fn discard(&mut self) {}
}

enum State {
    /// Collecting until header and shortest payload are there, which takes at least `needed` bytes; then waiting for the key.
    Beginning {
        collected: Vec<u8>,
        needed: usize,
    },
    Frames(FrameReader),
    OneShot {
        payload: Arc<Payload>,
        frame: Vec<u8>,
    },
    Finished,
    Failed(Error),
}

/// What the header gave.
pub(super) struct Payload {
    pub(super) header_length: usize,
    /// Of a full frame and its tag; none in the one-shot form.
    pub(super) frame_length: Option<usize>,
    pub(super) cipher: FrameCipher,
}

impl Decryptor {
    pub(super) fn new(permit: Permit, aad: FrameAad) -> Self {
        Self {
            permit,
            aad,
            beginning: Vec::new(),
            waiting: Vec::new(),
            state: State::Beginning { collected: Vec::new(), needed: 0 },
        }
    }

    /// Takes more of the envelope. The call that completes the header uses the keys, and later ones ask them again when a lease is over. If the future is
    /// dropped while it waits for them, or fails in a way that is worth another try, the input is kept: call again, without any.
    ///
    /// # Errors
    /// As [`Vault::decrypt`](crate::Vault::decrypt); `InvalidArgument` after [`Decryptor::finish`].
    pub async fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        self.update_as(Shape::Async, input, output).await
    }

    /// [`Decryptor::update`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Decryptor::update`].
    pub fn update_blocking(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        now(self.update_as(Shape::Blocking, input, output))
    }

    /// [`Decryptor::update`] for envelopes whose keys need no network.
    ///
    /// # Errors
    /// As [`Decryptor::update`]; `WouldBlock` if a KMS has to be called, also again. The input is kept then: call one of the other shapes, without any.
    pub fn update_now(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        now(self.update_as(Shape::Now, input, output))
    }

    /// Says that the envelope ends here, and gives out its last frame.
    ///
    /// # Errors
    /// `Malformed` or `AuthenticationFailed` if something is missing; `WouldBlock` if the keys were not used yet, or have to be asked again: see
    /// [`Decryptor::ask_again`].
    pub fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
        if !self.waiting.is_empty() && !self.permit.is_due_now() {
            self.accept_waiting(output)?;
            self.permit.agreed = true;
        }
        self.step(output, |state, output| {
            match state {
                State::Beginning { collected, .. } => {
                    Envelope::parse(collected)?;
                    return Err(would_block());
                }
                State::Frames(reader) => reader.finish(output)?,
                State::OneShot { payload, frame } => open_frame(&payload.cipher, 0, true, frame, output)?,
                State::Finished | State::Failed(_) => {}
            }
            *state = State::Finished;
            Ok(())
        })
    }

    /// [`Decryptor::finish`], waiting on this thread where a KMS has to be asked again.
    ///
    /// # Errors
    /// As [`Decryptor::finish`] and [`Decryptor::ask_again`].
    pub fn finish_blocking(&mut self, output: &mut Vec<u8>) -> Result<()> {
        now(self.finish_as(Shape::Blocking, output))
    }

    pub(super) async fn finish_as(&mut self, shape: Shape, output: &mut Vec<u8>) -> Result<()> {
        self.ask_first(shape).await?;
        self.finish(output)
    }

    /// Whether the keys have to be asked before the stream goes on.
    pub fn must_ask_again(&self) -> bool {
        self.permit.is_due()
    }

    /// Asks the keys whether they still agree, if that is due: a stream uses its key no longer than a lease (`docs/leases.md`). [`Decryptor::update`] and
    /// [`Decryptor::update_blocking`] do it by themselves.
    ///
    /// # Errors
    /// As [`Vault::decrypt`](crate::Vault::decrypt). After one that is worth another try the stream lives on: call this again.
    pub async fn ask_again(&mut self) -> Result<()> {
        self.ask_again_as(Shape::Async).await
    }

    pub(super) async fn ask_again_as(&mut self, shape: Shape) -> Result<()> {
        if !self.permit.is_due() || matches!(self.state, State::Finished | State::Failed(_)) {
            return Ok(());
        }
        match message_key(&self.permit, shape, &self.beginning, true).await {
            // The commitment says that the key is the same.
            Ok(start) => self.permit = self.permit.under(&start.snapshot, start.hold),
            Err(error) => {
                if !error.code().is_retryable() && error != ErrorCode::WouldBlock {
                    self.state = State::Failed(error.clone());
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Before a step: asks if that is due. A failure ends the stream, whose users do not expect to go on after an error.
    async fn ask_first(&mut self, shape: Shape) -> Result<()> {
        if !self.permit.is_due_now() {
            return Ok(());
        }
        if shape == Shape::Now {
            return Err(would_block());
        }
        let asked = self.ask_again_as(shape).await;
        if let Err(error) = &asked {
            self.state = State::Failed(error.clone());
        }
        asked
    }

    pub(super) async fn update_as(&mut self, shape: Shape, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        if !self.accept_as(shape, input, output).await? {
            return Ok(());
        }
        let start = message_key(&self.permit, shape, self.collected(), false).await;
        self.begin_payload(start, output)
    }

    /// Takes the input, after the keys were asked again where that is due; says whether the key is needed now.
    pub(super) async fn accept_as(&mut self, shape: Shape, input: &[u8], output: &mut Vec<u8>) -> Result<bool> {
        if self.permit.is_due_now() || !self.waiting.is_empty() {
            // Kept before there is anything to wait for, so that it is not lost if the caller goes away meanwhile.
            self.waiting.extend_from_slice(input);
            self.ask_first(shape).await?;
            return self.accept_waiting(output).map(|()| false);
        }
        self.accept(input, output)
    }

    /// What waited comes behind the header, so no key is needed for it.
    fn accept_waiting(&mut self, output: &mut Vec<u8>) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.accept(&waiting, output).map(drop)
    }

    /// Takes the input; says whether the key is needed now.
    fn accept(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<bool> {
        self.step(output, |state, output| match state {
            State::Beginning { collected, needed } => {
                collected.extend_from_slice(input);
                if collected.len() < *needed {
                    return Ok(false);
                }
                *needed = match Envelope::parse_beginning(collected)? {
                    Beginning::Needs(needed) => needed,
                    Beginning::Whole(envelope) => collected.len() - envelope.frames.len() + TAG_LENGTH,
                };
                Ok(collected.len() >= *needed)
            }
            State::Frames(reader) => reader.update(input, output).map(|()| false),
            State::OneShot { frame, .. } => collect_one_shot(frame, input).map(|()| false),
            State::Finished | State::Failed(_) => Ok(false),
        })
    }

    pub(super) fn permit(&self) -> &Permit {
        &self.permit
    }

    pub(super) fn collected(&self) -> &[u8] {
        match &self.state {
            State::Beginning { collected, .. } => collected,
            _ => &[],
        }
    }

    /// Goes on with what was collected behind the header.
    pub(super) fn begin_payload(&mut self, start: Result<DecryptorStart>, output: &mut Vec<u8>) -> Result<()> {
        let aad = self.aad;
        if let Ok(start) = &start {
            self.permit = self.permit.under(&start.snapshot, start.hold.clone());
            if let (State::Beginning { collected, needed }, true) = (&self.state, start.hold.can_end()) {
                self.beginning = collected[..*needed].to_vec();
            }
        }
        self.step(output, |state, output| {
            let State::Beginning { collected, .. } = state else {
                return Err(Error::internal("the payload has begun already"));
            };
            let cipher = FrameCipher::new(&start?.key, aad)?;
            let collected = std::mem::take(collected);
            let (form, header_length) = match Envelope::parse_beginning(&collected)? {
                Beginning::Whole(envelope) => (envelope.form, collected.len() - envelope.frames.len()),
                Beginning::Needs(_) => return Err(Error::internal("the header was complete before")),
            };
            let frame_length = match form {
                Form::OneShot => None,
                Form::Framed { frame_log } => Some(frame_length(frame_log)),
            };
            let payload = Arc::new(Payload { header_length, frame_length, cipher });
            match frame_length {
                None => {
                    let mut frame = collected;
                    frame.drain(..header_length);
                    collect_one_shot(&mut frame, &[])?;
                    *state = State::OneShot { payload, frame };
                }
                Some(frame_length) => {
                    let mut reader = FrameReader::new(payload, frame_length);
                    reader.update(&collected[header_length..], output)?;
                    *state = State::Frames(reader);
                }
            }
            Ok(())
        })
    }

    fn step<T>(&mut self, output: &mut Vec<u8>, step: impl FnOnce(&mut State, &mut Vec<u8>) -> Result<T>) -> Result<T> {
        let before = output.len();
        let result = match &mut self.state {
            State::Finished => Err(Error::new(ErrorCode::InvalidArgument, "the stream is finished")),
            State::Failed(error) => return Err(error.clone()),
            state => {
                self.permit.check_call().and_then(|()| self.permit.check_not_due()).and_then(|()| step(state, output))
            }
        };
        let result = self.settle(result);
        // Frames before a forged one may leave; nothing may once it is no longer allowed.
        if self.permit.refused {
            output[before..].zeroize();
            output.truncate(before);
        }
        result
    }

    /// Other work on the payload, as a step of this stream; waits on this thread where the keys have to be asked again.
    pub(super) fn guard<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        now(self.ask_first(Shape::Blocking))?;
        self.permit.agreed = false;
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let result = self.permit.check_call().and_then(|()| work());
        self.settle(result)
    }

    /// Asks at the very end, so that a suspension holds from the moment it is in force; after an error the stream is dead.
    fn settle<T>(&mut self, result: Result<T>) -> Result<T> {
        let result = self.permit.check_still_allowed().and(result);
        if let Err(error) = &result
            && error.code() != ErrorCode::WouldBlock
        {
            self.state = State::Failed(error.clone());
        }
        result
    }

    /// Bytes without which the header cannot be judged any further; at least one. Who feeds no more at a time until [`Decryptor::has_begun`] gets no data of
    /// the payload.
    pub fn missing(&self) -> usize {
        match &self.state {
            State::Beginning { collected, needed } => needed.saturating_sub(collected.len()).max(1),
            _ => 1,
        }
    }

    /// Whether the keys were used, so that no call needs them any more.
    pub fn has_begun(&self) -> bool {
        !matches!(self.state, State::Beginning { .. })
    }

    /// What the header gave, once its keys were used and until the end.
    pub(super) fn payload(&self) -> Option<Arc<Payload>> {
        match &self.state {
            State::Frames(reader) => Some(Arc::clone(&reader.payload)),
            State::OneShot { payload, .. } => Some(Arc::clone(payload)),
            State::Beginning { .. } | State::Finished | State::Failed(_) => None,
        }
    }
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Decryptor")
    }
}

fn collect_one_shot(frame: &mut Vec<u8>, input: &[u8]) -> Result<()> {
    if frame.len() + input.len() > MAX_ONE_SHOT + TAG_LENGTH {
        let message = "an envelope in the one-shot form is over 2^30 bytes: a stream does not collect so much";
        return Err(Error::new(ErrorCode::LimitExceeded, message));
    }
    frame.extend_from_slice(input);
    Ok(())
}

/// Stages 2 to 4 up to the bundle MAC: the key of this message's frames.
async fn message_key(permit: &Permit, shape: Shape, beginning: &[u8], again: bool) -> Result<DecryptorStart> {
    let call = permit.vault.call(shape, permit.operation)?;
    let call = if again { call.going_on() } else { call };
    let envelope = complete(beginning)?;
    loop {
        let mut attempt = call.attempt(&permit.context)?;
        let opened = attempt.message_key(&envelope, &permit.context).await;
        if let Some(start) = attempt.settle(opened).await? {
            return Ok(start);
        }
    }
}

pub(super) fn complete(beginning: &[u8]) -> Result<Envelope<'_>> {
    match Envelope::parse_beginning(beginning)? {
        Beginning::Whole(envelope) => Ok(envelope),
        Beginning::Needs(_) => Err(Error::internal("the header is not complete")),
    }
}

fn would_block() -> Error {
    Error::new(ErrorCode::WouldBlock, "the keys were not used yet: first call the asynchronous or the blocking update")
}
