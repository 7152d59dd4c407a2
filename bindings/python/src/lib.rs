//! The Python extension module `libvault._libvault`. What users import is the package `libvault` in `python/`.

#![deny(unsafe_code)]

mod buffer;
mod config;
mod context;
mod errors;
mod module;
mod results;
mod vault;

/// The native part of the package `libvault`.
#[pyo3::pymodule]
mod _libvault {
    #[pymodule_export]
    use crate::context::Context;
    #[pymodule_export]
    use crate::module::{decrypted_length, has_feature, init, inspect, open};
    #[pymodule_export]
    use crate::results::DataKey;
    #[pymodule_export]
    use crate::vault::Vault;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python looks for")]
    const __version__: &str = libvault::VERSION;
}
