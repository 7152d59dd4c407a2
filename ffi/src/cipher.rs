//! Encrypting and decrypting.

use libvault::Error;

use crate::argument::{Input, Output, Place, lent};
use crate::buffer::Buffer;
use crate::context::ContextHandle;
use crate::error::ErrorHandle;
use crate::panic;
use crate::snapshot::Snapshot;
use crate::vault::VaultHandle;

/// Encrypts data for a key context.
///
/// vault, context: shared; other threads may use them at the same time.
/// data: the data, at most 2^30 bytes. It may be NULL when data_length is 0.
/// data_length: bytes of data.
/// aad: further bytes that are authenticated and not stored; vault_decrypt() needs the same. NULL for none.
/// aad_length: bytes of aad.
/// envelope: receives the encrypted data. The caller frees it with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error; nothing falls back when a customer's key cannot be used. Blocks while a KMS is called,
///   at most the configured total time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_encrypt(
    vault: Option<&VaultHandle>,
    data: *const u8,
    data_length: usize,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    envelope: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let call = Call::new(vault, context, Input::new(data, data_length, "data")?, aad, aad_length)?;
        let place = Place::new(envelope, "envelope")?;
        // SAFETY: the contract above says that `data` and `aad` are readable.
        let made = unsafe { call.run(|vault, data, context, aad| vault.encrypt_blocking(data, context, aad)) }?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_bytes(made)) };
        Ok(())
    })
}

/// Decrypts what vault_encrypt() made, in any language.
///
/// vault: shared; other threads may use it at the same time.
/// envelope: the encrypted data.
/// envelope_length: bytes of envelope.
/// context: the key context that the data is expected to have been encrypted for; another one is refused.
/// aad, aad_length: as given to vault_encrypt().
/// data: receives the data. The caller frees it, which wipes it, with vault_buffer_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decrypt(
    vault: Option<&VaultHandle>,
    envelope: *const u8,
    envelope_length: usize,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    data: *mut Buffer,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let call = Call::new(vault, context, Input::new(envelope, envelope_length, "envelope")?, aad, aad_length)?
            .of_ciphertext();
        let place = Place::new(data, "data")?;
        // SAFETY: the contract above says that `envelope` and `aad` are readable.
        let opened = unsafe { call.run(|vault, input, context, aad| vault.decrypt_blocking(input, context, aad)) }?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Buffer::from_bytes(opened)) };
        Ok(())
    })
}

/// Encrypts into the caller's memory, without allocating for the result.
///
/// vault, data, data_length, context, aad, aad_length: as in vault_encrypt().
/// output: where the envelope is written. It may overlap data and aad in any way. No other thread may touch it during
///   the call; after a failure its content is unspecified.
/// output_capacity: bytes of output; vault_encrypted_length_limit() says how many suffice.
/// output_length: receives how many bytes were written, or with VAULT_ERROR_BUFFER_TOO_SMALL how many are needed.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, VAULT_ERROR_BUFFER_TOO_SMALL or any other error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_encrypt_into(
    vault: Option<&VaultHandle>,
    data: *const u8,
    data_length: usize,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    output: *mut u8,
    output_capacity: usize,
    output_length: *mut usize,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let call = Call::new(vault, context, Input::new(data, data_length, "data")?, aad, aad_length)?;
        let output = Output::new(output, output_capacity, "output")?;
        let place = Place::new(output_length, "output_length")?;
        // SAFETY: the contract above says that `data` and `aad` are readable, and that `output` is writable and ours;
        // it is made a slice only after the inputs were copied.
        let outcome = unsafe {
            call.run(|vault, data, context, aad| vault.encrypt_into_blocking(data, context, aad, output.bytes()))
        };
        // SAFETY: the contract above gives us a writable place.
        unsafe { put_length(place, outcome) }
    })
}

