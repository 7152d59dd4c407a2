//! Encrypting and decrypting piece by piece.
//!
//! `lib/stream.js` makes one call at a time. Small pieces are done on JavaScript's thread, large ones on libuv's pool, and the one that needs a KMS on the
//! library's runtime, as the verbs in [`crate::tasks`].

use std::sync::{Arc, Mutex, PoisonError};

use libvault::{Context, Decryptor, Encryptor, Error, Result, Vault};
use napi::bindgen_prelude::{AsyncTask, External};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::buffer::{Bytes, Input};
use crate::errors::{Outcome, outcome};
use crate::tasks::{Operation, Verb};

/// A stream of either direction. Clones share it.
#[derive(Clone)]
pub(crate) struct Stream(Arc<Mutex<State>>);

/// Nothing is locked while a step is made: its codec is taken out for that long.
enum State {
    Idle(Codec),
    Busy,
    Over,
}

enum Codec {
    Encryptor(Encryptor),
    Decryptor(Decryptor),
}

/// A stream that was begun.
#[napi(object, object_from_js = false)]
pub(crate) struct Begun {
    /// The handle that the other functions take.
    pub stream: External<Stream>,
}

/// One step of a stream.
pub(crate) enum Step {
    /// More input.
    Update(Zeroizing<Vec<u8>>),
    /// No more input.
    Finish,
}

/// Begins to encrypt; the promise's value is a [`Begun`].
#[napi]
pub(crate) fn encryptor(
    vault: &External<Vault>,
    context: &External<Context>,
    aad: Option<Input<'_>>,
    frame_size: Option<u32>,
) -> AsyncTask<Operation> {
    let frame_size = frame_size.map(|frame_size| frame_size as usize);
    Operation::start(vault, context, Verb::Encryptor { aad: aad.map(|aad| aad.to_vec()), frame_size })
}

/// Begins to decrypt. No key is used before the header is complete.
#[napi]
pub(crate) fn decryptor(
    vault: &External<Vault>,
    context: &External<Context>,
    aad: Option<Input<'_>>,
) -> Outcome<Begun> {
    outcome(|| {
        let decryptor = vault.decryptor(context, aad.as_ref().map(Input::bytes))?;
        Ok(Stream::new(Codec::Decryptor(decryptor)).into())
    })
}

/// More input, on JavaScript's thread. After `WouldBlock` the input is kept: go on with [`update`], without any.
#[napi]
pub(crate) fn update_sync(stream: &External<Stream>, input: Input<'_>) -> Outcome<Bytes> {
    outcome(|| stream.with(|codec, output| codec.update_now(input.bytes(), output)))
}

/// More input, off JavaScript's thread.
#[napi]
pub(crate) fn update(stream: &External<Stream>, input: Input<'_>) -> AsyncTask<Operation> {
    Operation::step(stream, Step::Update(input.to_secret()))
}

/// The end of the input, off JavaScript's thread.
#[napi]
pub(crate) fn finish(stream: &External<Stream>) -> AsyncTask<Operation> {
    Operation::step(stream, Step::Finish)
}

/// Forgets keys and data now instead of at the next garbage collection, or as soon as the step that is under way is done.
#[napi]
pub(crate) fn end(stream: &External<Stream>) {
    *stream.lock() = State::Over;
}

impl Stream {
    pub(crate) fn encrypting(encryptor: Encryptor) -> Self {
        Self::new(Codec::Encryptor(encryptor))
    }

    fn new(codec: Codec) -> Self {
        Self(Arc::new(Mutex::new(State::Idle(codec))))
    }

    /// A step without the network. After `WouldBlock` it has taken its input.
    pub(crate) fn step_now(&self, step: &Step) -> Result<Bytes> {
        self.with(|codec, output| match step {
            Step::Update(input) => codec.update_now(input, output),
            Step::Finish => codec.finish(output),
        })
    }

    /// Goes on after `WouldBlock`.
    pub(crate) async fn update(&self) -> Result<Bytes> {
        let mut codec = self.take()?;
        let mut output = Zeroizing::default();
        let result = match &mut codec {
            Codec::Encryptor(_) => Ok(()),
            Codec::Decryptor(decryptor) => decryptor.update(&[], &mut output).await,
        };
        let bytes = codec.bytes(output);
        self.put_back(codec);
        result.map(|()| bytes)
    }

    fn with(&self, step: impl FnOnce(&mut Codec, &mut Vec<u8>) -> Result<()>) -> Result<Bytes> {
        let mut codec = self.take()?;
        let mut output = Zeroizing::default();
        let result = step(&mut codec, &mut output);
        let bytes = codec.bytes(output);
        self.put_back(codec);
        result.map(|()| bytes)
    }

    fn take(&self) -> Result<Codec> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Busy) {
            State::Idle(codec) => Ok(codec),
            State::Busy => Err(Error::internal("a stream makes one step at a time")),
            State::Over => {
                *state = State::Over;
                Err(Error::internal("the stream has ended"))
            }
        }
    }

    fn put_back(&self, codec: Codec) {
        let mut state = self.lock();
        if matches!(*state, State::Busy) {
            *state = State::Idle(codec);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Stream> for Begun {
    fn from(stream: Stream) -> Self {
        Self { stream: External::new(stream) }
    }
}

impl Codec {
    fn update_now(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Encryptor(encryptor) => encryptor.update(input, output),
            Self::Decryptor(decryptor) => decryptor.update_now(input, output),
        }
    }

    fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
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
