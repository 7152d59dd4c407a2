//! What `AsyncVault` stands on: calls that an event loop waits for.
//!
//! They run on the library's runtime, whose threads never enter Python. A call that ends is put in a queue, and a byte on a socket wakes the
//! loop, which fetches it. So a loop that is closed, a task that is cancelled and an interpreter that shuts down need no care: nobody reads
//! the socket any more, and that is all.

use std::collections::HashMap;
use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libvault::{Context, Error, runtime};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use zeroize::Zeroizing;

use crate::buffer::OwnedInput;
use crate::vault::Vault;
use crate::{context, errors, results};

/// Up to this length an operation that waits for nothing is done at once, on the loop's thread: it takes less than handing it over.
const AT_ONCE_UP_TO: usize = 64 * 1024;

/// The calls of one event loop.
#[pyclass(frozen, module = "libvault._libvault")]
pub(crate) struct LoopCalls {
    ended: Arc<Ended>,
    wake_up: UnixStream,
    running: Mutex<HashMap<u64, Abort>>,
}

type Abort = Box<dyn Fn() + Send>;

#[pymethods]
impl LoopCalls {
    #[new]
    fn new() -> PyResult<Self> {
        let (wake_up, signal) = UnixStream::pair()?;
        wake_up.set_nonblocking(true)?;
        signal.set_nonblocking(true)?;
        let ended = Arc::new(Ended { calls: Mutex::default(), signal });
        Ok(Self { ended, wake_up, running: Mutex::default() })
    }

    /// What the loop watches: readable once a call has ended.
    fn fileno(&self) -> i32 {
        self.wake_up.as_raw_fd()
    }

    /// The calls that ended: number, value, exception.
    fn ended<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        // Emptied first: a call that ends from here on makes it readable again.
        let mut bytes = [0; 64];
        while matches!((&self.wake_up).read(&mut bytes), Ok(length) if length == bytes.len()) {}
        let calls = std::mem::take(&mut *lock(&self.ended.calls));
        let ended = PyList::empty(py);
        for (number, result) in calls {
            lock(&self.running).remove(&number);
            match result {
                Ok(value) => ended.append((number, value.into_python(py)?, py.None()))?,
                Err(error) => ended.append((number, py.None(), errors::exception(py, &error).into_value(py)))?,
            }
        }
        Ok(ended)
    }

    /// Ends a call and what it asks of a KMS. Nothing is heard of it again, unless it had ended already.
    fn cancel(&self, number: u64) {
        if let Some(abort) = lock(&self.running).remove(&number) {
            abort();
        }
    }

    // Every verb gives its result if it waits for nothing and is soon done; the number of the call that runs now; or None, if it is local work
    // for a thread that may be kept busy.

    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        vault: &Vault,
        data: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let call = Call::new("data", data, context, aad)?;
        self.start(py, vault, call, Verb::Encrypt)
    }

    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        vault: &Vault,
        envelope: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let call = Call::new("envelope", envelope, context, aad)?;
        self.start(py, vault, call, Verb::Decrypt)
    }

    fn create_data_key<'py>(
        &self,
        py: Python<'py>,
        vault: &Vault,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let call =
            Call { data: OwnedInput::default(), context: context::from_argument(context, "context")?, aad: None };
        self.start(py, vault, call, Verb::CreateDataKey)
    }

    fn decrypt_data_key<'py>(
        &self,
        py: Python<'py>,
        vault: &Vault,
        bundle: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let call = Call::new("bundle", bundle, context, None)?;
        self.start(py, vault, call, Verb::DecryptDataKey)
    }
}

