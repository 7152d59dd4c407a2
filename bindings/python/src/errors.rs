//! From the core's errors to the exceptions of `libvault._errors`.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use libvault::{Error, ErrorCode};
use pyo3::exceptions::PyOSError;
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

/// As [`call_detached`], for an operation on files: what Python raised comes out again, and what the system refused is an `OSError`.
pub(crate) fn io_detached<T: Send>(py: Python<'_>, operation: impl FnOnce() -> io::Result<T> + Send) -> PyResult<T> {
    let result = py.detach(|| catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|_| Err(panicked().into())));
    if let Some(raised) = interrupt::take_raised() {
        return Err(raised);
    }
    result.map_err(|error| match (Error::from_io(&error), error.raw_os_error()) {
        (Some(error), _) => exception(py, &error),
        (None, Some(number)) => os_error(number, &error, None),
        (None, None) => error.into(),
    })
}

/// As [`call_detached`], for a file at a path: where the core found that the system refuses it, an `OSError`.
pub(crate) fn file_detached<T: Send>(
    py: Python<'_>,
    path: &Path,
    operation: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    py.detach(|| guard(operation)).map_err(|error| match error.code() {
        ErrorCode::InvalidArgument => refused_file(path, &error),
        _ => exception(py, &error),
    })
}

/// The core's error has the system's reason as text only, so the usual ones are looked for.
fn refused_file(path: &Path, error: &Error) -> PyErr {
    const EISDIR: i32 = 21;
    if path.is_dir() {
        return os_error(EISDIR, &io::Error::from_raw_os_error(EISDIR), Some(path));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match directory.read_dir() {
        Err(reason) if reason.raw_os_error().is_some() => {
            os_error(reason.raw_os_error().unwrap_or_default(), &reason, Some(path))
        }
        _ => PyOSError::new_err(error.message().to_owned()),
    }
}

/// The `OSError` that Python itself would raise, of the subclass for its number.
fn os_error(number: i32, error: &io::Error, path: Option<&Path>) -> PyErr {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    match path {
        Some(path) => PyOSError::new_err((number, text, path.to_owned())),
        None => PyOSError::new_err((number, text)),
    }
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
    catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> Error {
    Error::internal("libvault panicked")
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
