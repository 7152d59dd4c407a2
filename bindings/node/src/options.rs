//! What a caller may say about a call.

use std::time::Duration;

use libvault::{CallOptions, CancelToken, Vault};
use napi::bindgen_prelude::External;
use napi_derive::napi;

use crate::errors::{Outcome, outcome};

/// A view of a vault whose calls obey options.
#[napi(object, object_from_js = false)]
pub(crate) struct View {
    /// The handle that the verbs take.
    pub vault: External<Vault>,
    /// For [`cancel`].
    pub token: External<CancelToken>,
}

/// A view of the vault with a timeout in milliseconds and an actor. `lib/options.js` has checked both.
#[napi]
pub(crate) fn with_options(vault: &External<Vault>, timeout: Option<f64>, actor: Option<String>) -> Outcome<View> {
    outcome(|| {
        let token = CancelToken::default();
        let mut options = CallOptions::default().cancel(&token);
        if let Some(milliseconds) = timeout {
            options = options.timeout(Duration::from_secs_f64(milliseconds / 1000.0));
        }
        if let Some(actor) = actor {
            options = options.try_actor(actor)?;
        }
        Ok(View { vault: External::new(vault.with(options)), token: External::new(token) })
    })
}

/// Ends the calls of a view with `Cancelled`; one that waits for a KMS ends at once.
#[napi]
pub(crate) fn cancel(token: &External<CancelToken>) {
    token.cancel();
}
