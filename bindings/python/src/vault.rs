//! The class `Vault`. How its verbs run is in `call`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use libvault::{CallOptions, CancelToken, Downgrade, Error, RewrapOptions, WipedBytes};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::buffer::Output;
use crate::call::{self, Call};
use crate::context::{self, Context};
use crate::log::LogQueue;
use crate::{config, errors, interrupt, results};

/// From this many bytes on, the interpreter is released for local work into the caller's output. Releasing costs a copy there, so it pays late (at about
/// 0.4 ms); Python itself lets a thread run for 5 ms.
const RELEASE_INTO_FROM: usize = 4 * 1024 * 1024;

/// An open vault. Share it between threads.
#[pyclass(frozen, module = "libvault")]
pub(crate) struct Vault {
    core: libvault::Vault,
    options: CallOptions,
    /// The view for calls that block, with these options.
    blocking: libvault::Vault,
    log: Arc<LogQueue>,
}

#[pymethods]
impl Vault {
    /// A prepared context, the same as `libvault.Context(items)`.
    #[staticmethod]
    fn context(items: &Bound<'_, PyAny>) -> PyResult<Context> {
        context::from_argument(items, "items").map(Context::wrap)
    }

    /// A view of this vault for calls with other options: `timeout` in seconds, for a whole call with all its keys and retries, and `actor`, who asks,
    /// for the audit trail. What is not given stays as it is. Closing the view closes the vault.
    #[pyo3(signature = (*, timeout=None, actor=None))]
    fn with_options(&self, timeout: Option<f64>, actor: Option<&str>) -> PyResult<Self> {
        let mut options = self.options_with(timeout)?;
        if let Some(actor) = actor {
            options = options.try_actor(actor).map_err(|error| PyValueError::new_err(error.message().to_owned()))?;
        }
        Ok(Self::view(self.core.clone(), options, Arc::clone(&self.log)))
    }

