//! Streams: envelopes of any size in constant memory, piece by piece.

use std::sync::{Mutex, MutexGuard, TryLockError};

use libvault::{Decryptor, Encryptor, Error, StreamOptions};

use crate::argument::{Input, Place, invalid, lent};
use crate::buffer::{Appended, Buffer};
use crate::context::ContextHandle;
use crate::error::ErrorHandle;
use crate::options::{OptionsRecord, read_options};
use crate::panic;
use crate::snapshot::Snapshot;
use crate::vault::VaultHandle;

/// An envelope that is being written. Made by vault_encryptor_new(), freed with vault_encryptor_free(). One thread at a
/// time may use it; another one that tries meanwhile is refused with VAULT_ERROR_INVALID_ARGUMENT.
pub struct EncryptorHandle(Exclusive<Encryptor>);

/// An envelope that is being read. Made by vault_decryptor_new(), freed with vault_decryptor_free(). One thread at a time
/// may use it; another one that tries meanwhile is refused with VAULT_ERROR_INVALID_ARGUMENT.
pub struct DecryptorHandle(Exclusive<Decryptor>);

/// Options of an encryptor. Initialise it with VAULT_STREAM_OPTIONS_INIT. Other versions of this struct may be shorter or
/// longer, as with vault_open_options.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StreamOptionsRecord {
    /// sizeof(vault_stream_options) as the caller knows it, at most 4096.
    pub struct_size: usize,
    /// Bytes of a frame: a power of two from 4096 to 1048576, or 0 for 65536. A reader holds one frame in memory.
    pub frame_size: u64,
}

/// Begins an envelope of any size. The keys are used here; a key in a KMS is
/// asked again, by update and finish, whenever the time of a lease is over (docs/leases.md), and its refusal ends the stream.
///
/// vault, context: shared; other threads may use them at the same time. They may be freed before the encryptor.
/// aad: further bytes that are authenticated and not stored; decrypting needs the same. NULL for none.
/// aad_length: bytes of aad.
/// options: NULL for the defaults.
/// encryptor: receives the encryptor. The caller frees it with vault_encryptor_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_encryptor_new(
    vault: Option<&VaultHandle>,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    options: *const StreamOptionsRecord,
    encryptor: *mut Option<Box<EncryptorHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        let aad = Input::new(aad, aad_length, "aad")?;
        // SAFETY: the contract above gives us NULL or readable options.
        let options = unsafe { stream_options(options) }?;
        let place = Place::new(encryptor, "encryptor")?;
        let mut snapshot = Snapshot::new();
        // SAFETY: the contract above says that `aad` is readable.
        let aad = unsafe { snapshot.copy(aad) };
        let begun = vault.vault().encryptor_blocking(context.context(), Some(aad), options)?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(EncryptorHandle(Exclusive::new(begun))))) };
        Ok(())
    })
}

/// Encrypts more data. The envelope, whose first part comes with the first call, grows by whole frames: some calls append
/// nothing.
///
/// encryptor: one that is not finished. After an error it is dead: every later call gives the same error.
/// data: the data.
/// data_length: bytes of data.
/// output: a buffer, to which the next part of the envelope is appended. Write it out and empty it with
///   vault_buffer_clear() between calls, or let it grow. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK; VAULT_ERROR_LIMIT_EXCEEDED, VAULT_ERROR_CLOSED, VAULT_ERROR_CANCELLED, VAULT_ERROR_KEY_SUSPENDED, or
///   VAULT_ERROR_INVALID_ARGUMENT. Output is as it was after an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_encryptor_update(
    encryptor: Option<&EncryptorHandle>,
    data: *const u8,
    data_length: usize,
    output: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let mut encryptor = lent(encryptor, "encryptor")?.0.lock("encryptor")?;
        let data = Input::new(data, data_length, "data")?;
        let mut snapshot = Snapshot::new();
        // SAFETY: the contract above says that `data` is readable.
        let data = unsafe { snapshot.copy(data) };
        // SAFETY: the contract above gives us a buffer of this library.
        let mut output = unsafe { Appended::take(output, "output") }?;
        encryptor.update_blocking(data, output.bytes())
    })
}

/// Completes the envelope. Without it, the envelope is truncated and nobody can decrypt all of it.
///
/// encryptor: as in vault_encryptor_update(). Afterwards it can only be freed.
/// output: a buffer, to which the rest of the envelope is appended.
/// error: see "Errors" at the top of this file.
/// Returns what vault_encryptor_update() returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_encryptor_finish(
    encryptor: Option<&EncryptorHandle>,
    output: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let mut encryptor = lent(encryptor, "encryptor")?.0.lock("encryptor")?;
        // SAFETY: the contract above gives us a buffer of this library.
        let mut output = unsafe { Appended::take(output, "output") }?;
        encryptor.finish_blocking(output.bytes())
    })
}

