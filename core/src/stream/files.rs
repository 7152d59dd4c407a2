//! Whole files, in constant memory.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use libvault_memory::WipedBytes;

use super::atomic_file::failed;
use super::io::{PIECE, read_piece};
use super::{AtomicFile, FileContents, StreamOptions};
use crate::call::{Shape, now};
use crate::context::Context;
use crate::error::{Error, ErrorCode, Result};
use crate::vault::Vault;

/// How often the caller is asked for an interruption.
const INTERVAL: Duration = Duration::from_millis(50);

impl Vault {
    /// Encrypts the file `source` into a new file `target`, in constant memory. The target appears complete and synced to the disk, or not at all;
    /// `replace` says whether it may take the place of another file.
    ///
    /// # Errors
    /// As [`Vault::encryptor`]; `Conflict` if the target exists and is not to be replaced, `InvalidArgument` where the operating system refuses a file.
    pub fn encrypt_file_blocking(
        &self,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
        context: &Context,
        aad: Option<&[u8]>,
        replace: bool,
    ) -> Result<()> {
        self.encrypt_file_as(Shape::Blocking, source.as_ref(), target.as_ref(), context, aad, replace)
    }

    /// [`Vault::encrypt_file_blocking`] for contexts whose keys need no network. It waits for the disk.
    ///
    /// # Errors
    /// As [`Vault::encrypt_file_blocking`]; `WouldBlock` if a KMS has to be called.
    pub fn encrypt_file_now(
        &self,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
        context: &Context,
        aad: Option<&[u8]>,
        replace: bool,
    ) -> Result<()> {
        self.encrypt_file_as(Shape::Now, source.as_ref(), target.as_ref(), context, aad, replace)
    }

    /// Decrypts the file `source`, an envelope of either form, into a new file `target` with mode 0600. The target appears complete, authenticated to
    /// its end and synced to the disk, or not at all; `replace` says whether it may take the place of another file.
    ///
    /// # Errors
    /// As [`Vault::decrypt`]; `Conflict` if the target exists and is not to be replaced, `InvalidArgument` where the operating system refuses a file.
    pub fn decrypt_file_blocking(
        &self,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
        context: &Context,
        aad: Option<&[u8]>,
        replace: bool,
    ) -> Result<()> {
        self.decrypt_file_as(Shape::Blocking, source.as_ref(), target.as_ref(), context, aad, replace)
    }

    /// [`Vault::decrypt_file_blocking`] for envelopes whose keys need no network. It waits for the disk.
    ///
    /// # Errors
    /// As [`Vault::decrypt_file_blocking`]; `WouldBlock` if a KMS has to be called.
    pub fn decrypt_file_now(
        &self,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
        context: &Context,
        aad: Option<&[u8]>,
        replace: bool,
    ) -> Result<()> {
        self.decrypt_file_as(Shape::Now, source.as_ref(), target.as_ref(), context, aad, replace)
    }

    fn encrypt_file_as(
        &self,
        shape: Shape,
        source: &Path,
        target: &Path,
        context: &Context,
        aad: Option<&[u8]>,
        replace: bool,
    ) -> Result<()> {
        // Both files first: what is known to fail later uses no key.
        let mut copy = Copy::open(self, source, target, FileContents::Envelope, replace)?;
        let mut encryptor = now(self.encryptor_as(shape, context, aad, StreamOptions::default()))?;
        copy.run(|piece, output| now(encryptor.asking(shape, |encryptor| encryptor.update(piece, output))))?;
        copy.complete(|output| now(encryptor.asking(shape, |encryptor| encryptor.finish(output))))
    }

    fn decrypt_file_as(
        &self,
        shape: Shape,
        source: &Path,
        target: &Path,
        context: &Context,
        aad: Option<&[u8]>,
        replace: bool,
    ) -> Result<()> {
        let mut copy = Copy::open(self, source, target, FileContents::Plaintext, replace)?;
        let mut decryptor = self.decryptor(context, aad)?;
        copy.run(|piece, output| now(decryptor.update_as(shape, piece, output)))?;
        copy.complete(|output| now(decryptor.finish_as(shape, output)))
    }
}

/// One file on its way into another.
struct Copy<'a> {
    vault: &'a Vault,
    source_path: &'a Path,
    source: File,
    target_path: &'a Path,
    target: AtomicFile,
    /// One of the two is plaintext.
    input: WipedBytes,
    output: WipedBytes,
}

impl<'a> Copy<'a> {
    fn open(
        vault: &'a Vault,
        source_path: &'a Path,
        target_path: &'a Path,
        contents: FileContents,
        replace: bool,
    ) -> Result<Self> {
        let source = File::open(source_path).map_err(|error| failed("read", source_path, &error))?;
        let target = AtomicFile::create(target_path, contents, replace)?;
        let (input, output) = (WipedBytes::new(vec![0; PIECE]), WipedBytes::default());
        Ok(Self { vault, source_path, source, target_path, target, input, output })
    }

    fn run(&mut self, mut transform: impl FnMut(&[u8], &mut Vec<u8>) -> Result<()>) -> Result<()> {
        let mut asked = Instant::now();
        loop {
            let count = read_piece(&mut self.source, &mut self.input);
            let count = count.map_err(|error| failed("read", self.source_path, &error))?;
            if count == 0 {
                return Ok(());
            }
            transform(&self.input[..count], &mut self.output)?;
            self.write()?;
            if asked.elapsed() >= INTERVAL {
                self.refuse_interrupted()?;
                asked = Instant::now();
            }
        }
    }

    fn complete(mut self, finish: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        finish(&mut self.output)?;
        self.write()?;
        self.refuse_interrupted()?;
        self.target.publish()
    }

    fn write(&mut self) -> Result<()> {
        let written = self.target.write_all(&self.output);
        self.output.clear();
        written.map_err(|error| failed("write", self.target_path, &error))
    }

    fn refuse_interrupted(&self) -> Result<()> {
        match &self.vault.options.interrupt {
            Some(interrupted) if interrupted() => Err(Error::new(ErrorCode::Cancelled, "the call was interrupted")),
            _ => Ok(()),
        }
    }
}
