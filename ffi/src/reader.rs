//! Random access: any bytes of an envelope in the framed form, without reading the rest.

use std::ffi::c_void;
use std::io::{self, Read, Seek, SeekFrom};

use libvault::{DecryptReader, Error};

use crate::argument::{Input, Output, Place, invalid, lent};
use crate::context::ContextHandle;
use crate::error::ErrorHandle;
use crate::options::{OptionsRecord, read_options};
use crate::panic;
use crate::snapshot::Snapshot;
use crate::stream::Exclusive;
use crate::vault::VaultHandle;

/// Where a reader finds its envelope. Initialise it with VAULT_SOURCE_INIT. Other versions of this struct may be shorter or
/// longer, as with vault_open_options.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SourceRecord {
    /// sizeof(vault_source) as the caller knows it, at most 4096.
    pub struct_size: usize,
    /// Bytes of the envelope. The source holds it from offset 0 on, and nothing behind it.
    pub length: u64,
    /// Reads exactly length bytes from offset on into buffer and returns 0, or returns another number if it cannot. It is
    /// called during calls of the reader, with ranges inside the envelope. It must not raise C++ exceptions or leave by
    /// longjmp().
    pub read_at:
        Option<unsafe extern "C" fn(user_data: *mut c_void, offset: u64, buffer: *mut u8, length: usize) -> u32>,
    /// Passed on to read_at and release.
    pub user_data: *mut c_void,
    /// Called once with user_data when the reader is freed. NULL for nothing.
    pub release: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

/// An envelope of which any part can be read. Made by vault_reader_new(), freed with vault_reader_free(). One thread at a
/// time may use it; another one that tries meanwhile is refused with VAULT_ERROR_INVALID_ARGUMENT.
pub struct ReaderHandle {
    reader: Exclusive<DecryptReader<Source>>,
    length: u64,
    // After the reader, which is dropped first.
    _release: Release,
}

/// Opens an envelope for random access: reads its header, uses the keys, and authenticates its last frame, so that its
/// length is known to be the true one. An envelope that vault_encrypt() made is one frame and held in memory whole.
///
/// vault, context: shared; other threads may use them at the same time. They may be freed before the reader.
/// source: where the envelope is. The struct is copied.
/// aad, aad_length: as given to the encryption.
/// reader: receives the reader. The caller frees it with vault_reader_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error; VAULT_ERROR_INVALID_ARGUMENT if read_at fails. After an error release is not called.
///   Blocks while a KMS is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_reader_new(
    vault: Option<&VaultHandle>,
    source: *const SourceRecord,
    context: Option<&ContextHandle>,
    aad: *const u8,
    aad_length: usize,
    reader: *mut Option<Box<ReaderHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let (vault, context) = (lent(vault, "vault")?, lent(context, "context")?);
        // SAFETY: the contract above gives us NULL or a readable struct.
        let given = unsafe { read_options(source, "source") }?.ok_or_else(|| invalid("source is NULL".to_owned()))?;
        let read_at = given.read_at.ok_or_else(|| invalid("source.read_at is NULL".to_owned()))?;
        let aad = Input::new(aad, aad_length, "aad")?;
        let place = Place::new(reader, "reader")?;
        let mut snapshot = Snapshot::new();
        // SAFETY: the contract above says that `aad` is readable.
        let decryptor = vault.vault().decryptor(context.context(), Some(unsafe { snapshot.copy(aad) }))?;
        let source = Source { read_at, user_data: given.user_data, length: given.length, position: 0 };
        let mut opened = DecryptReader::new(source, decryptor);
        let length = opened.payload_length().map_err(|failure| vault_error(&failure))?;
        let release = Release { release: given.release, user_data: given.user_data };
        let handle = ReaderHandle { reader: Exclusive::new(opened), length, _release: release };
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(handle))) };
        Ok(())
    })
}

/// How many bytes of data the envelope holds, authenticated. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vault_reader_length(reader: Option<&ReaderHandle>) -> u64 {
    panic::value(0, || reader.map_or(0, |reader| reader.length))
}

/// Reads data at any place. Only the frames that hold it are read and authenticated.
///
/// reader: the reader.
/// offset: where in the data to begin. Behind the end there is nothing to read.
/// output: where the data is written. No other thread may touch it during the call; after a failure no decrypted data is
///   there.
/// output_capacity: how many bytes to read.
/// output_length: receives how many were read: fewer than output_capacity only at the end.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or any error; VAULT_ERROR_INVALID_ARGUMENT if read_at fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_reader_read_at(
    reader: Option<&ReaderHandle>,
    offset: u64,
    output: *mut u8,
    output_capacity: usize,
    output_length: *mut usize,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let mut reader = lent(reader, "reader")?.reader.lock("reader")?;
        let output = Output::new(output, output_capacity, "output")?;
        let place = Place::new(output_length, "output_length")?;
        // SAFETY: the contract above says that `output` is writable and ours.
        let count = reader.read_at(offset, unsafe { output.bytes() }).map_err(|failure| vault_error(&failure))?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(count) };
        Ok(())
    })
}

/// Frees a reader, wipes what it holds and calls release. NULL is allowed. Call it once for each reader.
#[unsafe(no_mangle)]
pub extern "C" fn vault_reader_free(reader: Option<Box<ReaderHandle>>) {
    panic::value((), || drop(reader));
}

// SAFETY: as the trait asks: words, and 64 bits that are one or two of them.
unsafe impl OptionsRecord for SourceRecord {}

/// The host's bytes as a file.
struct Source {
    read_at: unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize) -> u32,
    user_data: *mut c_void,
    length: u64,
    position: u64,
}

// SAFETY: the host lets any thread that uses the reader call its functions with `user_data`; we do not look at it.
unsafe impl Send for Source {}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.length.saturating_sub(self.position);
        let count = usize::try_from(rest).map_or(buffer.len(), |rest| rest.min(buffer.len()));
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: the host's function, called as its contract says; `buffer` has `count` writable bytes.
        let status = unsafe { (self.read_at)(self.user_data, self.position, buffer.as_mut_ptr(), count) };
        if status != 0 {
            return Err(io::Error::other(format!("read_at failed with {status} at offset {}", self.position)));
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Source {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.length.checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

struct Release {
    release: Option<unsafe extern "C" fn(*mut c_void)>,
    user_data: *mut c_void,
}

// SAFETY: as for `Source`.
unsafe impl Send for Release {}
// SAFETY: nothing can be done with a shared one.
unsafe impl Sync for Release {}

impl Drop for Release {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the host's function, called once, as this is dropped once and made only with a whole reader.
            unsafe { release(self.user_data) };
        }
    }
}

/// The vault's own error, or that the host's source cannot be read.
fn vault_error(failure: &io::Error) -> Error {
    Error::from_io(failure).unwrap_or_else(|| invalid(format!("the source cannot be read: {failure}")))
}