/// Decrypts into the caller's memory, without allocating for the result.
///
/// vault, envelope, envelope_length, context, aad, aad_length: as in vault_decrypt().
/// output: where the data is written. It may overlap envelope and aad in any way. No other thread may touch it during
///   the call; after a failure its content is unspecified, and none of it is decrypted data.
/// output_capacity: bytes of output; vault_decrypted_length() says how many are needed.
/// output_length: receives how many bytes were written, or with VAULT_ERROR_BUFFER_TOO_SMALL how many are needed.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, VAULT_ERROR_BUFFER_TOO_SMALL or any other error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decrypt_into(
    vault: Option<&VaultHandle>,
    envelope: *const u8,
    envelope_length: usize,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    output: *mut u8,
    output_capacity: usize,
    output_length: *mut usize,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let call = Call::new(vault, context, Input::new(envelope, envelope_length, "envelope")?, aad, aad_length)?
            .of_ciphertext();
        let output = Output::new(output, output_capacity, "output")?;
        let place = Place::new(output_length, "output_length")?;
        // SAFETY: the contract above says that `envelope` and `aad` are readable, and that `output` is writable and
        // ours; it is made a slice only after the inputs were copied.
        let outcome = unsafe {
            call.run(|vault, input, context, aad| vault.decrypt_into_blocking(input, context, aad, output.bytes()))
        };
        // SAFETY: the contract above gives us a writable place.
        unsafe { put_length(place, outcome) }
    })
}

/// How many bytes suffice for the envelope of data_length bytes of data.
///
/// vault, context: shared; other threads may use them at the same time.
/// data_length: bytes of the data.
/// limit: receives the number, which is exact for contexts on managed keys and an upper bound for others.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, or the error that vault_encrypt() would give before it calls a KMS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_encrypted_length_limit(
    vault: Option<&VaultHandle>,
    data_length: usize,
    context: Option<&ContextHandle>,
    limit: *mut usize,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        let place = Place::new(limit, "limit")?;
        let bytes = vault.vault().encrypted_length_limit(data_length, context.context())?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(bytes) };
        Ok(())
    })
}

/// How many bytes of data an envelope holds. It is parsed only: the number is not authenticated.
///
/// envelope, envelope_length: the whole envelope.
/// length: receives the number.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK, VAULT_ERROR_MALFORMED, VAULT_ERROR_UNSUPPORTED_FORMAT, VAULT_ERROR_LIMIT_EXCEEDED or
///   VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_decrypted_length(
    envelope: *const u8,
    envelope_length: usize,
    length: *mut usize,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let envelope = Input::new(envelope, envelope_length, "envelope")?;
        let place = Place::new(length, "length")?;
        let mut snapshot = Snapshot::of_ciphertext();
        // SAFETY: the contract above says that `envelope` is readable.
        let bytes = libvault::decrypted_length(unsafe { snapshot.copy(envelope) })?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(bytes) };
        Ok(())
    })
}

/// The checked arguments of functions that take an input and its AAD.
pub(crate) struct Call<'a> {
    vault: &'a libvault::Vault,
    context: &'a libvault::Context,
    input: Input,
    aad: Input,
    ciphertext: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        vault: Option<&'a VaultHandle>,
        context: Option<&'a ContextHandle>,
        input: Input,
        aad: *const u8,
        aad_length: usize,
    ) -> Result<Self, Error> {
        Ok(Self {
            vault: lent(vault, "vault")?.vault(),
            context: lent(context, "context")?.context(),
            input,
            aad: Input::new(aad, aad_length, "aad")?,
            ciphertext: false,
        })
    }

    pub(crate) fn of_ciphertext(self) -> Self {
        Self { ciphertext: true, ..self }
    }

    /// Copies the inputs and runs `operation` on the copies.
    ///
    /// # Safety
    ///
    /// The host's contract holds: `input` and `aad` are readable during the call.
    pub(crate) unsafe fn run<T>(
        self,
        operation: impl FnOnce(&libvault::Vault, &[u8], &libvault::Context, Option<&[u8]>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut input = if self.ciphertext { Snapshot::of_ciphertext() } else { Snapshot::new() };
        let mut aad = Snapshot::new();
        // SAFETY: this function's contract.
        let (input, aad) = unsafe { (input.copy(self.input), aad.copy(self.aad)) };
        // An empty AAD and none are the same to the envelope.
        operation(self.vault, input, self.context, Some(aad).filter(|aad| !aad.is_empty()))
    }
}

/// Reports a length that was written, or the one that is needed.
///
/// # Safety
///
/// The host's contract holds for `place`.
unsafe fn put_length(place: Place<'_, usize>, outcome: Result<usize, Error>) -> Result<(), Error> {
    let (length, result) = match outcome {
        Ok(length) => (Some(length), Ok(())),
        Err(error) => (error.needed_length(), Err(error)),
    };
    if let Some(length) = length {
        // SAFETY: this function's contract.
        unsafe { place.put(length) };
    }
    result
}
