//! What the verbs do: decide, wrap, unwrap, seal and open. The public face is in `vault.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

mod open;
mod seal;
mod setup;
#[cfg(test)]
mod write_vectors;

pub(crate) use setup::Environment;

use crate::aead::Random;
use crate::context::Context;
use crate::error::{Error, ErrorCode, Result};
use crate::managed::ManagedKeys;
use crate::registry::{Decision, Outcome, Registry};
use crate::stats::{Counters, Stats};

pub(crate) struct Engine {
    registry: Registry,
    managed: Arc<ManagedKeys>,
    random: Arc<dyn Random>,
    counters: Arc<Counters>,
    full_context: bool,
    warnings: Mutex<Vec<String>>,
    closed: AtomicBool,
}

/// Where reads of the embedded store happen: they can wait for a disk or for another process's lock.
#[derive(Clone, Copy)]
pub(crate) enum StoreAccess {
    /// On this thread: the caller asked to block, or for something that needs no network.
    Inline,
    /// On a thread that may block, so that an executor's thread does not.
    OffThread,
}

impl Engine {
    pub(crate) fn match_context(&self, context: &Context) -> Result<Decision> {
        self.check_open()?;
        self.decide(context).map(|outcome| Decision::from(&outcome))
    }

    /// Whether encrypting for this context would call a KMS. A context that is refused calls none.
    pub(crate) fn needs_network(&self, context: &Context) -> bool {
        match self.decide(context) {
            Ok(Outcome::Customer(matched)) => {
                matched.bindings.iter().flat_map(|binding| &binding.keys).any(|key| key.kek.needs_network())
            }
            Ok(Outcome::Managed(_)) | Err(_) => false,
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Everything worth a log line since the vault was opened.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorCode::Closed, "the vault is closed"));
        }
        Ok(())
    }

    fn decide(&self, context: &Context) -> Result<Outcome> {
        self.registry.decide(context, |warning| self.warn(warning))
    }

    fn warn(&self, warning: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    /// Runs `work`, which may wait for the store, where `access` says.
    async fn with_store<T: Send + 'static>(
        &self,
        access: StoreAccess,
        work: impl FnOnce(&ManagedKeys) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if let (StoreAccess::OffThread, Ok(runtime)) = (access, tokio::runtime::Handle::try_current()) {
            let managed = Arc::clone(&self.managed);
            let task = runtime.spawn_blocking(move || work(&managed));
            return task.await.map_err(|_| Error::internal("a read of the store panicked"))?;
        }
        work(&self.managed)
    }
}
