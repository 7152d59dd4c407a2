//! The Python extension module `libvault._libvault`. What users import is the package `libvault` in `python/`.

#![deny(unsafe_code)]

mod buffer;
mod call;
mod config;
mod context;
mod errors;
mod interrupt;
mod log;
mod loop_calls;
mod module;
mod results;
mod streams;
mod vault;

/// The native part of the package `libvault`. It needs the interpreter's global lock: `buffer` reads and writes callers' memory under it.
#[pyo3::pymodule(gil_used = true)]
mod _libvault {
    use std::sync::OnceLock;

    use pyo3::exceptions::PyImportError;
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::context::Context;
    #[pymodule_export]
    use crate::loop_calls::LoopCalls;
    #[pymodule_export]
    use crate::module::{decrypted_length, has_feature, init, inspect, open};
    #[pymodule_export]
    use crate::results::DataKey;
    #[pymodule_export]
    use crate::streams::{AtomicFile, CancelToken, Decryptor, Encryptor, Reader};
    #[pymodule_export]
    use crate::vault::Vault;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python looks for")]
    const __version__: &str = libvault::VERSION;

    /// What the module keeps for the process (exception classes, imported functions) belongs to the interpreter that imported it first.
    #[pymodule_init]
    fn refuse_subinterpreters(module: &Bound<'_, PyModule>) -> PyResult<()> {
        /// The address of that interpreter's `sys`, which no other interpreter has.
        static FIRST: OnceLock<usize> = OnceLock::new();
        let sys = module.py().import("sys")?.as_ptr() as usize;
        if *FIRST.get_or_init(|| sys) == sys {
            return Ok(());
        }
        Err(PyImportError::new_err(
            "libvault does not support subinterpreters: one interpreter of a process can import it",
        ))
    }
}
