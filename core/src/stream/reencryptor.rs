//! Re-encrypting an envelope that arrives in pieces.

use std::fmt;
use std::sync::Arc;

use libvault_memory::WipedBytes;

use super::decryptor::{DecryptorStart, complete};
use super::encryptor::EncryptorStart;
use super::{Decryptor, Encryptor, Permit};
use crate::aead::TAG_LENGTH;
use crate::audit::Operation;
use crate::call::{Discard, Shape, now};
use crate::context::Context;
use crate::engine::{Downgrade, Snapshot};
use crate::envelope::{Form, FrameAad, FrameCipher};
use crate::error::{Error, ErrorCode, Result};
use crate::lease::Hold;
use crate::secret::Secret;
use crate::vault::Vault;

/// Re-encrypts one envelope, piece by piece, without I/O: see [`Vault::reencryptor`].
///
/// The new envelope is appended to the given vector, frame by frame, and only with what was authenticated. **It is complete only when
/// [`Reencryptor::finish`] succeeds**; before that no reader accepts it. The form stays: an envelope in the one-shot form is collected and comes out at the
/// end. After an error the stream is dead: every later call gives an error (`WouldBlock` excepted).
pub struct Reencryptor {
    decryptor: Decryptor,
    aad: FrameAad,
    downgrade: Downgrade,
    writer: Writer,
    /// Authenticated and not yet encrypted.
    plaintext: WipedBytes,
    /// The old envelope ended well.
    ended: bool,
}

/// What the keys gave.
pub(crate) struct ReencryptorStart {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) old_key: Secret<32>,
    pub(crate) new: NewPayload,
    pub(crate) hold: Hold,
}

/// The beginning of the new envelope.
pub(crate) struct NewPayload {
    pub(crate) header: Vec<u8>,
    pub(crate) cipher: FrameCipher,
    pub(crate) form: Form,
}

/// Dropping it wipes the keys.
impl Discard for ReencryptorStart {
    fn discard(&mut self) {}
}

enum Writer {
    /// No key was used yet.
    None,
    OneShot(Box<NewPayload>),
    Frames(Encryptor),
    Finished,
}

impl Vault {
    /// [`Vault::reencrypt`] for envelopes of any size, in constant memory where they are framed. No key is used before the envelope's header is complete.
    ///
    /// # Errors
    /// `Closed`, `Cancelled`.
    pub fn reencryptor(&self, context: &Context, aad: Option<&[u8]>, downgrade: Downgrade) -> Result<Reencryptor> {
        let permit = Permit::new(self, Operation::Reencrypt, context)?;
        permit.check_call()?;
        let aad = FrameAad::of(aad);
        let decryptor = Decryptor::new(permit, aad);
        Ok(Reencryptor {
            decryptor,
            aad,
            downgrade,
            writer: Writer::None,
            plaintext: WipedBytes::default(),
            ended: false,
        })
    }
}

