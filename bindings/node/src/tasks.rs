//! Work that JavaScript awaits.

use libvault::{Context, Downgrade, Error, ErrorCode, RewrapOptions, StreamOptions, Vault};
use napi::bindgen_prelude::{AsyncTask, Either3, Object, ToNapiValue};
use napi::{Either, Env, ScopedTask, Task};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::buffer::Bytes;
use crate::errors::{Failure, Outcome, guarded, panicked};
use crate::stream::{Begun, Step, Stream};

/// A verb on its way, awaited by JavaScript.
///
/// It first runs on libuv's pool with what is at hand: managed keys, files, the store. That serves every call without a KMS
/// and starts no runtime. Only when the core answers `WouldBlock` does it run again on the library's runtime, where it may wait for the network.
pub(crate) struct Operation {
    /// Taken when the request moves on to the runtime.
    request: Option<Request>,
}

/// What was asked for with everything that it needs, owned, so that it can leave JavaScript's thread.
enum Request {
    Verb { vault: Vault, context: Context, verb: Verb },
    Step { stream: Stream, step: Step },
}

pub(crate) enum Verb {
    Encrypt { data: Zeroizing<Vec<u8>>, aad: Option<Vec<u8>> },
    Decrypt { envelope: Vec<u8>, aad: Option<Vec<u8>> },
    CreateDataKey,
    DecryptDataKey { bundle: Vec<u8> },
    Rewrap { bytes: Vec<u8>, options: RewrapOptions },
    Reencrypt { envelope: Vec<u8>, aad: Option<Vec<u8>>, downgrade: Downgrade },
    Rekey { bundle: Vec<u8>, new_context: Context, downgrade: Downgrade },
    Encryptor { aad: Option<Vec<u8>>, frame_size: Option<usize> },
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
    Stream(Stream),
}

/// A [`Reply`] as JavaScript sees it.
type ReplyValue = Either3<Bytes, DataKeyParts, Begun>;

impl Operation {
    pub(crate) fn start(vault: &Vault, context: &Context, verb: Verb) -> AsyncTask<Self> {
        Self::of(Request::Verb { vault: vault.clone(), context: context.clone(), verb })
    }

    pub(crate) fn step(stream: &Stream, step: Step) -> AsyncTask<Self> {
        Self::of(Request::Step { stream: stream.clone(), step })
    }

    fn of(request: Request) -> AsyncTask<Self> {
        AsyncTask::new(Self { request: Some(request) })
    }
}

impl Request {
    fn run_now(&self) -> Result<Reply, Error> {
        let (vault, context, verb) = match self {
            Self::Verb { vault, context, verb } => (vault, context, verb),
            Self::Step { stream, step } => return stream.step_now(step).map(Reply::Bytes),
        };
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
            Verb::Encryptor { aad, frame_size } => {
                vault.encryptor_now(context, aad.as_deref(), stream_options(*frame_size)).map(encrypting)
            }
        }
    }

    async fn run(self) -> Result<Reply, Error> {
        let (vault, context, verb) = match self {
            Self::Verb { vault, context, verb } => (vault, context, verb),
            Self::Step { stream, .. } => return stream.update().await.map(Reply::Bytes),
        };
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
            Verb::Encryptor { aad, frame_size } => {
                vault.encryptor(&context, aad.as_deref(), stream_options(frame_size)).await.map(encrypting)
            }
        }
    }

    /// Goes on where the network may be waited for, and gives the promise of its result.
    fn continue_on_runtime<'env>(self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        let running = libvault::runtime::spawn(self.run());
        libvault::runtime::spawn(async move {
            // A panic ends only the inner task; without this one the promise would stay pending for ever.
            let result = running.await.unwrap_or_else(|_| Err(panicked()));
            deferred.resolve(move |_| Ok(to_value(result)));
        });
        Ok(promise)
    }
}

impl<'task> ScopedTask<'task> for Operation {
    type Output = Result<Reply, Error>;
    type JsValue = Either<Outcome<ReplyValue>, Object<'task>>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(guarded(|| self.request.as_ref().ok_or_else(started_twice)?.run_now()))
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        match output {
            // A promise that is resolved with a promise follows it.
            Err(error) if error == ErrorCode::WouldBlock => match self.request.take() {
                Some(request) => request.continue_on_runtime(env).map(Either::B),
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
    Reply::Bytes(Bytes::Secret(Zeroizing::new(plaintext)))
}

fn encrypting(encryptor: libvault::Encryptor) -> Reply {
    Reply::Stream(Stream::encrypting(encryptor))
}

fn stream_options(frame_size: Option<usize>) -> StreamOptions {
    frame_size.map(|frame_size| StreamOptions { frame_size }).unwrap_or_default()
}

fn started_twice() -> Error {
    Error::internal("a task was run twice")
}

fn to_value(result: Result<Reply, Error>) -> Outcome<ReplyValue> {
    match result {
        Ok(Reply::Bytes(bytes)) => Either::A(Either3::A(bytes)),
        Ok(Reply::DataKey(data_key)) => Either::A(Either3::B(data_key.into())),
        Ok(Reply::Stream(stream)) => Either::A(Either3::C(Begun::from(stream))),
        Err(error) => Either::B(Failure::from(error)),
    }
}

impl From<libvault::DataKey> for DataKeyParts {
    fn from(mut data_key: libvault::DataKey) -> Self {
        Self {
            key: Bytes::Secret(Zeroizing::new(data_key.key().to_vec())),
            bundle: Bytes::Public(std::mem::take(&mut data_key.bundle)),
        }
    }
}
