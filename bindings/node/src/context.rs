//! Prepared key contexts.

use libvault::Context;
use napi::bindgen_prelude::External;
use napi_derive::napi;

use crate::errors::{Outcome, outcome};

/// A checked context. `lib/context.js` has already refused what is not a string and what UTF-8 cannot express.
#[napi]
pub(crate) fn create_context(names: Vec<String>, values: Vec<String>) -> Outcome<External<Context>> {
    outcome(|| Context::new(names.iter().zip(&values)).map(External::new))
}