impl Reencryptor {
    /// Takes more of the old envelope. The one call that completes the header uses the old and the new keys. If its future is dropped while it waits for
    /// them, the input is kept: call again, without any.
    ///
    /// # Errors
    /// As [`Vault::reencrypt`]; `InvalidArgument` after [`Reencryptor::finish`].
    pub async fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        self.update_as(Shape::Async, input, output).await
    }

    /// [`Reencryptor::update`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Reencryptor::update`].
    pub fn update_blocking(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        now(self.update_as(Shape::Blocking, input, output))
    }

    /// [`Reencryptor::update`] where neither the old nor the new keys need a network.
    ///
    /// # Errors
    /// As [`Reencryptor::update`]; `WouldBlock` if a KMS has to be called. The input is kept then: call one of the other shapes, without any.
    pub fn update_now(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        now(self.update_as(Shape::Now, input, output))
    }

    /// Says that the old envelope ends here, and completes the new one.
    ///
    /// # Errors
    /// `Malformed` or `AuthenticationFailed` if something is missing; `WouldBlock` if the keys were not used yet, or have to be asked again: see
    /// [`Reencryptor::ask_again`].
    pub fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
        now(self.finish_as(Shape::Now, output))
    }

    /// [`Reencryptor::finish`], waiting on this thread where a KMS has to be asked again.
    ///
    /// # Errors
    /// As [`Reencryptor::finish`] and [`Reencryptor::ask_again`].
    pub fn finish_blocking(&mut self, output: &mut Vec<u8>) -> Result<()> {
        now(self.finish_as(Shape::Blocking, output))
    }

    /// Asks the old and the new keys whether they still agree, if that is due: a stream uses its keys no longer than a lease (`docs/leases.md`).
    /// [`Reencryptor::update`] and [`Reencryptor::update_blocking`] do it by themselves.
    ///
    /// # Errors
    /// As [`Vault::reencrypt`]. After one that is worth another try the stream lives on: call this again.
    pub async fn ask_again(&mut self) -> Result<()> {
        self.ask_again_as(Shape::Async).await
    }

    async fn ask_again_as(&mut self, shape: Shape) -> Result<()> {
        self.decryptor.ask_again_as(shape).await?;
        match &mut self.writer {
            Writer::Frames(encryptor) => encryptor.ask_again_as(shape).await,
            Writer::None | Writer::OneShot(_) | Writer::Finished => Ok(()),
        }
    }

    async fn finish_as(&mut self, shape: Shape, output: &mut Vec<u8>) -> Result<()> {
        if !self.ended {
            self.decryptor.finish_as(shape, &mut self.plaintext).await?;
            self.ended = true;
        }
        if let Writer::Frames(encryptor) = &mut self.writer {
            encryptor.asking(shape, |encryptor| encryptor.update(&self.plaintext, output)).await?;
            self.plaintext.clear();
            encryptor.asking(shape, |encryptor| encryptor.finish(output)).await?;
        }
        // Taken out before it is used: its key seals one payload.
        match std::mem::replace(&mut self.writer, Writer::Finished) {
            Writer::OneShot(mut new) => {
                let start = output.len() + new.header.len();
                output.append(&mut new.header);
                output.resize(start + self.plaintext.len() + TAG_LENGTH, 0);
                new.cipher.seal(0, true, &self.plaintext, &mut output[start..])?;
            }
            Writer::Finished => return Err(Error::new(ErrorCode::InvalidArgument, "the stream is finished")),
            Writer::None | Writer::Frames(_) => {}
        }
        self.plaintext = WipedBytes::default();
        Ok(())
    }

    async fn update_as(&mut self, shape: Shape, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        if self.decryptor.accept_as(shape, input, &mut self.plaintext).await? {
            let start = self.begin(shape).await;
            let start = start.map(|start| {
                self.writer = self.writer_of(&start.snapshot, start.new, &start.hold);
                DecryptorStart { snapshot: start.snapshot, key: start.old_key, hold: start.hold }
            });
            self.decryptor.begin_payload(start, &mut self.plaintext)?;
        }
        if let Writer::Frames(encryptor) = &mut self.writer {
            encryptor.asking(shape, |encryptor| encryptor.update(&self.plaintext, output)).await?;
            self.plaintext.clear();
        }
        Ok(())
    }

    /// One attempt for the old and the new keys, so that what is judged is what is used.
    async fn begin(&self, shape: Shape) -> Result<ReencryptorStart> {
        let permit = self.decryptor.permit();
        let call = permit.vault.call(shape, permit.operation)?;
        let envelope = complete(self.decryptor.collected())?;
        loop {
            let mut attempt = call.attempt(&permit.context)?;
            let begun = attempt.begin_reencryption(&envelope, &permit.context, self.aad, self.downgrade).await;
            if let Some(start) = attempt.settle(begun).await? {
                return Ok(start);
            }
        }
    }

    fn writer_of(&self, snapshot: &Arc<Snapshot>, new: NewPayload, hold: &Hold) -> Writer {
        let Form::Framed { frame_log } = new.form else { return Writer::OneShot(Box::new(new)) };
        let permit = self.decryptor.permit().under(snapshot, hold.clone());
        let (header, cipher, hold) = (new.header, new.cipher, hold.clone());
        let start = EncryptorStart { snapshot: Arc::clone(snapshot), header, cipher, frame_log, hold };
        Writer::Frames(Encryptor::new(permit, start))
    }
}

impl fmt::Debug for Reencryptor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reencryptor")
    }
}
