//! The functions of the module.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyAny;

use crate::buffer::Input;
use crate::vault::Vault;
use crate::{config, errors, results};

/// Opens a vault; `config` is the path of a TOML file or a mapping of the same shape.
#[pyfunction]
#[pyo3(signature = (config=None))]
pub(crate) fn open(py: Python<'_>, config: Option<&Bound<'_, PyAny>>) -> PyResult<Vault> {
    let config = config::from_argument(py, config)?;
    let vault = Vault::wrap(errors::call_detached(py, || libvault::Vault::open(config))?);
    vault.log().deliver(py);
    Ok(vault)
}

/// Makes a root key file, a store and a configuration that names them, in a directory; refuses to replace any.
#[pyfunction]
pub(crate) fn init(py: Python<'_>, directory: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let made = errors::call_detached(py, || libvault::init(&directory))?;
    results::initialized(py, &made)
}

/// What an envelope or a key bundle says about itself: format, policy, key ids. Needs no keys and proves nothing.
#[pyfunction]
pub(crate) fn inspect<'py>(py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let data = Input::new(data, "data")?;
    let inspection = errors::call(py, || libvault::inspect(data.as_slice()).map(|inspection| inspection.to_json()))?;
    results::json(py, &inspection)
}

/// The exact length of what `decrypt` will give for an envelope, from parsing alone.
#[pyfunction]
pub(crate) fn decrypted_length(py: Python<'_>, envelope: &Bound<'_, PyAny>) -> PyResult<usize> {
    let envelope = Input::new(envelope, "envelope")?;
    errors::call(py, || libvault::decrypted_length(envelope.as_slice()))
}

/// Whether this build has a feature: `aws`, `sqlite`, `aws-lc`, `rust-crypto`.
#[pyfunction]
pub(crate) fn has_feature(name: &str) -> bool {
    libvault::has_feature(name)
}
