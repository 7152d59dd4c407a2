//! What `AsyncVault` stands on: calls that an event loop waits for.
//!
//! They run on the library's runtime, whose threads never enter Python. A call that ends is put in a queue, and a byte on a socket wakes the
//! loop, which fetches it. So a loop that is closed, a task that is cancelled and an interpreter that shuts down need no care: nobody reads
//! the socket any more, and that is all.

mod verb;

use std::collections::HashMap;
use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libvault::{Error, RewrapOptions, runtime};
use pyo3::prelude::*;
use pyo3::types::PyList;

use self::verb::{Value, Verb};
use crate::call::Call;
use crate::log::LogQueue;
use crate::streams::{Decryptor, stream_options};
use crate::vault::{Vault, downgrade};
use crate::{context, errors};

/// Up to this length an operation that waits for nothing is done at once, on the loop's thread: it takes less than handing it over.
const AT_ONCE_UP_TO: usize = 64 * 1024;

/// The calls of one event loop.
#[pyclass(frozen, module = "libvault._libvault")]
pub(crate) struct LoopCalls {
    wanted: Arc<Wanted>,
    wake_up: UnixStream,
}

/// What every verb gives: its result, the number of the call that runs now, or `None`: it belongs in the next mode.
type Started<'py> = PyResult<Option<Bound<'py, PyAny>>>;

#[pymethods]
impl LoopCalls {
    #[new]
    fn new() -> PyResult<Self> {
        let (wake_up, signal) = UnixStream::pair()?;
        wake_up.set_nonblocking(true)?;
        signal.set_nonblocking(true)?;
        Ok(Self { wanted: Arc::new(Wanted { calls: Mutex::default(), signal }), wake_up })
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
        let calls = std::mem::take(&mut lock(&self.wanted.calls).ended);
        let ended = PyList::empty(py);
        for EndedCall { number, log, result } in calls {
            log.deliver(py);
            match result {
                Ok(value) => ended.append((number, value.into_python(py)?, py.None()))?,
                Err(error) => ended.append((number, py.None(), errors::exception(py, &error).into_value(py)))?,
            }
        }
        Ok(ended)
    }

    /// Ends a call and what it asks of a KMS. Nothing is heard of it again: a result that it had already is wiped.
    fn cancel(&self, number: u64) {
        let (abort, result) = lock(&self.wanted.calls).forget(number);
        drop(result);
        if let Some(abort) = abort {
            abort();
        }
    }

    #[expect(clippy::too_many_arguments, reason = "those of the verb")]
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        data: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        timeout: Option<f64>,
    ) -> Started<'py> {
        let call = Call::new("data", data, context, aad)?;
        self.start(py, mode, vault, timeout, call, Verb::Encrypt)
    }

    #[expect(clippy::too_many_arguments, reason = "those of the verb")]
    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        envelope: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        timeout: Option<f64>,
    ) -> Started<'py> {
        let call = Call::new("envelope", envelope, context, aad)?;
        self.start(py, mode, vault, timeout, call, Verb::Decrypt)
    }

    fn create_data_key<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        context: &Bound<'py, PyAny>,
        timeout: Option<f64>,
    ) -> Started<'py> {
        self.start(py, mode, vault, timeout, Call::without_data(context)?, Verb::CreateDataKey)
    }

    fn decrypt_data_key<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        bundle: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        timeout: Option<f64>,
    ) -> Started<'py> {
        let call = Call::new("bundle", bundle, context, None)?;
        self.start(py, mode, vault, timeout, call, Verb::DecryptDataKey)
    }

    #[expect(clippy::too_many_arguments, reason = "those of the verb")]
    fn rewrap<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        envelope_or_bundle: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        keep_data_key: bool,
        allow_downgrade: bool,
        timeout: Option<f64>,
    ) -> Started<'py> {
        let call = Call::new("envelope_or_bundle", envelope_or_bundle, context, None)?;
        let options = RewrapOptions { keep_data_key, downgrade: downgrade(allow_downgrade) };
        self.start(py, mode, vault, timeout, call, Verb::Rewrap(options))
    }

    #[expect(clippy::too_many_arguments, reason = "those of the verb")]
    fn reencrypt<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        envelope: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        allow_downgrade: bool,
        timeout: Option<f64>,
    ) -> Started<'py> {
        let call = Call::new("envelope", envelope, context, aad)?;
        self.start(py, mode, vault, timeout, call, Verb::Reencrypt(downgrade(allow_downgrade)))
    }

    #[expect(clippy::too_many_arguments, reason = "those of the verb")]
    fn rekey<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        bundle: &Bound<'py, PyAny>,
        old_context: &Bound<'py, PyAny>,
        new_context: &Bound<'py, PyAny>,
        allow_downgrade: bool,
        timeout: Option<f64>,
    ) -> Started<'py> {
        let call = Call::new("bundle", bundle, old_context, None)?;
        let new_context = context::from_argument(new_context, "new_context")?;
        self.start(py, mode, vault, timeout, call, Verb::Rekey(new_context, downgrade(allow_downgrade)))
    }

    fn encryptor<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        frame_size: usize,
    ) -> Started<'py> {
        let call = Call::with_aad(context, aad)?;
        self.start(py, mode, vault, None, call, Verb::Encryptor(stream_options(frame_size)?))
    }

    /// Has the key of a decrypting stream fetched, and gives the plaintext that waited for it.
    fn fetch_key(&self, py: Python<'_>, vault: &Vault, decryptor: &Decryptor) -> PyResult<u64> {
        let fetching = decryptor.fetch_key()?;
        self.spawn(py, vault.log(), async move { fetching.await.map(Value::Bytes) })
    }
}

