//! Bytes-like arguments. The only file of the Python binding with `unsafe`.
//!
//! Python shares memory between threads, and a caller may change a `bytearray` while an operation works on it. So
//! the core is given a caller's memory only where nobody can change it: an immutable `bytes`, or an output while this
//! thread holds the interpreter. Everything else is copied.

#![allow(unsafe_code)]

use libvault::WipedBytes;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView};

/// Bytes to read, also with the interpreter released: shared where they are immutable, and copied otherwise.
pub(crate) enum Input {
    Shared(PyBackedBytes),
    Copied(WipedBytes),
}

impl Input {
    /// Takes any C-contiguous bytes-like object; `name` is the argument's name for the error.
    pub(crate) fn new(argument: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        match argument.cast::<PyBytes>() {
            Ok(bytes) => Ok(Self::Shared(bytes.clone().into())),
            Err(_) => copy(&view(argument, name, "bytes-like")?).map(Self::Copied),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

impl Default for Input {
    fn default() -> Self {
        Self::Copied(WipedBytes::default())
    }
}

/// The caller's memory to write into. The view keeps it from being freed, moved or resized.
pub(crate) struct Output(PyUntypedBuffer);

impl Output {
    /// Takes any writable C-contiguous bytes-like object.
    pub(crate) fn new(argument: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let view = view(argument, name, "writable bytes-like")?;
        if view.readonly() {
            return Err(type_error(argument, name, "writable bytes-like"));
        }
        Ok(Self(view))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len_bytes()
    }

    /// Lets `fill` write in place. The token shows that the interpreter is held; `fill` must not release it and does
    /// not call back into Python.
    pub(crate) fn with_slice<T>(&mut self, _py: Python<'_>, fill: impl FnOnce(&mut [u8]) -> T) -> T {
        if self.len() == 0 {
            return fill(&mut []);
        }
        // SAFETY: the view is writable and C-contiguous, so `len_bytes` bytes from `buf_ptr` are one allocation, which
        // the view keeps alive and in place. No other reference to it exists in Rust: `Input` refers only to `bytes`,
        // which give no writable view. No Python thread reads or writes it, since this one holds the interpreter.
        let slice = unsafe { std::slice::from_raw_parts_mut(self.0.buf_ptr().cast::<u8>(), self.len()) };
        fill(slice)
    }
}

fn copy(view: &PyUntypedBuffer) -> PyResult<WipedBytes> {
    let length = view.len_bytes();
    let mut bytes = WipedBytes::default();
    bytes.try_reserve_exact(length).map_err(|_| PyMemoryError::new_err(()))?;
    if length > 0 {
        // SAFETY: the view is C-contiguous and keeps `len_bytes` bytes alive; the vector has room for them and is
        // separate memory. The interpreter is held, so no Python thread writes them meanwhile, and no reference to them is made.
        unsafe {
            std::ptr::copy_nonoverlapping(view.buf_ptr().cast::<u8>(), bytes.as_mut_ptr(), length);
            bytes.set_len(length);
        }
    }
    Ok(bytes)
}

fn view(argument: &Bound<'_, PyAny>, name: &str, wanted: &str) -> PyResult<PyUntypedBuffer> {
    let py = argument.py();
    let view = match PyUntypedBuffer::get(argument) {
        // PyO3 takes no buffer without strides, such as an array of ctypes; a memoryview of it has them.
        Err(error) if error.is_instance_of::<PyBufferError>(py) => {
            PyUntypedBuffer::get(PyMemoryView::from(argument)?.as_any())?
        }
        Err(error) if error.is_instance_of::<PyTypeError>(py) => return Err(type_error(argument, name, wanted)),
        // A released memoryview and a closed mmap raise ValueError, which says enough.
        view => view?,
    };
    if view.is_c_contiguous() {
        Ok(view)
    } else {
        Err(PyBufferError::new_err(format!("{name}: the memory is not C-contiguous")))
    }
}

fn type_error(argument: &Bound<'_, PyAny>, name: &str, wanted: &str) -> PyErr {
    let given = argument.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("{name}: a {wanted} object is required, not '{given}'"))
}
