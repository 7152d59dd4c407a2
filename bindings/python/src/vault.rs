//! The class `Vault`.
//!
//! Small operations that need no network keep the interpreter: once other threads want it, releasing it and getting it
//! back takes longer than they do. Everything else releases it.

use libvault::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zeroize::Zeroizing;

use crate::buffer::{Input, Output};
use crate::context::{self, Context};
use crate::{errors, results};

/// From this many bytes on, the interpreter is released also for local work (about 5 µs of encryption).
const RELEASE_FROM: usize = 32 * 1024;

/// The same for the caller's output. Releasing costs a copy there, so it pays later (at about 0.4 ms); Python itself
/// lets a thread run for 5 ms.
const RELEASE_INTO_FROM: usize = 4 * 1024 * 1024;

/// An open vault. Share it between threads; open another in each process.
#[pyclass(frozen, module = "libvault")]
pub(crate) struct Vault(libvault::Vault);

#[pymethods]
impl Vault {
    /// A prepared context, the same as `libvault.Context(items)`.
    #[staticmethod]
    fn context(items: &Bound<'_, PyAny>) -> PyResult<Context> {
        context::from_argument(items, "items").map(Context::wrap)
    }

    /// The decision for a context, without any call to a KMS.
    fn match_context<'py>(&self, py: Python<'py>, context: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let context = context::from_argument(context, "context")?;
        let decision = errors::call(py, || self.0.match_context(&context))?;
        results::decision(py, &decision)
    }

    /// Encrypts `data` for a context; gives the envelope.
    #[pyo3(signature = (data, context, aad=None))]
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let call = Call::new("data", data, context, aad)?;
        if call.length() < RELEASE_FROM {
            if let Some(envelope) = errors::call_now(py, || call.run(|d, c, a| self.0.encrypt_now(d, c, a)))? {
                return Ok(PyBytes::new(py, &envelope));
            }
        } else if !self.0.needs_network(&call.context) {
            return self.encrypt_in_place(py, &call);
        }
        let envelope = errors::call_detached(py, || call.run(|d, c, a| self.0.encrypt_blocking(d, c, a)))?;
        Ok(PyBytes::new(py, &envelope))
    }

    /// Decrypts an envelope that was made for this context.
    #[pyo3(signature = (envelope, context, aad=None))]
    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        envelope: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        aad: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let call = Call::new("envelope", envelope, context, aad)?;
        // The output is not yet known to any other thread, so it may be written with the interpreter released.
        PyBytes::new_with(py, call.plaintext_length(), |output| {
            if call.length() < RELEASE_FROM {
                let done = errors::call_now(py, || call.run(|d, c, a| self.0.decrypt_into_now(d, c, a, output)))?;
                if done.is_some() {
                    return Ok(());
                }
            }
            errors::call_detached(py, || call.run(|d, c, a| self.0.decrypt_into_blocking(d, c, a, output)))?;
            Ok(())
        })
    }

    /// Encrypts into the caller's memory; gives the number of bytes written.
    #[pyo3(signature = (data, context, output, aad=None))]
    fn encrypt_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        output: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let call = Call::new("data", data, context, aad)?;
        let mut output = Output::new(output, "output")?;
        if call.length() < RELEASE_INTO_FROM {
            let written = output.with_slice(py, |output| {
                errors::call_now(py, || call.run(|d, c, a| self.0.encrypt_into_now(d, c, a, output)))
            })?;
            if let Some(written) = written {
                return Ok(written);
            }
        }
        let limit = errors::call(py, || self.0.encrypted_length_limit(call.data.as_slice().len(), &call.context))?;
        write_detached(py, &mut output, limit, |own| call.run(|d, c, a| self.0.encrypt_into_blocking(d, c, a, own)))
    }

    /// Decrypts into the caller's memory; gives the number of bytes written. After an error the output holds no plaintext.
    #[pyo3(signature = (envelope, context, output, aad=None))]
    fn decrypt_into(
        &self,
        py: Python<'_>,
        envelope: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        output: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let call = Call::new("envelope", envelope, context, aad)?;
        let mut output = Output::new(output, "output")?;
        if call.length() < RELEASE_INTO_FROM {
            let written = output.with_slice(py, |output| {
                errors::call_now(py, || call.run(|d, c, a| self.0.decrypt_into_now(d, c, a, output)))
            })?;
            if let Some(written) = written {
                return Ok(written);
            }
        }
        write_detached(py, &mut output, call.plaintext_length(), |own| {
            call.run(|d, c, a| self.0.decrypt_into_blocking(d, c, a, own))
        })
    }

    /// How long the envelope of `length` bytes can get; exact for managed contexts.
    fn encrypted_length_limit(&self, py: Python<'_>, length: usize, context: &Bound<'_, PyAny>) -> PyResult<usize> {
        let context = context::from_argument(context, "context")?;
        errors::call(py, || self.0.encrypted_length_limit(length, &context))
    }

    /// A new data key with its bundle, for callers who encrypt themselves.
    fn create_data_key(&self, py: Python<'_>, context: &Bound<'_, PyAny>) -> PyResult<results::DataKey> {
        let context = context::from_argument(context, "context")?;
        let made = match errors::call_now(py, || self.0.create_data_key_now(&context))? {
            Some(made) => made,
            None => errors::call_detached(py, || self.0.create_data_key_blocking(&context))?,
        };
        Ok(results::DataKey(made))
    }

    /// The data key of a bundle that `create_data_key` made for this context.
    fn decrypt_data_key(
        &self,
        py: Python<'_>,
        bundle: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> PyResult<results::DataKey> {
        let call = Call::new("bundle", bundle, context, None)?;
        let key = match errors::call_now(py, || call.run(|b, c, _| self.0.decrypt_data_key_now(b, c)))? {
            Some(key) => key,
            None => errors::call_detached(py, || call.run(|b, c, _| self.0.decrypt_data_key_blocking(b, c)))?,
        };
        Ok(results::DataKey(key))
    }

    /// Counters since the vault was opened.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        results::stats(py, &self.0.stats())
    }

    /// Ends the use of the vault: later calls fail with `Closed`. Closing twice does nothing.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
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
        Self(vault)
    }

    pub(crate) fn core(&self) -> &libvault::Vault {
        &self.0
    }

    /// Local encryption straight into the result, which no other thread knows yet.
    fn encrypt_in_place<'py>(&self, py: Python<'py>, call: &Call<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let limit = errors::call(py, || self.0.encrypted_length_limit(call.data.as_slice().len(), &call.context))?;
        let mut written = 0;
        let envelope = PyBytes::new_with(py, limit, |output| {
            written = errors::call_detached(py, || call.run(|d, c, a| self.0.encrypt_into_blocking(d, c, a, output)))?;
            Ok(())
        })?;
        if written == limit { Ok(envelope) } else { Ok(PyBytes::new(py, &envelope.as_bytes()[..written])) }
    }
}

