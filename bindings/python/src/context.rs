//! Key contexts: the prepared class, and mappings given in its place.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString, PyType};

use crate::errors;

/// A prepared key context: checked once, then used for any number of operations, from any thread.
#[pyclass(frozen, module = "libvault")]
pub(crate) struct Context(libvault::Context);

#[pymethods]
impl Context {
    #[new]
    fn new(items: &Bound<'_, PyAny>) -> PyResult<Self> {
        from_argument(items, "items").map(Self)
    }

    fn __repr__(&self) -> String {
        let names: Vec<&str> = self.0.items().map(|(name, _)| name).collect();
        format!("<libvault.Context of {}>", names.join(", "))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        // Python's own hash of bytes is seeded, so that a caller's users cannot choose colliding contexts.
        PyBytes::new(py, self.0.canonical()).hash()
    }

    /// Contexts travel to other processes as their items.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyDict>,))> {
        let items = PyDict::new(py);
        for (name, value) in self.0.items() {
            items.set_item(name, value)?;
        }
        Ok((py.get_type::<Self>(), (items,)))
    }
}

impl Context {
    pub(crate) fn wrap(context: libvault::Context) -> Self {
        Self(context)
    }
}

/// The context of an argument: a prepared [`Context`], or a mapping of str to str.
pub(crate) fn from_argument(argument: &Bound<'_, PyAny>, name: &str) -> PyResult<libvault::Context> {
    if let Ok(prepared) = argument.cast::<Context>() {
        return Ok(prepared.get().0.clone());
    }
    if let Ok(items) = argument.cast::<PyDict>() {
        return from_pairs(argument.py(), &items.iter().map(string_pair).collect::<PyResult<Vec<_>>>()?);
    }
    if let Ok(mapping) = argument.cast::<PyMapping>() {
        let pairs = mapping.items()?.iter().map(|item| string_pair(item.extract()?)).collect::<PyResult<Vec<_>>>()?;
        return from_pairs(argument.py(), &pairs);
    }
    let given = argument.get_type().name()?;
    Err(PyTypeError::new_err(format!("{name}: a Context or a mapping of str to str is required, not '{given}'")))
}

type StringPair<'py> = (Bound<'py, PyString>, Bound<'py, PyString>);

fn string_pair<'py>((name, value): (Bound<'py, PyAny>, Bound<'py, PyAny>)) -> PyResult<StringPair<'py>> {
    match (name.cast_into::<PyString>(), value.cast_into::<PyString>()) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(PyTypeError::new_err("the names and values of a context are str")),
    }
}

fn from_pairs(py: Python<'_>, pairs: &[StringPair<'_>]) -> PyResult<libvault::Context> {
    let utf8: PyResult<Vec<_>> = pairs.iter().map(|(name, value)| Ok((name.to_str()?, value.to_str()?))).collect();
    match utf8 {
        Ok(items) => errors::call(py, || libvault::Context::new(items)),
        // Lone surrogates have no UTF-8: their bytes let the core refuse them and name the item, as in every language.
        Err(_) => {
            let bytes = pairs.iter().map(|(name, value)| Ok((surrogate_bytes(name)?, surrogate_bytes(value)?)));
            let bytes = bytes.collect::<PyResult<Vec<_>>>()?;
            errors::call(py, || {
                libvault::Context::from_bytes(bytes.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
            })
        }
    }
}

fn surrogate_bytes<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(text.call_method1("encode", ("utf-8", "surrogatepass"))?.cast_into()?)
}
