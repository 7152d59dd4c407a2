//! Work that JavaScript awaits.

use std::pin::Pin;

use libvault::{Context, Downgrade, Error, ErrorCode, RewrapOptions, StreamOptions, Vault, WipedBytes};
use napi::bindgen_prelude::{AsyncTask, Either3, External, Object, ToNapiValue};
use napi::{Either, Env, ScopedTask, Task};
use napi_derive::napi;

use crate::buffer::Bytes;
use crate::errors::{Failure, Outcome, guarded, panicked};
use crate::files::FileCopy;
use crate::reader::Reader;
use crate::slot::Slot;
use crate::stream::{Codec, Steps, Stream};

/// Work on its way, awaited by JavaScript.
///
/// It first runs on libuv's pool with what is at hand: managed keys, files, the store. That serves every call without a KMS
/// and starts no runtime. Only when the core answers `WouldBlock` does it go on on the library's runtime, where it may wait for the network.
pub(crate) struct Operation {
    /// Taken when the work moves on to the runtime.
    work: Option<Box<dyn Work>>,
}

/// Something to do, with everything that it needs, owned, so that it can leave JavaScript's thread.
pub(crate) trait Work: Send {
    /// On libuv's pool: never waits for the network, `WouldBlock` instead.
    fn run_now(&mut self) -> Result<Reply, Error>;

    /// On the runtime, after `WouldBlock`.
    fn run(self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;
}

/// A verb of the vault that is one piece of work.
struct VerbCall {
    vault: Vault,
    context: Context,
    verb: Verb,
}

pub(crate) enum Verb {
    Encrypt { data: WipedBytes, aad: Option<Vec<u8>> },
    Decrypt { envelope: Vec<u8>, aad: Option<Vec<u8>> },
    CreateDataKey,
    DecryptDataKey { bundle: Vec<u8> },
    Rewrap { bytes: Vec<u8>, options: RewrapOptions },
    Reencrypt { envelope: Vec<u8>, aad: Option<Vec<u8>>, downgrade: Downgrade },
    Rekey { bundle: Vec<u8>, new_context: Context, downgrade: Downgrade },
    Encryptor { aad: Option<Vec<u8>>, options: StreamOptions },
}

/// A data key and its bundle, on their way to `DataKey` of `lib/data-key.js`.
#[napi(object, object_from_js = false)]
pub(crate) struct DataKeyParts {
    /// The 32 secret bytes.
    pub key: Bytes,
    /// What to store beside the data.
    pub bundle: Bytes,
}

/// What an operation gives.
pub(crate) enum Reply {
    Bytes(Bytes),
    DataKey(libvault::DataKey),
    Encryptor(libvault::Encryptor),
    Copy(FileCopy),
    /// Whether there is more to do.
    IsUnfinished(bool),
    Reader(Reader),
    Length(i64),
}

/// A [`Reply`] as JavaScript sees it.
type ReplyValue = Either3<Bytes, Made, bool>;

/// What else came of an operation: the field that fits is there.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub(crate) struct Made {
    /// A data key.
    pub data_key: Option<DataKeyParts>,
    /// A stream.
    pub stream: Option<External<Stream>>,
    /// A file that is encrypted or decrypted into another one.
    pub copy: Option<External<FileCopy>>,
    /// An envelope in a file, to be read anywhere.
    pub reader: Option<External<Reader>>,
    /// The length of its payload.
    pub length: Option<i64>,
}

impl Operation {
    pub(crate) fn start(vault: &Vault, context: &Context, verb: Verb) -> AsyncTask<Self> {
        Self::of(VerbCall { vault: vault.clone(), context: context.clone(), verb })
    }

    pub(crate) fn of(work: impl Work + 'static) -> AsyncTask<Self> {
        AsyncTask::new(Self { work: Some(Box::new(work)) })
    }
}

impl Work for VerbCall {
    fn run_now(&mut self) -> Result<Reply, Error> {
        let Self { vault, context, verb } = self;
        match verb {
            Verb::Encrypt { data, aad } => vault.encrypt_now(data, context, aad.as_deref()).map(public),
            Verb::Decrypt { envelope, aad } => vault.decrypt_now(envelope, context, aad.as_deref()).map(secret),
            Verb::CreateDataKey => vault.create_data_key_now(context).map(Reply::DataKey),
            Verb::DecryptDataKey { bundle } => vault.decrypt_data_key_now(bundle, context).map(Reply::DataKey),
            Verb::Rewrap { bytes, options } => vault.rewrap_now(bytes, context, *options).map(public),
            Verb::Reencrypt { envelope, aad, downgrade } => {
                vault.reencrypt_now(envelope, context, aad.as_deref(), *downgrade).map(public)
            }
            Verb::Rekey { bundle, new_context, downgrade } => {
                vault.rekey_now(bundle, context, new_context, *downgrade).map(public)
            }
            Verb::Encryptor { aad, options } => {
                vault.encryptor_now(context, aad.as_deref(), *options).map(Reply::Encryptor)
            }
        }
    }

