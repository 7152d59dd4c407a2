//! From the core's errors to the exceptions of `libvault._errors`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use libvault::{Error, ErrorCode};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::interrupt;

/// Runs a call into the core. An error becomes its exception, and a panic becomes `Internal`: PyO3's own
/// `PanicException` is not an `Exception`, so a handler for errors would miss it.
pub(crate) fn call<T>(py: Python<'_>, operation: impl FnOnce() -> Result<T, Error>) -> PyResult<T> {
    guard(operation).map_err(|error| exception(py, &error))
}

/// As [`call`], with the interpreter released meanwhile.
pub(crate) fn call_detached<T: Send>(
    py: Python<'_>,
    operation: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    let result = py.detach(|| guard(operation));
    if let Some(raised) = interrupt::take_raised() {
        return Err(raised);
    }
    result.map_err(|error| exception(py, &error))
}

/// As [`call`], for an operation that never waits for the network: `None` if it would have to.
pub(crate) fn call_now<T>(py: Python<'_>, operation: impl FnOnce() -> Result<T, Error>) -> PyResult<Option<T>> {
    unless_it_would_block(py, guard(operation))
}

/// As [`call_now`], with the interpreter released meanwhile.
pub(crate) fn call_now_detached<T: Send>(
    py: Python<'_>,
    operation: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<Option<T>> {
    unless_it_would_block(py, py.detach(|| guard(operation)))
}

fn unless_it_would_block<T>(py: Python<'_>, result: Result<T, Error>) -> PyResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == ErrorCode::WouldBlock => Ok(None),
        Err(error) => Err(exception(py, &error)),
    }
}

/// The exception for an error that the core returned.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    make(py, error, error.field())
}

/// The exception for a field that has no form the core could be given.
pub(crate) fn exception_at(py: Python<'_>, code: ErrorCode, field: &str, message: &str) -> PyErr {
    make(py, &Error::new(code, format!("{field}: {message}")), Some(field))
}

fn guard<T>(operation: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // The core's state stays usable after a panic: its locks are not held across code that can.
    catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|_| Err(Error::internal("libvault panicked")))
}

fn make(py: Python<'_>, error: &Error, field: Option<&str>) -> PyErr {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = MAKE.import(py, "libvault._errors", "make").and_then(|make| {
        make.call1((
            error.code().number(),
            error.message(),
            field,
            error.provider(),
            error.key_id(),
            error.operation(),
            error.request_id(),
            error.needed_length(),
        ))
    });
    made.map_or_else(|failure| failure, PyErr::from_value)
}