/// Where a call runs; they are tried in this order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// On the loop's thread, if it waits for nothing; on the runtime, if it calls a KMS.
    AtOnce,
    /// On a thread that may be kept busy, unless it calls a KMS.
    InThread,
    OnRuntime,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Mode {
    type Error = PyErr;

    fn extract(number: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(match number.extract::<u8>()? {
            0 => Self::AtOnce,
            1 => Self::InThread,
            _ => Self::OnRuntime,
        })
    }
}

impl LoopCalls {
    fn start<'py>(
        &self,
        py: Python<'py>,
        mode: Mode,
        vault: &Vault,
        timeout: Option<f64>,
        call: Call,
        verb: Verb,
    ) -> Started<'py> {
        let log = Arc::clone(vault.log());
        let _delivery = log.deliver_after(py);
        let vault = vault.awaited(timeout)?;
        match mode {
            // A lease may spare the call, and the way through the runtime with it.
            Mode::AtOnce if verb.calls_a_kms(&vault, &call) => {
                let may_be_leased = verb.uses_leases() && call.length() <= AT_ONCE_UP_TO;
                if may_be_leased
                    && verb.is_immediate(&vault, &call)
                    && let Some(value) = errors::call_now(py, || verb.now(&vault, &call))?
                {
                    return value.into_python(py).map(Some);
                }
            }
            Mode::AtOnce if call.length() > AT_ONCE_UP_TO || !verb.is_immediate(&vault, &call) => return Ok(None),
            Mode::AtOnce => {
                if let Some(value) = errors::call_now(py, || verb.now(&vault, &call))? {
                    return value.into_python(py).map(Some);
                }
            }
            Mode::InThread => return verb.locally(py, &vault, &call),
            Mode::OnRuntime => {}
        }
        let number = self.spawn(py, &log, async move { verb.run(&vault, &call).await })?;
        Ok(Some(number.into_pyobject(py)?.into_any()))
    }

    fn spawn(
        &self,
        py: Python<'_>,
        log: &Arc<LogQueue>,
        call: impl Future<Output = Result<Value, Error>> + Send + 'static,
    ) -> PyResult<u64> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Relaxed);
        let ending = Ending { wanted: Arc::clone(&self.wanted), number, log: Arc::clone(log), result: None };
        // Wanted before it can end.
        lock(&self.wanted.calls).running.insert(number, None);
        match errors::call(py, || Ok(runtime::spawn(async move { ending.with(call.await) }))) {
            Ok(task) => {
                if let Some(abort) = lock(&self.wanted.calls).running.get_mut(&number) {
                    *abort = Some(Box::new(move || task.abort()));
                }
                Ok(number)
            }
            Err(error) => {
                self.cancel(number);
                Err(error)
            }
        }
    }
}

impl Drop for LoopCalls {
    /// The loop is gone, and nobody can want these calls any more.
    fn drop(&mut self) {
        let calls = std::mem::take(&mut *lock(&self.wanted.calls));
        for abort in calls.running.into_values().flatten() {
            abort();
        }
    }
}

/// The calls that somebody waits for, and the socket that says when there are results to fetch.
struct Wanted {
    calls: Mutex<Calls>,
    signal: UnixStream,
}

/// A call is in one of the two, or nobody wants it any more.
#[derive(Default)]
struct Calls {
    /// With what ends them early, once that is known.
    running: HashMap<u64, Option<Abort>>,
    ended: Vec<EndedCall>,
}

type Abort = Box<dyn Fn() + Send>;

struct EndedCall {
    number: u64,
    log: Arc<LogQueue>,
    result: Result<Value, Error>,
}

impl Calls {
    /// What is left of a call that nobody wants. The caller drops it after the lock: a call that is aborted takes the lock itself.
    fn forget(&mut self, number: u64) -> (Option<Abort>, Option<EndedCall>) {
        let ended = self.ended.iter().position(|call| call.number == number);
        (self.running.remove(&number).flatten(), ended.map(|index| self.ended.swap_remove(index)))
    }
}

/// Reports the end of a call when it is dropped: after the result, a panic, or an abort.
struct Ending {
    wanted: Arc<Wanted>,
    number: u64,
    log: Arc<LogQueue>,
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
        let mut calls = lock(&self.wanted.calls);
        if calls.running.remove(&self.number).is_none() {
            // Nobody would fetch it, and it may be secret: it is wiped here.
            return;
        }
        calls.ended.push(EndedCall { number: self.number, log: Arc::clone(&self.log), result });
        drop(calls);
        // A full socket wakes the loop as well as one more byte would, and a closed one has no loop.
        let _ = (&self.wanted.signal).write(&[0]);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics while it holds a lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
