//! Errors and panics of the core, as values for JavaScript.

use std::panic::{AssertUnwindSafe, catch_unwind};

use libvault::Error;
use napi::Either;
use napi_derive::napi;

/// What a native call returns: its result, or why there is none.
pub(crate) type Outcome<T> = Either<T, Failure>;

/// An error of the core, ready to become an instance of a class of `errors.js`.
#[napi(object, object_from_js = false)]
pub(crate) struct Failure {
    /// The numeric code. Only failures have a field of this name; `lib/failure.js` tells them from results by it.
    pub error_number: u32,
    /// What happened, in one sentence.
    pub message: String,
    /// The configuration field or the context item that was refused.
    pub field: Option<String>,
    /// The provider whose call failed.
    pub provider: Option<String>,
    /// The id of the customer's key.
    pub key_id: Option<String>,
    /// The operation on the key.
    pub operation: Option<String>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// With `BufferTooSmall`: the bytes the output needs.
    pub needed_length: Option<i64>,
}

/// Runs the body of an exported function. A panic becomes `Internal`: unwinding into Node would end the process.
pub(crate) fn outcome<T>(body: impl FnOnce() -> Result<T, Error>) -> Outcome<T> {
    match guarded(body) {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}

/// As [`outcome`], for work on another thread whose result is converted later.
pub(crate) fn guarded<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // The core's shared state is behind locks that poison or is replaced atomically, so it stays sound after an unwind.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(panicked()))
}

/// The error of work that panicked; the message of the panic may hold data, so it is not repeated.
pub(crate) fn panicked() -> Error {
    Error::internal("a panic was caught; this is a defect in libvault")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            error_number: error.code().number(),
            message: error.message().to_owned(),
            field: owned(error.field()),
            provider: owned(error.provider()),
            key_id: owned(error.key_id()),
            operation: owned(error.operation()),
            request_id: owned(error.request_id()),
            needed_length: error.needed_length().map(|length| length as i64),
        }
    }
}
