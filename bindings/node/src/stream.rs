//! Encrypting and decrypting piece by piece.
//!
//! `lib/channel.js` makes one step at a time. Small pieces are done on JavaScript's thread, large ones on libuv's pool, and the one that needs a KMS on
//! the library's runtime.

use std::pin::Pin;

use libvault::{Context, Decryptor, Encryptor, Error, Result, StreamOptions, Vault};
use napi::bindgen_prelude::{AsyncTask, External};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::buffer::{Bytes, Input};
use crate::errors::{Outcome, outcome};
use crate::slot::Slot;
use crate::tasks::{Made, Operation, Reply, Verb, Work};

/// A stream of either direction.
pub(crate) type Stream = Slot<Codec>;

pub(crate) enum Codec {
    Encryptor(Encryptor),
    Decryptor(Decryptor),
}

/// Begins to encrypt; the promise's value has a `stream`.
#[napi]
pub(crate) fn encryptor(
    vault: &External<Vault>,
    context: &External<Context>,
    aad: Option<Input<'_>>,
    frame_size: u32,
) -> AsyncTask<Operation> {
    let options = StreamOptions { frame_size: frame_size as usize };
    Operation::start(vault, context, Verb::Encryptor { aad: aad.map(|aad| aad.to_vec()), options })
}

/// Begins to decrypt; the value has a `stream`. No key is used before the header is complete.
#[napi]
pub(crate) fn decryptor(vault: &External<Vault>, context: &External<Context>, aad: Option<Input<'_>>) -> Outcome<Made> {
    outcome(|| {
        let decryptor = vault.decryptor(context, aad.as_ref().map(Input::bytes))?;
        Ok(Made::stream(Codec::Decryptor(decryptor)))
    })
}

/// More input, on JavaScript's thread. After `WouldBlock` the input is kept: go on with [`update`], without any.
#[napi]
pub(crate) fn update_sync(stream: &External<Stream>, input: Input<'_>) -> Outcome<Bytes> {
    outcome(|| step(stream, |codec, output| codec.update_now(input.bytes(), output)))
}

/// More input, off JavaScript's thread.
#[napi]
pub(crate) fn update(stream: &External<Stream>, input: Input<'_>) -> AsyncTask<Operation> {
    Operation::of(Step { stream: Stream::clone(stream), input: Some(input.to_secret()) })
}

/// The end of the input, off JavaScript's thread.
#[napi]
pub(crate) fn finish(stream: &External<Stream>) -> AsyncTask<Operation> {
    Operation::of(Step { stream: Stream::clone(stream), input: None })
}

/// Forgets keys and data now instead of at the next garbage collection, or as soon as the step that is under way is done.
#[napi]
pub(crate) fn end_stream(stream: &External<Stream>) {
    stream.end();
}

/// One step of a stream: more input, or the end of it.
struct Step {
    stream: Stream,
    input: Option<Zeroizing<Vec<u8>>>,
}

impl Work for Step {
    fn run_now(&mut self) -> Result<Reply> {
        let bytes = step(&self.stream, |codec, output| match &self.input {
            Some(input) => codec.update_now(input, output),
            None => codec.finish(output),
        })?;
        Ok(Reply::Bytes(bytes))
    }

    /// The codec has its input already.
    fn run(self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async move {
            let mut codec = self.stream.take()?;
            let mut output = Zeroizing::default();
            let result = codec.go_on(&mut output).await;
            let bytes = codec.bytes(output);
            self.stream.put_back(codec);
            result.map(|()| Reply::Bytes(bytes))
        })
    }
}

impl Codec {
    /// After `WouldBlock` the input is taken: [`Codec::go_on`] does the rest.
    pub(crate) fn update_now(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Encryptor(encryptor) => encryptor.update(input, output),
            Self::Decryptor(decryptor) => decryptor.update_now(input, output),
        }
    }

    pub(crate) async fn go_on(&mut self, output: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Encryptor(_) => Ok(()),
            Self::Decryptor(decryptor) => decryptor.update(&[], output).await,
        }
    }

    pub(crate) fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Encryptor(encryptor) => encryptor.finish(output),
            Self::Decryptor(decryptor) => decryptor.finish(output),
        }
    }

    fn bytes(&self, mut output: Zeroizing<Vec<u8>>) -> Bytes {
        match self {
            Self::Encryptor(_) => Bytes::Public(std::mem::take(&mut *output)),
            Self::Decryptor(_) => Bytes::Secret(output),
        }
    }
}

fn step(stream: &Stream, step: impl FnOnce(&mut Codec, &mut Vec<u8>) -> Result<()>) -> Result<Bytes> {
    stream.with(|codec| {
        let mut output = Zeroizing::default();
        step(codec, &mut output)?;
        Ok(codec.bytes(output))
    })
}
