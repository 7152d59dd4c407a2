//! Encrypting what is written.

use std::fmt;
use std::io::{self, Write};

use super::Encryptor;
use super::io::PIECE;

/// Encrypts what is written to it into another writer.
///
/// [`EncryptWriter::finish`] completes the envelope. Without it the envelope is truncated, and no reader accepts it. That is what dropping the value
/// on an error should leave behind.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use libvault::{Config, Vault};
/// use std::io::{Read, Write};
///
/// use libvault::{Context, DecryptReader, EncryptWriter, StreamOptions};
/// # let directory = tempfile::tempdir()?;
/// # let vault = Vault::open(Config::from_file(libvault::init(&directory.path().join("vault"))?.config)?)?;
/// let context = Context::new([("organization_id", "org_123")])?;
/// let encryptor = vault.encryptor_blocking(&context, None, StreamOptions::default())?;
/// let mut writer = EncryptWriter::new(Vec::new(), encryptor);
/// writer.write_all(b"attack at dawn")?;
/// let envelope = writer.finish()?;
///
/// let mut data = String::new();
/// DecryptReader::new(&envelope[..], vault.decryptor(&context, None)?).read_to_string(&mut data)?;
/// assert_eq!(data, "attack at dawn");
/// # Ok(())
/// # }
/// ```
#[must_use = "an envelope is complete only after `finish`"]
pub struct EncryptWriter<W> {
    inner: W,
    encryptor: Encryptor,
    /// Ciphertext on its way into `inner`, of which `written` bytes are there.
    sealed: Vec<u8>,
    written: usize,
}

impl<W: Write> EncryptWriter<W> {
    /// Writes the envelope of a fresh `encryptor` into `inner`.
    pub fn new(inner: W, encryptor: Encryptor) -> Self {
        Self { inner, encryptor, sealed: Vec::new(), written: 0 }
    }

    /// Writes the rest of the envelope, flushes, and gives the inner writer back.
    ///
    /// # Errors
    /// Those of the inner writer and of [`Encryptor::finish_blocking`].
    pub fn finish(mut self) -> io::Result<W> {
        self.drain()?;
        self.encryptor.finish_blocking(&mut self.sealed)?;
        self.drain()?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    /// The inner writer. What was encrypted last may not be in it yet.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    fn drain(&mut self) -> io::Result<()> {
        while self.written < self.sealed.len() {
            match self.inner.write(&self.sealed[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sealed.clear();
        self.written = 0;
        Ok(())
    }
}

impl<W: Write> Write for EncryptWriter<W> {
    /// What is encrypted here reaches the inner writer with the next call, so that after an error nothing of `data` was taken.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.drain()?;
        let piece = &data[..data.len().min(PIECE)];
        self.encryptor.update_blocking(piece, &mut self.sealed)?;
        Ok(piece.len())
    }

    /// Flushes all complete frames but the newest, which may be the last one.
    fn flush(&mut self) -> io::Result<()> {
        self.drain()?;
        self.inner.flush()
    }
}

impl<W> fmt::Debug for EncryptWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EncryptWriter")
    }
}