impl LoopCalls {
    fn start<'py>(&self, py: Python<'py>, vault: &Vault, call: Call, verb: Verb) -> PyResult<Bound<'py, PyAny>> {
        let vault = vault.core();
        if !vault.needs_network(&call.context) {
            if call.length() > AT_ONCE_UP_TO {
                return Ok(py.None().into_bound(py));
            }
            if let Some(value) = errors::call_now(py, || verb.now(vault, &call))? {
                return value.into_python(py);
            }
        }
        let vault = vault.clone();
        let number = self.spawn(py, async move { verb.run(&vault, &call).await })?;
        Ok(number.into_pyobject(py)?.into_any())
    }

    fn spawn(
        &self,
        py: Python<'_>,
        call: impl Future<Output = Result<Value, Error>> + Send + 'static,
    ) -> PyResult<u64> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Relaxed);
        let ending = Ending { ended: Arc::clone(&self.ended), number, result: None };
        // Entered before it can end, so that `ended` finds it to remove.
        let mut running = lock(&self.running);
        let task = errors::call(py, || Ok(runtime::spawn(async move { ending.with(call.await) })))?;
        running.insert(number, Box::new(move || task.abort()));
        Ok(number)
    }
}

impl Drop for LoopCalls {
    /// The loop is gone, and nobody can want these calls any more.
    fn drop(&mut self) {
        for abort in lock(&self.running).values() {
            abort();
        }
    }
}

/// The calls that ended and were not fetched yet, and the socket that says so.
struct Ended {
    calls: Mutex<Vec<(u64, Result<Value, Error>)>>,
    signal: UnixStream,
}

/// Reports the end of a call when it is dropped: after the result, a panic, or an abort.
struct Ending {
    ended: Arc<Ended>,
    number: u64,
    result: Option<Result<Value, Error>>,
}

impl Ending {
    fn with(mut self, result: Result<Value, Error>) {
        self.result = Some(result);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or_else(|| Err(Error::internal("libvault panicked")));
        lock(&self.ended.calls).push((self.number, result));
        // A full socket wakes the loop as well as one more byte would, and a closed one has no loop.
        let _ = (&self.ended.signal).write(&[0]);
    }
}

/// The arguments that the verbs share, kept for as long as the call runs.
struct Call {
    data: OwnedInput,
    context: Context,
    aad: Option<OwnedInput>,
}

impl Call {
    fn new(
        name: &str,
        data: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self {
            data: OwnedInput::new(data, name)?,
            context: context::from_argument(context, "context")?,
            aad: aad.map(|aad| OwnedInput::new(aad, "aad")).transpose()?,
        })
    }

    fn aad(&self) -> Option<&[u8]> {
        self.aad.as_ref().map(OwnedInput::as_slice)
    }

    fn length(&self) -> usize {
        self.data.as_slice().len() + self.aad().map_or(0, <[u8]>::len)
    }
}

#[derive(Clone, Copy)]
enum Verb {
    Encrypt,
    Decrypt,
    CreateDataKey,
    DecryptDataKey,
}

impl Verb {
    fn now(self, vault: &libvault::Vault, call: &Call) -> Result<Value, Error> {
        let (data, context) = (call.data.as_slice(), &call.context);
        match self {
            Self::Encrypt => vault.encrypt_now(data, context, call.aad()).map(Value::bytes),
            Self::Decrypt => vault.decrypt_now(data, context, call.aad()).map(Value::bytes),
            Self::CreateDataKey => vault.create_data_key_now(context).map(Value::DataKey),
            Self::DecryptDataKey => vault.decrypt_data_key_now(data, context).map(Value::DataKey),
        }
    }

    async fn run(self, vault: &libvault::Vault, call: &Call) -> Result<Value, Error> {
        let (data, context) = (call.data.as_slice(), &call.context);
        match self {
            Self::Encrypt => vault.encrypt(data, context, call.aad()).await.map(Value::bytes),
            Self::Decrypt => vault.decrypt(data, context, call.aad()).await.map(Value::bytes),
            Self::CreateDataKey => vault.create_data_key(context).await.map(Value::DataKey),
            Self::DecryptDataKey => vault.decrypt_data_key(data, context).await.map(Value::DataKey),
        }
    }
}

/// What a call gave, before it becomes an object of Python. Wiped when it is dropped.
enum Value {
    Bytes(Zeroizing<Vec<u8>>),
    DataKey(libvault::DataKey),
}

impl Value {
    fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(Zeroizing::new(bytes))
    }

    fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Bytes(bytes) => Ok(PyBytes::new(py, &bytes).into_any()),
            Self::DataKey(key) => Ok(Bound::new(py, results::DataKey(key))?.into_any()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics while it holds a lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