/// The arguments that the verbs share.
struct Call<'a> {
    data: Input<'a>,
    context: libvault::Context,
    aad: Option<Input<'a>>,
}

impl<'a> Call<'a> {
    fn new(
        name: &str,
        data: &'a Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        aad: Option<&'a Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self {
            data: Input::new(data, name)?,
            context: context::from_argument(context, "context")?,
            aad: Input::optional(aad, "aad")?,
        })
    }

    fn run<T>(&self, verb: impl FnOnce(&[u8], &libvault::Context, Option<&[u8]>) -> T) -> T {
        verb(self.data.as_slice(), &self.context, self.aad.as_ref().map(Input::as_slice))
    }

    /// The bytes to be worked on.
    fn length(&self) -> usize {
        self.data.as_slice().len() + self.aad.as_ref().map_or(0, |aad| aad.as_slice().len())
    }

    /// The length of the plaintext of an envelope; 0 if it is none, so that the core refuses it in its own order.
    fn plaintext_length(&self) -> usize {
        libvault::decrypted_length(self.data.as_slice()).unwrap_or(0)
    }
}

/// Runs an operation with the interpreter released, on memory of its own, then copies the result to the caller's:
/// other threads may use the output meanwhile. At most `needed` bytes are taken; a shorter output is the core's to refuse.
fn write_detached(
    py: Python<'_>,
    output: &mut Output,
    needed: usize,
    operation: impl FnOnce(&mut [u8]) -> Result<usize, Error> + Send,
) -> PyResult<usize> {
    let mut own = Zeroizing::new(vec![0; output.len().min(needed)]);
    let written = errors::call_detached(py, || operation(&mut own))?;
    output.with_slice(py, |output| output[..written].copy_from_slice(&own[..written]));
    Ok(written)
}
