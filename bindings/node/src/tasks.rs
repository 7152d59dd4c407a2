//! Work that JavaScript awaits.

use libvault::{Context, Error, ErrorCode, Vault};
use napi::bindgen_prelude::{AsyncTask, Object, ToNapiValue};
use napi::{Either, Env, ScopedTask, Task};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::buffer::Bytes;
use crate::errors::{Failure, Outcome, guarded, panicked};

/// A verb on its way, awaited by JavaScript.
///
/// It first runs on libuv's pool with what is at hand: managed keys, files, the store. That serves every call without a KMS
/// and starts no runtime. Only when the core answers `WouldBlock` does it run again on the library's runtime, where it may wait for the network.
pub(crate) struct Operation {
    /// Taken when the request moves on to the runtime.
    request: Option<Request>,
}

/// A verb with everything it needs, owned, so that it can leave JavaScript's thread.
struct Request {
    vault: Vault,
    context: Context,
    verb: Verb,
}

pub(crate) enum Verb {
    Encrypt { data: Zeroizing<Vec<u8>>, aad: Option<Vec<u8>> },
    Decrypt { envelope: Vec<u8>, aad: Option<Vec<u8>> },
    CreateDataKey,
    DecryptDataKey { bundle: Vec<u8> },
}

/// A data key and its bundle, on their way to `DataKey` of `lib/data-key.js`.
#[napi(object, object_from_js = false)]
pub(crate) struct DataKeyParts {
    /// The 32 secret bytes.
    pub key: Bytes,
    /// What to store beside the data.
    pub bundle: Bytes,
}

/// What an operation gives: bytes or a data key.
type Reply = Either<Bytes, libvault::DataKey>;

/// A [`Reply`] as JavaScript sees it.
type ReplyValue = Either<Bytes, DataKeyParts>;

impl Operation {
    pub(crate) fn start(vault: &Vault, context: &Context, verb: Verb) -> AsyncTask<Self> {
        AsyncTask::new(Self { request: Some(Request { vault: vault.clone(), context: context.clone(), verb }) })
    }
}

impl Request {
    fn run_now(&self) -> Result<Reply, Error> {
        let (vault, context) = (&self.vault, &self.context);
        match &self.verb {
            Verb::Encrypt { data, aad } => vault.encrypt_now(data, context, aad.as_deref()).map(public),
            Verb::Decrypt { envelope, aad } => vault.decrypt_now(envelope, context, aad.as_deref()).map(secret),
            Verb::CreateDataKey => vault.create_data_key_now(context).map(Either::B),
            Verb::DecryptDataKey { bundle } => vault.decrypt_data_key_now(bundle, context).map(Either::B),
        }
    }

    async fn run(self) -> Result<Reply, Error> {
        let (vault, context) = (&self.vault, &self.context);
        match &self.verb {
            Verb::Encrypt { data, aad } => vault.encrypt(data, context, aad.as_deref()).await.map(public),
            Verb::Decrypt { envelope, aad } => vault.decrypt(envelope, context, aad.as_deref()).await.map(secret),
            Verb::CreateDataKey => vault.create_data_key(context).await.map(Either::B),
            Verb::DecryptDataKey { bundle } => vault.decrypt_data_key(bundle, context).await.map(Either::B),
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
    Either::A(Bytes::Public(envelope))
}

fn secret(plaintext: Vec<u8>) -> Reply {
    Either::A(Bytes::Secret(Zeroizing::new(plaintext)))
}

fn started_twice() -> Error {
    Error::internal("a task was run twice")
}

fn to_value(result: Result<Reply, Error>) -> Outcome<ReplyValue> {
    match result {
        Ok(Either::A(bytes)) => Either::A(Either::A(bytes)),
        Ok(Either::B(data_key)) => Either::A(Either::B(data_key.into())),
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
