//! Payloads of any size in constant memory: the framed form of `docs/envelope.md` §6, written and read piece by piece.

mod asynchronous;
mod atomic_file;
mod decryptor;
mod encryptor;
mod files;
mod frames;
mod io;
mod random_access;
mod reader;
mod reencryptor;
mod writer;

pub use asynchronous::{AsyncDecryptReader, AsyncEncryptWriter};
pub use atomic_file::{AtomicFile, FileContents};
pub use decryptor::Decryptor;
pub(crate) use decryptor::DecryptorStart;
pub use encryptor::Encryptor;
pub(crate) use encryptor::EncryptorStart;
pub use reader::DecryptReader;
pub use reencryptor::Reencryptor;
pub(crate) use reencryptor::{NewPayload, ReencryptorStart};
pub use writer::EncryptWriter;

use std::sync::Arc;

use crate::audit::Operation;
use crate::call::{Shape, now};
use crate::context::Context;
use crate::engine::{Process, Snapshot};
use crate::envelope::{FrameAad, MAX_FRAME_LOG, MIN_FRAME_LOG};
use crate::error::{Error, ErrorCode, Result};
use crate::lease::Hold;
use crate::vault::Vault;

/// How a stream is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// Bytes of a frame: a power of two from 4,096 to 1,048,576; 65,536 by default. It is what a reader holds in memory and has to read for one byte, and
    /// 16 bytes are spent per frame.
    pub frame_size: usize,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { frame_size: 65_536 }
    }
}

impl StreamOptions {
    fn frame_log(self) -> Result<u8> {
        let frame_log = self.frame_size.checked_ilog2().unwrap_or(0) as u8;
        if !self.frame_size.is_power_of_two() || !(MIN_FRAME_LOG..=MAX_FRAME_LOG).contains(&frame_log) {
            let message = format!(
                "a frame of {} bytes: the size must be a power of two from 4,096 to 1,048,576",
                self.frame_size
            );
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        Ok(frame_log)
    }
}

impl Vault {
    /// Begins an envelope in the framed form: for payloads of any size. The keys are used here, and asked again when the time of a
    /// lease is over (`docs/leases.md`).
    ///
    /// ```
    /// # fn main() -> Result<(), libvault::Error> {
    /// use libvault::{Config, Context, StreamOptions, Vault};
    /// # let directory = tempfile::tempdir().expect("a directory can be made");
    /// # let path = directory.path().join("vault");
    /// let made = libvault::init(&path)?;
    /// let vault = Vault::open(Config::from_file(made.config)?)?;
    /// let context = Context::new([("organization_id", "org_123")])?;
    ///
    /// let mut envelope = Vec::new();
    /// let mut encryptor = vault.encryptor_blocking(&context, None, StreamOptions::default())?;
    /// for piece in [&b"attack "[..], b"at dawn"] {
    ///     encryptor.update(piece, &mut envelope)?;
    /// }
    /// encryptor.finish(&mut envelope)?;
    ///
    /// let mut data = Vec::new();
    /// let mut decryptor = vault.decryptor(&context, None)?;
    /// for piece in envelope.chunks(100) {
    ///     decryptor.update_blocking(piece, &mut data)?;
    /// }
    /// decryptor.finish(&mut data)?; // only now is it known that nothing is missing
    /// assert_eq!(data, b"attack at dawn");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Vault::encrypt`]; `InvalidArgument` for a frame size that is not allowed.
    pub async fn encryptor(&self, context: &Context, aad: Option<&[u8]>, options: StreamOptions) -> Result<Encryptor> {
        self.encryptor_as(Shape::Async, context, aad, options).await
    }

    /// [`Vault::encryptor`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Vault::encryptor`].
    pub fn encryptor_blocking(
        &self,
        context: &Context,
        aad: Option<&[u8]>,
        options: StreamOptions,
    ) -> Result<Encryptor> {
        now(self.encryptor_as(Shape::Blocking, context, aad, options))
    }

