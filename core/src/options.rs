//! What a caller may say about a call: how long it may take, how it is cancelled, and who makes it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorCode, Result};

/// Most characters of an actor.
pub const MAX_ACTOR_CHARS: usize = 200;

/// Options of calls; [`crate::Vault::with`] applies them.
///
/// ```
/// # use std::time::Duration;
/// use libvault::{CallOptions, CancelToken};
/// let cancel = CancelToken::default();
/// let options = CallOptions::default().timeout(Duration::from_secs(3)).cancel(&cancel).actor("job 17");
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until `Vault::with` takes them"]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) cancel: Option<CancelToken>,
    pub(crate) actor: Option<Arc<str>>,
    pub(crate) interrupt: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl CallOptions {
    /// How long a call may wait for KMSs, all its keys and retries together, instead of the configured `timeouts.total`; then it is `Timeout`. It is counted
    /// once, from when the call first needs a KMS: running again under a reloaded configuration gives it no more time.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Calls end with `Cancelled` once `token` is cancelled; one that waits for a KMS ends at once, and so does the KMS call.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// Who makes the calls, for the audit trail: 1 to 200 characters; control characters are escaped there.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty or over-long text.
    pub fn try_actor(mut self, actor: impl AsRef<str>) -> Result<Self> {
        let actor = actor.as_ref();
        if actor.is_empty() || actor.chars().count() > MAX_ACTOR_CHARS {
            let message = format!("the actor is not 1 to {MAX_ACTOR_CHARS} characters");
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        self.actor = Some(actor.into());
        Ok(self)
    }

    /// As [`CallOptions::try_actor`], for texts that are known to fit: what is over 200 characters is cut off, and an empty one is none.
    pub fn actor(mut self, actor: impl AsRef<str>) -> Self {
        let cut: String = actor.as_ref().chars().take(MAX_ACTOR_CHARS).collect();
        self.actor = (!cut.is_empty()).then(|| cut.into());
        self
    }

    /// For `_blocking` calls: asked on the waiting thread, at least every 50 ms while it waits for a KMS; `true` ends the call with `Cancelled`. This is
    /// how a language runtime has its signals handled during a long call.
    pub fn interrupt(mut self, interrupted: Arc<dyn Fn() -> bool + Send + Sync>) -> Self {
        self.interrupt = Some(interrupted);
        self
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("cancel", &self.cancel)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

/// Cancels calls from another thread. Clones share one state, which never goes back.
#[derive(Clone, Default)]
pub struct CancelToken(CancellationToken);

impl CancelToken {
    /// Cancels every call, running or to come, that was given this token.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(crate) async fn cancelled(&self) {
        self.0.cancelled().await;
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}
