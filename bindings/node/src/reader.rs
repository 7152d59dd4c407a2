//! Reading anywhere in an encrypted file.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::pin::Pin;

use libvault::{Context, DecryptReader, Decryptor, Error, ErrorCode, Result, Vault, WipedBytes};
use napi::bindgen_prelude::{AsyncTask, External};
use napi_derive::napi;

use crate::buffer::{Bytes, Input};
use crate::files::failed;
use crate::slot::Slot;
use crate::tasks::{Operation, Reply, Work};

/// An envelope in a file.
pub(crate) type Reader = Slot<OpenFile>;

pub(crate) struct OpenFile {
    path: PathBuf,
    reader: DecryptReader<File>,
}

/// Opens an envelope and uses its keys; the promise's value has a `reader`.
#[napi]
pub(crate) fn open_decrypt(
    vault: &External<Vault>,
    context: &External<Context>,
    path: String,
    aad: Option<Input<'_>>,
) -> AsyncTask<Operation> {
    let (vault, context, aad) = (Vault::clone(vault), Context::clone(context), aad.map(|aad| aad.to_vec()));
    Operation::of(Open { vault, context, path: path.into(), aad, begun: None })
}

/// The length of the payload, once the last frame was authenticated.
#[napi]
pub(crate) fn reader_length(reader: &External<Reader>) -> AsyncTask<Operation> {
    Operation::of(Length(Reader::clone(reader)))
}

/// Up to `length` bytes at `offset`, fewer only at the end.
#[napi]
pub(crate) fn read_at(reader: &External<Reader>, offset: i64, length: u32) -> AsyncTask<Operation> {
    Operation::of(ReadAt { reader: Reader::clone(reader), offset, length })
}

/// Closes the file and forgets keys and data.
#[napi]
pub(crate) fn end_reader(reader: &External<Reader>) {
    reader.end();
}

struct Open {
    vault: Vault,
    context: Context,
    path: PathBuf,
    aad: Option<Vec<u8>>,
    /// The file, its decryptor, and how many bytes it took.
    begun: Option<(File, Decryptor, u64)>,
}

struct Length(Reader);

struct ReadAt {
    reader: Reader,
    offset: i64,
    length: u32,
}

impl Open {
    fn reader(&mut self) -> Result<Reply> {
        let begun = self.begun.take();
        let (file, decryptor, taken) = begun.ok_or_else(|| Error::internal("the file is not open"))?;
        let reader = DecryptReader::begun(file, decryptor, taken);
        Ok(Reply::Reader(Slot::new(OpenFile { path: std::mem::take(&mut self.path), reader })))
    }
}

impl Work for Open {
    fn run_now(&mut self) -> Result<Reply> {
        let refused = |error| failed("read", &self.path, &error);
        let file = File::open(&self.path).map_err(refused)?;
        let mut decryptor = self.vault.decryptor(&self.context, self.aad.as_deref())?;
        let (mut taken, mut piece, mut none) = (0, Vec::new(), WipedBytes::default());
        while !decryptor.has_begun() {
            piece.clear();
            let count = (&file).take(decryptor.missing() as u64).read_to_end(&mut piece).map_err(refused)?;
            taken += count as u64;
            let result = match count {
                0 => decryptor.finish(&mut none),
                _ => decryptor.update_now(&piece, &mut none),
            };
            if let Err(error) = result {
                self.begun = Some((file, decryptor, taken));
                return Err(error);
            }
        }
        self.begun = Some((file, decryptor, taken));
        self.reader()
    }

    fn run(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async move {
            let mut none = WipedBytes::default();
            if let Some((_, decryptor, _)) = &mut self.begun {
                decryptor.update(&[], &mut none).await?;
            }
            self.reader()
        })
    }
}

impl Work for Length {
    fn run_now(&mut self) -> Result<Reply> {
        self.0.with(|open| open.length().map(Reply::Length))
    }

    fn run(self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async { Err(used_no_network()) })
    }
}

impl Work for ReadAt {
    fn run_now(&mut self) -> Result<Reply> {
        self.reader.with(|open| {
            if open.reader.must_ask_again() {
                return Err(Error::new(ErrorCode::WouldBlock, "a KMS has to be asked again"));
            }
            let available = u64::try_from(open.length()? - self.offset).unwrap_or(0);
            let length = available.min(self.length.into()) as usize;
            let mut bytes = WipedBytes::new(vec![0; length]);
            let read = open.reader.read_at(self.offset as u64, &mut bytes);
            let count = read.map_err(|error| failed("read", &open.path, &error))?;
            bytes.truncate(count);
            Ok(Reply::Bytes(Bytes::Secret(bytes)))
        })
    }

    fn run(self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async move {
            // Only the question: reading and decrypting are not for the thread that drives every call to a KMS.
            let mut open = self.reader.take()?;
            let asked = open.reader.ask_again().await;
            self.reader.put_back(open);
            asked.map(|()| Reply::IsUnfinished(true))
        })
    }
}

impl OpenFile {
    fn length(&mut self) -> Result<i64> {
        let length = self.reader.payload_length().map_err(|error| failed("read", &self.path, &error))?;
        i64::try_from(length).map_err(|_| Error::internal("a length beyond 2^63"))
    }
}

fn used_no_network() -> Error {
    Error::internal("the keys were used when the file was opened")
}