    /// The decision for a context, without any call to a KMS.
    fn match_context<'py>(&self, py: Python<'py>, context: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let _delivery = self.log.deliver_after(py);
        let context = context::from_argument(context, "context")?;
        let decision = errors::call(py, || self.core.match_context(&context))?;
        results::decision(py, &decision)
    }

    /// Encrypts `data` for a context; gives the envelope.
    #[pyo3(signature = (data, context, aad=None, *, timeout=None))]
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("data", data, context, aad)?;
        let vault = self.blocking(timeout)?;
        if !call.is_short(&vault)
            && !vault.needs_network(&call.context)
            && let Some(envelope) = call::encrypt_locally(py, &vault, &call)?
        {
            return Ok(envelope);
        }
        let envelope = call::run(
            py,
            &vault,
            &call,
            |vault, call| vault.encrypt_now(call.data(), &call.context, call.aad()),
            |vault, call| vault.encrypt_blocking(call.data(), &call.context, call.aad()),
        )?;
        Ok(PyBytes::new(py, &envelope))
    }

    /// Decrypts an envelope that was made for this context.
    #[pyo3(signature = (envelope, context, aad=None, *, timeout=None))]
    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        envelope: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("envelope", envelope, context, aad)?;
        let vault = self.blocking(timeout)?;
        // The output is not yet known to any other thread, so it may be written with the interpreter released.
        PyBytes::new_with(py, call.plaintext_length(), |output| {
            if call.is_short(&vault) {
                let decrypt = || vault.decrypt_into_now(call.data(), &call.context, call.aad(), output);
                if errors::call_now(py, decrypt)?.is_some() {
                    return Ok(());
                }
            }
            let decrypt = || vault.decrypt_into_blocking(call.data(), &call.context, call.aad(), output);
            errors::call_detached(py, decrypt).map(drop)
        })
    }

    /// Encrypts into the caller's memory; gives the number of bytes written.
    #[pyo3(signature = (data, context, output, aad=None, *, timeout=None))]
    fn encrypt_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        output: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<usize> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("data", data, context, aad)?;
        let mut output = Output::new(output, "output")?;
        let vault = self.blocking(timeout)?;
        if call.length() < RELEASE_INTO_FROM && !vault.is_audited() {
            let encrypt = |output: &mut [u8]| vault.encrypt_into_now(call.data(), &call.context, call.aad(), output);
            if let Some(written) = output.with_slice(py, |output| errors::call_now(py, || encrypt(output)))? {
                return Ok(written);
            }
        }
        let limit = errors::call(py, || vault.encrypted_length_limit(call.data().len(), &call.context))?;
        write_detached(py, &mut output, limit, |own| {
            vault.encrypt_into_blocking(call.data(), &call.context, call.aad(), own)
        })
    }

    /// Decrypts into the caller's memory; gives the number of bytes written. After an error the output holds no plaintext.
    #[pyo3(signature = (envelope, context, output, aad=None, *, timeout=None))]
    fn decrypt_into(
        &self,
        py: Python<'_>,
        envelope: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        output: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<usize> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("envelope", envelope, context, aad)?;
        let mut output = Output::new(output, "output")?;
        let vault = self.blocking(timeout)?;
        if call.length() < RELEASE_INTO_FROM && !vault.is_audited() {
            let decrypt = |output: &mut [u8]| vault.decrypt_into_now(call.data(), &call.context, call.aad(), output);
            if let Some(written) = output.with_slice(py, |output| errors::call_now(py, || decrypt(output)))? {
                return Ok(written);
            }
        }
        write_detached(py, &mut output, call.plaintext_length(), |own| {
            vault.decrypt_into_blocking(call.data(), &call.context, call.aad(), own)
        })
    }

    /// How long the envelope of `length` bytes can get; exact for managed contexts.
    fn encrypted_length_limit(&self, py: Python<'_>, length: usize, context: &Bound<'_, PyAny>) -> PyResult<usize> {
        let _delivery = self.log.deliver_after(py);
        let context = context::from_argument(context, "context")?;
        errors::call(py, || self.core.encrypted_length_limit(length, &context))
    }

    /// A new data key with its bundle, for callers who encrypt themselves.
    #[pyo3(signature = (context, *, timeout=None))]
    fn create_data_key(
        &self,
        py: Python<'_>,
        context: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<results::DataKey> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::without_data(context)?;
        let made = call::run(
            py,
            &*self.blocking(timeout)?,
            &call,
            |vault, call| vault.create_data_key_now(&call.context),
            |vault, call| vault.create_data_key_blocking(&call.context),
        )?;
        Ok(results::DataKey(made))
    }

    /// The data key of a bundle that `create_data_key` made for this context.
    #[pyo3(signature = (bundle, context, *, timeout=None))]
    fn decrypt_data_key(
        &self,
        py: Python<'_>,
        bundle: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<results::DataKey> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("bundle", bundle, context, None)?;
        let key = call::run(
            py,
            &*self.blocking(timeout)?,
            &call,
            |vault, call| vault.decrypt_data_key_now(call.data(), &call.context),
            |vault, call| vault.decrypt_data_key_blocking(call.data(), &call.context),
        )?;
        Ok(results::DataKey(key))
    }

    /// Wraps the data key of an envelope or bundle by the keys that match its context now. It revokes nothing: an older copy still opens with the older
    /// keys. So where keys are left behind it is refused, unless `keep_data_key` asks for it.
    #[pyo3(signature = (envelope_or_bundle, context, *, keep_data_key=false, allow_downgrade=false, timeout=None))]
    fn rewrap<'py>(
        &self,
        py: Python<'py>,
        envelope_or_bundle: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        keep_data_key: bool,
        allow_downgrade: bool,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("envelope_or_bundle", envelope_or_bundle, context, None)?;
        let vault = self.blocking(timeout)?;
        let options = RewrapOptions { keep_data_key, downgrade: downgrade(allow_downgrade) };
        let changed = errors::call_detached(py, || vault.rewrap_blocking(call.data(), &call.context, options))?;
        Ok(PyBytes::new(py, &changed))
    }

    /// Encrypts the payload of an envelope anew, with a new data key for the keys that match its context now.
    #[pyo3(signature = (envelope, context, aad=None, *, allow_downgrade=false, timeout=None))]
    fn reencrypt<'py>(
        &self,
        py: Python<'py>,
        envelope: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        allow_downgrade: bool,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("envelope", envelope, context, aad)?;
        let vault = self.blocking(timeout)?;
        let downgrade = downgrade(allow_downgrade);
        let changed =
            errors::call_detached(py, || vault.reencrypt_blocking(call.data(), &call.context, call.aad(), downgrade))?;
        Ok(PyBytes::new(py, &changed))
    }

    /// Moves the data key of a bundle to another context.
    #[pyo3(signature = (bundle, old_context, new_context, *, allow_downgrade=false, timeout=None))]
    fn rekey<'py>(
        &self,
        py: Python<'py>,
        bundle: &Bound<'py, PyAny>,
        old_context: &Bound<'py, PyAny>,
        new_context: &Bound<'py, PyAny>,
        allow_downgrade: bool,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let _delivery = self.log.deliver_after(py);
        let call = Call::new("bundle", bundle, old_context, None)?;
        let new_context = context::from_argument(new_context, "new_context")?;
        let vault = self.blocking(timeout)?;
        let downgrade = downgrade(allow_downgrade);
        let changed =
            errors::call_detached(py, || vault.rekey_blocking(call.data(), &call.context, &new_context, downgrade))?;
        Ok(PyBytes::new(py, &changed))
    }

    /// A writable file-like: what is written to it is encrypted into `target`, a path or a binary file. Under a path, the file appears when the writer is closed without
    /// an error, whole, or not at all.
    #[pyo3(signature = (target, context, aad=None, *, frame_size=65536, replace=false))]
    fn open_encrypt<'py>(
        this: Bound<'py, Self>,
        target: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        frame_size: usize,
        replace: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        static WRITER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = this.py();
        WRITER
            .import(py, "libvault._streams", "EncryptWriter")?
            .call1((this, target, context, aad, frame_size, replace))
    }

    /// A readable file-like that decrypts `source`, a path or a binary file, and can seek where that can.
    #[pyo3(signature = (source, context, aad=None))]
    fn open_decrypt<'py>(
        this: Bound<'py, Self>,
        source: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static READER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = this.py();
        READER.import(py, "libvault._streams", "DecryptReader")?.call1((this, source, context, aad))
    }

    /// Encrypts a file into another, which appears whole or not at all.
    #[pyo3(signature = (source, target, context, aad=None, *, replace=false))]
    fn encrypt_file<'py>(
        this: Bound<'py, Self>,
        source: &Bound<'py, PyAny>,
        target: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        replace: bool,
    ) -> PyResult<()> {
        static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = this.py();
        let copy = COPY.import(py, "libvault._streams", "encrypt_file")?;
        copy.call1((this, source, target, context, aad, replace)).map(drop)
    }

    /// Decrypts a file into another, with mode 0600, which appears whole and authenticated to its end or not at all.
    #[pyo3(signature = (source, target, context, aad=None, *, replace=false))]
    fn decrypt_file<'py>(
        this: Bound<'py, Self>,
        source: &Bound<'py, PyAny>,
        target: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
        replace: bool,
    ) -> PyResult<()> {
        static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = this.py();
        let copy = COPY.import(py, "libvault._streams", "decrypt_file")?;
        copy.call1((this, source, target, context, aad, replace)).map(drop)
    }

    /// Puts another configuration in force, for all views, and reads all files that it names again. After an error the old one stays in force.
    #[pyo3(signature = (config=None))]
    fn reload(&self, py: Python<'_>, config: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let _delivery = self.log.deliver_after(py);
        let config = config::from_argument(py, config)?;
        errors::call_detached(py, || self.core.reload(config))
    }

    /// For a process that runs on from a restored snapshot of its machine: draws fresh randomness, for all vaults of the process, and drops cached keys. A
    /// fork needs no call.
    fn after_restore(&self, py: Python<'_>) -> PyResult<()> {
        let _delivery = self.log.deliver_after(py);
        errors::call_detached(py, || self.core.after_restore())
    }

    /// Counters since the vault was opened.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.log.deliver(py);
        results::stats(py, &self.core.stats())
    }

    /// Ends the use of the vault: later calls fail with `Closed`. Closing twice does nothing.
    fn close(&self, py: Python<'_>) {
        let _delivery = self.log.deliver_after(py);
        py.detach(|| self.core.close());
    }

    fn __enter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _exception_type: &Bound<'_, PyAny>,
        _exception: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
        self.close(py);
    }

    fn __repr__(&self) -> &'static str {
        "<libvault.Vault>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a Vault cannot be copied or pickled: open one in each process"))
    }
}