    fn run(self: Box<Self>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        Box::pin(async move {
            let Self { vault, context, verb } = *self;
            match verb {
                Verb::Encrypt { data, aad } => vault.encrypt(&data, &context, aad.as_deref()).await.map(public),
                Verb::Decrypt { envelope, aad } => vault.decrypt(&envelope, &context, aad.as_deref()).await.map(secret),
                Verb::CreateDataKey => vault.create_data_key(&context).await.map(Reply::DataKey),
                Verb::DecryptDataKey { bundle } => vault.decrypt_data_key(&bundle, &context).await.map(Reply::DataKey),
                Verb::Rewrap { bytes, options } => vault.rewrap(&bytes, &context, options).await.map(public),
                Verb::Reencrypt { envelope, aad, downgrade } => {
                    vault.reencrypt(&envelope, &context, aad.as_deref(), downgrade).await.map(public)
                }
                Verb::Rekey { bundle, new_context, downgrade } => {
                    vault.rekey(&bundle, &context, &new_context, downgrade).await.map(public)
                }
                Verb::Encryptor { aad, options } => {
                    vault.encryptor(&context, aad.as_deref(), options).await.map(Reply::Encryptor)
                }
            }
        })
    }
}

impl Operation {
    /// Goes on where the network may be waited for, and gives the promise of its result.
    fn continue_on_runtime<'env>(work: Box<dyn Work>, env: &'env Env) -> napi::Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        let settle = move |result| deferred.resolve(move |_| Ok(to_value(result)));
        // Starting the runtime panics if the system refuses it a thread, and this is outside of napi's own guard.
        match guarded(|| Ok(libvault::runtime::spawn(work.run()))) {
            Ok(running) => {
                // A panic ends only the inner task; without this one the promise would stay pending for ever.
                libvault::runtime::spawn(async move { settle(running.await.unwrap_or_else(|_| Err(panicked()))) });
            }
            Err(error) => settle(Err(error)),
        }
        Ok(promise)
    }
}

impl<'task> ScopedTask<'task> for Operation {
    type Output = Result<Reply, Error>;
    type JsValue = Either<Outcome<ReplyValue>, Object<'task>>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(guarded(|| self.work.as_mut().ok_or_else(started_twice)?.run_now()))
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        match output {
            // A promise that is resolved with a promise follows it.
            Err(error) if error == ErrorCode::WouldBlock => match self.work.take() {
                Some(work) => Self::continue_on_runtime(work, env).map(Either::B),
                None => Ok(Either::A(to_value(Err(started_twice())))),
            },
            result => Ok(Either::A(to_value(result))),
        }
    }
}

/// One-off work on libuv's pool.
pub(crate) struct Background<T: Send + 'static> {
    work: Option<Box<dyn FnOnce() -> Result<T, Error> + Send>>,
}

impl<T: Send + ToNapiValue + napi::bindgen_prelude::TypeName + 'static> Background<T> {
    pub(crate) fn start(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> AsyncTask<Self> {
        AsyncTask::new(Self { work: Some(Box::new(work)) })
    }
}

impl<T: Send + ToNapiValue + napi::bindgen_prelude::TypeName + 'static> Task for Background<T> {
    type Output = Result<T, Error>;
    type JsValue = Outcome<T>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(guarded(|| self.work.take().ok_or_else(started_twice)?()))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Ok(value) => Either::A(value),
            Err(error) => Either::B(error.into()),
        })
    }
}

fn public(envelope: Vec<u8>) -> Reply {
    Reply::Bytes(Bytes::Public(envelope))
}

fn secret(plaintext: Vec<u8>) -> Reply {
    Reply::Bytes(Bytes::Secret(WipedBytes::new(plaintext)))
}

fn started_twice() -> Error {
    Error::internal("a task was run twice")
}

fn to_value(result: Result<Reply, Error>) -> Outcome<ReplyValue> {
    match result {
        Ok(Reply::Bytes(bytes)) => Either::A(Either3::A(bytes)),
        Ok(Reply::DataKey(data_key)) => made(Made { data_key: Some(data_key.into()), ..Made::default() }),
        Ok(Reply::Encryptor(encryptor)) => made(Made::stream(Codec::encryptor(encryptor))),
        Ok(Reply::Copy(copy)) => made(Made { copy: Some(External::new(copy)), ..Made::default() }),
        Ok(Reply::IsUnfinished(is_unfinished)) => Either::A(Either3::C(is_unfinished)),
        Ok(Reply::Reader(reader)) => made(Made { reader: Some(External::new(reader)), ..Made::default() }),
        Ok(Reply::Length(length)) => made(Made { length: Some(length), ..Made::default() }),
        Err(error) => Either::B(Failure::from(error)),
    }
}

fn made(made: Made) -> Outcome<ReplyValue> {
    Either::A(Either3::B(made))
}

impl Made {
    pub(crate) fn stream(codec: Codec) -> Self {
        Self { stream: Some(External::new(Slot::new(Steps::new(codec)))), ..Self::default() }
    }
}

impl From<libvault::DataKey> for DataKeyParts {
    fn from(mut data_key: libvault::DataKey) -> Self {
        Self {
            key: Bytes::Secret(WipedBytes::new(data_key.key().to_vec())),
            bundle: Bytes::Public(std::mem::take(&mut data_key.bundle)),
        }
    }
}
