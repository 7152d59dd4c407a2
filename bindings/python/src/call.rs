//! The arguments that the verbs share, and the ways to run one.
//!
//! Small operations that wait for nothing keep the interpreter: once other threads want it, releasing it and getting it back takes longer than they do.
//! Everything else releases it.

use libvault::{Context, Error, Vault};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Input;
use crate::{context, errors};

/// From this many bytes on, the interpreter is released also for local work (about 5 µs of encryption).
const RELEASE_FROM: usize = 32 * 1024;

/// What a verb works on, kept for as long as it runs.
pub(crate) struct Call {
    pub(crate) data: Input,
    pub(crate) context: Context,
    pub(crate) aad: Option<Input>,
}

impl Call {
    /// `name` is that of the data's parameter.
    pub(crate) fn new(
        name: &str,
        data: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self {
            data: Input::new(data, name)?,
            context: context::from_argument(context, "context")?,
            aad: aad.map(|aad| Input::new(aad, "aad")).transpose()?,
        })
    }

    /// Of a verb that takes nothing but a context.
    pub(crate) fn without_data(context: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { data: Input::default(), context: context::from_argument(context, "context")?, aad: None })
    }

    /// Of a stream.
    pub(crate) fn with_aad(context: &Bound<'_, PyAny>, aad: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let aad = aad.map(|aad| Input::new(aad, "aad")).transpose()?;
        Ok(Self { aad, ..Self::without_data(context)? })
    }

    pub(crate) fn data(&self) -> &[u8] {
        self.data.as_slice()
    }

    pub(crate) fn aad(&self) -> Option<&[u8]> {
        self.aad.as_ref().map(Input::as_slice)
    }

    /// The bytes to be worked on.
    pub(crate) fn length(&self) -> usize {
        self.data().len() + self.aad().map_or(0, <[u8]>::len)
    }

    /// Whether the operation, if it needs no network, is over before releasing the interpreter would pay.
    pub(crate) fn is_short(&self, vault: &Vault) -> bool {
        self.length() < RELEASE_FROM && !vault.is_audited()
    }

    /// The length of the plaintext of an envelope; 0 if it is none, so that the core refuses it in its own order.
    pub(crate) fn plaintext_length(&self) -> usize {
        libvault::decrypted_length(self.data()).unwrap_or(0)
    }
}

/// Encrypts straight into the result, which no other thread knows yet, with the interpreter released. `None`: a KMS has to be called.
pub(crate) fn encrypt_locally<'py>(
    py: Python<'py>,
    vault: &Vault,
    call: &Call,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let limit = errors::call_detached(py, || vault.encrypted_length_limit(call.data().len(), &call.context))?;
    let mut written = 0;
    let envelope = PyBytes::new_with(py, limit, |output| {
        let encrypt = || vault.encrypt_into_now(call.data(), &call.context, call.aad(), output);
        written = errors::call_now_detached(py, encrypt)?.unwrap_or(usize::MAX);
        Ok(())
    })?;
    match written {
        usize::MAX => Ok(None),
        whole if whole == limit => Ok(Some(envelope)),
        _ => Ok(Some(PyBytes::new(py, &envelope.as_bytes()[..written]))),
    }
}

/// As [`encrypt_locally`].
pub(crate) fn decrypt_locally<'py>(
    py: Python<'py>,
    vault: &Vault,
    call: &Call,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let mut done = false;
    let data = PyBytes::new_with(py, call.plaintext_length(), |output| {
        let decrypt = || vault.decrypt_into_now(call.data(), &call.context, call.aad(), output);
        done = errors::call_now_detached(py, decrypt)?.is_some();
        Ok(())
    })?;
    Ok(done.then_some(data))
}

/// Runs a verb in the way that suits it: at once, or with the interpreter released.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    vault: &Vault,
    call: &Call,
    now: impl FnOnce(&Vault, &Call) -> Result<T, Error>,
    blocking: impl FnOnce(&Vault, &Call) -> Result<T, Error> + Send,
) -> PyResult<T> {
    if call.is_short(vault)
        && let Some(value) = errors::call_now(py, || now(vault, call))?
    {
        return Ok(value);
    }
    errors::call_detached(py, || blocking(vault, call))
}