impl Vault {
    pub(crate) fn wrap(vault: libvault::Vault) -> Self {
        let log = LogQueue::of(&vault);
        Self::view(vault, CallOptions::default(), log)
    }

    fn view(core: libvault::Vault, options: CallOptions, log: Arc<LogQueue>) -> Self {
        let blocking = core.with(interrupt::interruptible(options.clone()));
        Self { core, options, blocking, log }
    }

    /// The view for a call that blocks this thread.
    pub(crate) fn blocking(&self, timeout: Option<f64>) -> PyResult<Cow<'_, libvault::Vault>> {
        Ok(match timeout {
            None => Cow::Borrowed(&self.blocking),
            Some(_) => Cow::Owned(self.core.with(interrupt::interruptible(self.options_with(timeout)?))),
        })
    }

    /// The view for a call that an event loop waits for.
    pub(crate) fn awaited(&self, timeout: Option<f64>) -> PyResult<libvault::Vault> {
        Ok(self.core.with(self.options_with(timeout)?))
    }

    /// The view for work in a thread that an event loop can end.
    pub(crate) fn cancelled_by(&self, token: &CancelToken) -> libvault::Vault {
        self.core.with(self.options.clone().cancel(token))
    }

    pub(crate) fn log(&self) -> &Arc<LogQueue> {
        &self.log
    }

    fn options_with(&self, timeout: Option<f64>) -> PyResult<CallOptions> {
        let options = self.options.clone();
        let Some(seconds) = timeout else { return Ok(options) };
        match Duration::try_from_secs_f64(seconds) {
            Ok(timeout) => Ok(options.timeout(timeout)),
            Err(_) => Err(PyValueError::new_err("timeout: a number of seconds, 0 or more, is required")),
        }
    }
}

pub(crate) fn downgrade(allowed: bool) -> Downgrade {
    if allowed { Downgrade::Allow } else { Downgrade::Refuse }
}

/// Runs an operation with the interpreter released, on memory of its own, then copies the result to the caller's:
/// other threads may use the output meanwhile. At most `needed` bytes are taken; a shorter output is the core's to refuse.
fn write_detached(
    py: Python<'_>,
    output: &mut Output,
    needed: usize,
    operation: impl FnOnce(&mut [u8]) -> Result<usize, Error> + Send,
) -> PyResult<usize> {
    let mut own = WipedBytes::new(vec![0; output.len().min(needed)]);
    let written = errors::call_detached(py, || operation(&mut own))?;
    output.with_slice(py, |output| output[..written].copy_from_slice(&own[..written]));
    Ok(written)
}