/// Frees an encryptor and wipes what it holds. NULL is allowed. Call it once for each encryptor, finished or not.
#[unsafe(no_mangle)]
pub extern "C" fn vault_encryptor_free(encryptor: Option<Box<EncryptorHandle>>) {
    panic::value((), || drop(encryptor));
}

/// Begins to read an envelope, made in any language, by a stream or by vault_encrypt(). No key is used yet.
///
/// vault, context: shared; other threads may use them at the same time. They may be freed before the decryptor.
/// aad, aad_length: as given to the encryption.
/// decryptor: receives the decryptor. The caller frees it with vault_decryptor_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, VAULT_ERROR_CLOSED, VAULT_ERROR_CANCELLED or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decryptor_new(
    vault: Option<&VaultHandle>,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    decryptor: *mut Option<Box<DecryptorHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        let aad = Input::new(aad, aad_length, "aad")?;
        let place = Place::new(decryptor, "decryptor")?;
        let mut snapshot = Snapshot::new();
        // SAFETY: the contract above says that `aad` is readable.
        let aad = unsafe { snapshot.copy(aad) };
        let begun = vault.vault().decryptor(context.context(), Some(aad))?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(DecryptorHandle(Exclusive::new(begun))))) };
        Ok(())
    })
}

/// Decrypts more of the envelope. The one call that completes its header uses the keys. Only authenticated frames come
/// out, so some calls append nothing. That nothing is missing is known only when vault_decryptor_finish() succeeds.
///
/// decryptor: one that is not finished. After an error it is dead: every later call gives the same error.
/// envelope: the next bytes of the envelope, in pieces of any size.
/// envelope_length: bytes of envelope.
/// output: a buffer, to which data is appended; see vault_encryptor_update(). After an error it may hold the data of
///   frames that came before the wrong one.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error. The call that uses the keys blocks while a KMS is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decryptor_update(
    decryptor: Option<&DecryptorHandle>,
    envelope: *const u8,
    envelope_length: usize,
    output: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let mut decryptor = lent(decryptor, "decryptor")?.0.lock("decryptor")?;
        let envelope = Input::new(envelope, envelope_length, "envelope")?;
        let mut snapshot = Snapshot::of_ciphertext();
        // SAFETY: the contract above says that `envelope` is readable.
        let envelope = unsafe { snapshot.copy(envelope) };
        // SAFETY: the contract above gives us a buffer of this library.
        let mut output = unsafe { Appended::take(output, "output") }?;
        decryptor.update_blocking(envelope, output.bytes())
    })
}

/// Says that the envelope ends here, and appends the data of its last frame.
///
/// decryptor: as in vault_decryptor_update(). Afterwards it can only be freed.
/// output: a buffer, to which data is appended.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK: the data is whole. VAULT_ERROR_MALFORMED or VAULT_ERROR_AUTHENTICATION_FAILED if something is
///   missing, or any other error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decryptor_finish(
    decryptor: Option<&DecryptorHandle>,
    output: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let mut decryptor = lent(decryptor, "decryptor")?.0.lock("decryptor")?;
        // SAFETY: the contract above gives us a buffer of this library.
        let mut output = unsafe { Appended::take(output, "output") }?;
        decryptor.finish_blocking(output.bytes())
    })
}

/// Frees a decryptor and wipes what it holds. NULL is allowed. Call it once for each decryptor, finished or not.
#[unsafe(no_mangle)]
pub extern "C" fn vault_decryptor_free(decryptor: Option<Box<DecryptorHandle>>) {
    panic::value((), || drop(decryptor));
}

/// What one call at a time may use. A second one is refused rather than made to wait, as that would be a defect of the host's.
pub(crate) struct Exclusive<T>(Mutex<T>);

impl<T> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self, name: &str) -> Result<MutexGuard<'_, T>, Error> {
        self.0.try_lock().map_err(|failure| match failure {
            TryLockError::WouldBlock => invalid(format!("{name} is used by another call at the same time")),
            // A panic may have left a counter behind its frame: never again.
            TryLockError::Poisoned(_) => Error::internal("the stream ended by a defect in an earlier call"),
        })
    }
}

// SAFETY: as the trait asks; two words, or on 32 bits three or four.
unsafe impl OptionsRecord for StreamOptionsRecord {}

/// # Safety
///
/// `options` is NULL or a struct of the size that it says.
unsafe fn stream_options(options: *const StreamOptionsRecord) -> Result<StreamOptions, Error> {
    // SAFETY: this function's contract.
    let given = unsafe { read_options(options, "options") }?;
    let mut made = StreamOptions::default();
    if let Some(frame_size) = given.map(|given| given.frame_size).filter(|&size| size != 0) {
        // Over the limits in any case if it does not fit.
        made.frame_size = usize::try_from(frame_size).unwrap_or(usize::MAX);
    }
    Ok(made)
}