    /// [`Vault::encryptor`] for contexts whose keys need no network.
    ///
    /// # Errors
    /// As [`Vault::encryptor`]; `WouldBlock` if a KMS has to be called.
    pub fn encryptor_now(&self, context: &Context, aad: Option<&[u8]>, options: StreamOptions) -> Result<Encryptor> {
        now(self.encryptor_as(Shape::Now, context, aad, options))
    }

    /// Reads an envelope of either form, made for exactly this context and AAD, piece by piece. No key is used before the envelope's header is complete.
    ///
    /// # Errors
    /// `Closed`, `Cancelled`.
    pub fn decryptor(&self, context: &Context, aad: Option<&[u8]>) -> Result<Decryptor> {
        let permit = Permit::new(self, Operation::DecryptStream, context)?;
        permit.check_call()?;
        Ok(Decryptor::new(permit, FrameAad::of(aad)))
    }

    async fn encryptor_as(
        &self,
        shape: Shape,
        context: &Context,
        aad: Option<&[u8]>,
        options: StreamOptions,
    ) -> Result<Encryptor> {
        let frame_log = options.frame_log()?;
        let permit = Permit::new(self, Operation::EncryptStream, context)?;
        let call = self.call(shape, permit.operation)?;
        loop {
            let mut attempt = call.attempt(context)?;
            let begun = attempt.begin_frames(context, FrameAad::of(aad), frame_log).await;
            if let Some(start) = attempt.settle(begun).await? {
                return Ok(Encryptor::new(permit.under(&start.snapshot, start.hold.clone()), start));
            }
        }
    }
}

/// What an open stream needs again and again: that the vault is open, that the caller has not cancelled, that no key of the context is suspended, and
/// that there is only one of it.
#[derive(Clone)]
struct Permit {
    vault: Vault,
    operation: Operation,
    snapshot: Arc<Snapshot>,
    context: Context,
    /// Until when the key may be used before its keys are asked again.
    hold: Hold,
    /// The keys agreed just now: the step that follows needs no other question, however long the answer took.
    agreed: bool,
    /// Whether the last check refused.
    refused: bool,
    begun_in: Process,
}

impl Permit {
    /// Before any key is drawn, so that no copy of the process can pass for the one that drew it.
    fn new(vault: &Vault, operation: Operation, context: &Context) -> Result<Self> {
        Ok(Self {
            vault: vault.clone(),
            operation,
            snapshot: Arc::clone(&*vault.engine.snapshot()?),
            context: context.clone(),
            hold: Hold::default(),
            agreed: false,
            refused: false,
            begun_in: Process::current(),
        })
    }

    /// The same, under the configuration that gave the keys, for as long as they agreed.
    fn under(&self, snapshot: &Arc<Snapshot>, hold: Hold) -> Self {
        Self { snapshot: Arc::clone(snapshot), hold, agreed: true, ..self.clone() }
    }

    /// Whether the keys have to be asked again before the stream goes on.
    fn is_due(&self) -> bool {
        !self.agreed && self.hold.is_over(self.snapshot.leases.now())
    }

    /// Judges once for the step that follows, so that what was found not to be due is not found due a moment later.
    fn is_due_now(&mut self) -> bool {
        let is_due = self.is_due();
        self.agreed |= !is_due;
        is_due
    }

    fn check_call(&self) -> Result<()> {
        self.vault.call(Shape::Now, self.operation)?;
        // Two processes that go on with one stream would encrypt different data with one key and nonce. Reading twice does no harm.
        if self.operation != Operation::DecryptStream && self.begun_in != Process::current() {
            let message = "the stream was begun before a fork or a restored snapshot: it goes on in one process only, so begin another one";
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        Ok(())
    }

    fn check_not_due(&mut self) -> Result<()> {
        let is_due = self.is_due();
        self.agreed = false;
        if is_due {
            let message = "a KMS has to be asked whether it still agrees: call ask_again, then this again";
            return Err(Error::new(ErrorCode::WouldBlock, message));
        }
        Ok(())
    }

    fn check_still_allowed(&mut self) -> Result<()> {
        let writes = self.operation != Operation::DecryptStream;
        let checked = self.vault.engine.check_still_allowed(&mut self.snapshot, &self.context, writes);
        self.refused = checked.is_err();
        checked
    }
}
