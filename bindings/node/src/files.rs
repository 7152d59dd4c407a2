//! Whole files, step by step.
//!
//! A step moves some megabytes and is done on libuv's pool, so that a large file holds up nobody else who uses the pool, and cancelling is noticed
//! between two steps. What needs a KMS is done on the library's runtime.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use libvault::{AtomicFile, Context, Error, ErrorCode, FileContents, Result, StreamOptions, Vault, WipedBytes};
use napi::bindgen_prelude::{AsyncTask, External};
use napi_derive::napi;

use crate::buffer::Input;
use crate::slot::Slot;
use crate::stream::Codec;
use crate::tasks::{Operation, Reply, Work};

/// Bytes that are read at once: some frames of the default size.
const PIECE: usize = 1 << 18;
/// Pieces of one step.
const PIECES: usize = 16;

/// A file that is encrypted or decrypted into another one.
pub(crate) type FileCopy = Slot<Copy>;

pub(crate) struct Copy {
    files: Files,
    codec: Codec,
    input: WipedBytes,
    output: WipedBytes,
}

/// Opens `source` and begins `target`, to be encrypted; the promise's value has a `copy`.
#[napi]
pub(crate) fn encrypt_file(
    vault: &External<Vault>,
    context: &External<Context>,
    source: String,
    target: String,
    aad: Option<Input<'_>>,
    replace: bool,
    frame_size: u32,
) -> AsyncTask<Operation> {
    let options = StreamOptions { frame_size: frame_size as usize };
    Operation::of(Begin::new(vault, context, source, target, aad, replace, Some(options)))
}

/// Opens `source` and begins `target`, to be decrypted; the promise's value has a `copy`.
#[napi]
pub(crate) fn decrypt_file(
    vault: &External<Vault>,
    context: &External<Context>,
    source: String,
    target: String,
    aad: Option<Input<'_>>,
    replace: bool,
) -> AsyncTask<Operation> {
    Operation::of(Begin::new(vault, context, source, target, aad, replace, None))
}

/// The next step; the promise's value says whether there is another one. After the last one the target has its name.
#[napi]
pub(crate) fn copy_step(copy: &External<FileCopy>) -> AsyncTask<Operation> {
    Operation::of(CopyStep(FileCopy::clone(copy)))
}

/// Removes what was written, unless the target has its name already.
#[napi]
pub(crate) fn end_copy(copy: &External<FileCopy>) {
    copy.end();
}

struct Begin {
    vault: Vault,
    context: Context,
    source: PathBuf,
    target: PathBuf,
    aad: Option<Vec<u8>>,
    replace: bool,
    /// To encrypt; else to decrypt.
    encrypt: Option<StreamOptions>,
    /// Opened before a key is used, so that what is known to fail uses none.
    files: Option<Files>,
}

struct Files {
    source_path: PathBuf,
    source: File,
    target_path: PathBuf,
    /// Taken when it gets its name.
    target: Option<AtomicFile>,
}

struct CopyStep(FileCopy);

impl Begin {
    fn new(
        vault: &Vault,
        context: &Context,
        source: String,
        target: String,
        aad: Option<Input<'_>>,
        replace: bool,
        encrypt: Option<StreamOptions>,
    ) -> Self {
        let (vault, context, aad) = (vault.clone(), context.clone(), aad.map(|aad| aad.to_vec()));
        Self { vault, context, source: source.into(), target: target.into(), aad, replace, encrypt, files: None }
    }

    fn open_files(&mut self) -> Result<()> {
        let contents = if self.encrypt.is_some() { FileContents::Envelope } else { FileContents::Plaintext };
        let source = File::open(&self.source).map_err(|error| failed("read", &self.source, &error))?;
        let target = Some(AtomicFile::create(&self.target, contents, self.replace)?);
        let (source_path, target_path) = (self.source.clone(), self.target.clone());
        self.files = Some(Files { source_path, source, target_path, target });
        Ok(())
    }

    fn copy(&mut self, codec: Codec) -> Result<Reply> {
        let files = self.files.take().ok_or_else(|| Error::internal("the files are not open"))?;
        let (input, output) = (WipedBytes::new(vec![0; PIECE]), WipedBytes::default());
        Ok(Reply::Copy(Slot::new(Copy { files, codec, input, output })))
    }
}

impl Work for Begin {
    fn run_now(&mut self) -> Result<Reply> {
        self.open_files()?;
        let aad = self.aad.as_deref();
        let codec = match self.encrypt {
            Some(options) => Codec::encryptor(self.vault.encryptor_now(&self.context, aad, options)?),
            None => Codec::Decryptor(self.vault.decryptor(&self.context, aad)?),
        };
        self.copy(codec)
    }

    fn run(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async move {
            let options = self.encrypt.unwrap_or_default();
            let encryptor = self.vault.encryptor(&self.context, self.aad.as_deref(), options).await?;
            self.copy(Codec::encryptor(encryptor))
        })
    }
}

impl Work for CopyStep {
    fn run_now(&mut self) -> Result<Reply> {
        self.0.with(Copy::step_now).map(Reply::IsUnfinished)
    }

    /// The output is written by the next step.
    fn run(self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async move {
            let mut copy = self.0.take()?;
            let result = copy.codec.go_on(&mut copy.output).await;
            self.0.put_back(copy);
            result.map(|()| Reply::IsUnfinished(true))
        })
    }
}

impl Copy {
    /// Whether there is more to do. After `WouldBlock` nothing that was read is lost.
    fn step_now(&mut self) -> Result<bool> {
        for _ in 0..PIECES {
            self.files.write(&mut self.output)?;
            let count = self.files.read(&mut self.input)?;
            if count == 0 {
                self.codec.finish(&mut self.output)?;
                self.files.write(&mut self.output)?;
                self.files.publish()?;
                return Ok(false);
            }
            self.codec.update_now(&self.input[..count], &mut self.output)?;
        }
        Ok(true)
    }
}

impl Files {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.source.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(|error| failed("read", &self.source_path, &error)),
            }
        }
    }

    fn write(&mut self, output: &mut Vec<u8>) -> Result<()> {
        let Some(target) = &mut self.target else { return Err(Error::internal("the file is complete already")) };
        let written = target.write_all(output);
        output.clear();
        written.map_err(|error| failed("write", &self.target_path, &error))
    }

    fn publish(&mut self) -> Result<()> {
        self.target.take().map_or(Ok(()), AtomicFile::publish)
    }
}

/// What the operating system refused.
pub(crate) fn failed(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::from_io(error).unwrap_or_else(|| {
        Error::new(ErrorCode::InvalidArgument, format!("cannot {doing} {}: {error}", path.display()))
    })
}
