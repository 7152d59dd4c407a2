//! What the operations give back: data keys, decisions, counters and parsed formats.

use libvault::{Decision, Initialized, Stats};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple};

/// A data key for callers who encrypt themselves. The key is wiped when the object dies; `bytes` taken from it are not.
#[pyclass(frozen, module = "libvault")]
pub(crate) struct DataKey(pub(crate) libvault::DataKey);

#[pymethods]
impl DataKey {
    /// The 32 secret bytes, as a new `bytes` object.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.key())
    }

    /// The key bundle, to be stored beside the data.
    #[getter]
    fn bundle<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.bundle)
    }

    fn __repr__(&self) -> String {
        format!("<libvault.DataKey, bundle of {} bytes>", self.0.bundle.len())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a DataKey cannot be copied or pickled: store its bundle"))
    }
}

/// The decision as `libvault.Decision`.
pub(crate) fn decision<'py>(py: Python<'py>, decision: &Decision) -> PyResult<Bound<'py, PyAny>> {
    static DECISION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static MATCHED_BINDING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let matched_binding = MATCHED_BINDING.import(py, "libvault._results", "MatchedBinding")?;
    let bindings = decision.bindings.iter().map(|binding| {
        let key_ids = PyTuple::new(py, &binding.key_ids)?;
        matched_binding.call1((&binding.id, &binding.owner, key_ids))
    });
    let bindings = PyTuple::new(py, bindings.collect::<PyResult<Vec<_>>>()?)?;
    DECISION.import(py, "libvault._results", "Decision")?.call1((decision.policy.name(), bindings))
}

/// The counters as `libvault.Stats`.
pub(crate) fn stats<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyAny>> {
    static STATS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let fields = PyDict::new(py);
    for (name, count) in stats.fields() {
        fields.set_item(name, count)?;
    }
    STATS.import(py, "libvault._results", "Stats")?.call((), Some(&fields))
}

/// The files that `init` made as `libvault.Initialized`.
pub(crate) fn initialized<'py>(py: Python<'py>, made: &Initialized) -> PyResult<Bound<'py, PyAny>> {
    static INITIALIZED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    INITIALIZED.import(py, "libvault._results", "Initialized")?.call1((&made.config, &made.root_key, &made.store))
}

/// JSON from the core as Python objects.
pub(crate) fn json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    LOADS.import(py, "json", "loads")?.call1((text,))
}
