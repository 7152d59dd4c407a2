//! Encrypting and decrypting piece by piece.
//!
//! `lib/channel.js` makes one step at a time. Small pieces are done on JavaScript's thread, large ones on libuv's pool, and the one that needs a KMS on
//! the library's runtime.

use std::pin::Pin;

use libvault::{Context, Decryptor, Encryptor, Error, ErrorCode, Result, StreamOptions, Vault, WipedBytes, wipe};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, BufferSlice, External};
use napi_derive::napi;

use crate::buffer::{Bytes, Input};
use crate::errors::{Outcome, outcome};
use crate::slot::Slot;
use crate::tasks::{Made, Operation, Reply, Verb, Work};

/// A stream of either direction.
pub(crate) type Stream = Slot<Steps>;

pub(crate) struct Steps {
    codec: Codec,
    /// Memory for the output of steps on JavaScript's thread, the same for all of them: what is left to JavaScript's collector is its copy alone.
    output: WipedBytes,
}

pub(crate) enum Codec {
    Encryptor(Writing),
    Decryptor(Decryptor),
}

/// An encryptor, and the plaintext that came while a KMS had to be asked again.
pub(crate) struct Writing {
    encryptor: Encryptor,
    waiting: WipedBytes,
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
pub(crate) fn update_sync<'env>(
    env: &'env Env,
    stream: &External<Stream>,
    input: Input<'_>,
) -> Outcome<BufferSlice<'env>> {
    outcome(|| stream.with(|steps| steps.update_now(env, input.bytes())))
}

/// More input, off JavaScript's thread.
#[napi]
pub(crate) fn update(stream: &External<Stream>, input: Input<'_>) -> AsyncTask<Operation> {
    Operation::of(Step { stream: Stream::clone(stream), input: Some(input.to_wiped()) })
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
    input: Option<WipedBytes>,
}

impl Work for Step {
    fn run_now(&mut self) -> Result<Reply> {
        self.stream.with(|Steps { codec, .. }| {
            let mut output = WipedBytes::default();
            match &self.input {
                Some(input) => codec.update_now(input, &mut output)?,
                None => codec.finish(&mut output)?,
            }
            Ok(Reply::Bytes(codec.bytes(output)))
        })
    }

    /// The codec has its input already.
    fn run(self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async move {
            let mut steps = self.stream.take()?;
            let mut output = WipedBytes::default();
            let mut result = steps.codec.go_on(&mut output).await;
            if result.is_ok() && self.input.is_none() {
                result = steps.codec.finish(&mut output);
            }
            let bytes = steps.codec.bytes(output);
            self.stream.put_back(steps);
            result.map(|()| Reply::Bytes(bytes))
        })
    }
}

impl Steps {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, output: WipedBytes::default() }
    }

    fn update_now<'env>(&mut self, env: &'env Env, input: &[u8]) -> Result<BufferSlice<'env>> {
        let Self { codec, output } = self;
        let result = codec.update_now(input, output).and_then(|()| {
            BufferSlice::copy_from(env, &**output).map_err(|_| Error::internal("no memory for a Buffer"))
        });
        if matches!(codec, Codec::Decryptor(_)) {
            wipe(output);
        }
        output.clear();
        result
    }
}

impl Codec {
    pub(crate) fn encryptor(encryptor: Encryptor) -> Self {
        Self::Encryptor(Writing { encryptor, waiting: WipedBytes::default() })
    }

    /// After `WouldBlock` the input is taken: [`Codec::go_on`] does the rest.
    pub(crate) fn update_now(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Encryptor(writing) => writing.update(input, output),
            Self::Decryptor(decryptor) => decryptor.update_now(input, output),
        }
    }

    pub(crate) async fn go_on(&mut self, output: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Encryptor(writing) => writing.go_on(output).await,
            Self::Decryptor(decryptor) => decryptor.update(&[], output).await,
        }
    }

    pub(crate) fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Encryptor(writing) => writing.encryptor.finish(output),
            Self::Decryptor(decryptor) => decryptor.finish(output),
        }
    }

    fn bytes(&self, output: WipedBytes) -> Bytes {
        match self {
            Self::Encryptor(_) => Bytes::Public(output.into_unwiped()),
            Self::Decryptor(_) => Bytes::Secret(output),
        }
    }
}

impl Writing {
    fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        let result = self.encryptor.update(input, output);
        if result.as_ref().is_err_and(|error| *error == ErrorCode::WouldBlock) {
            self.waiting.extend_from_slice(input);
        }
        result
    }

    async fn go_on(&mut self, output: &mut Vec<u8>) -> Result<()> {
        self.encryptor.ask_again().await?;
        let waiting = std::mem::take(&mut self.waiting);
        self.update(&waiting, output)
    }
}
