//! What the verbs do: decide, wrap, unwrap, seal and open. The public face is in `vault.rs`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use libvault_memory::{ForkLocal, fork_generation};

mod attempts;
mod change;
mod closed;
mod draw;
mod open;
#[cfg(all(test, feature = "sqlite"))]
mod restored;
mod seal;
mod setup;
#[cfg(all(test, feature = "sqlite"))]
mod shredding;
mod wrap;
#[cfg(test)]
mod write_vectors;

pub use change::{Downgrade, RewrapOptions};
pub(crate) use change::{Rewrappable, refuse_equal_contexts};
pub(crate) use setup::Environment;

use crate::aead::Random;
use crate::audit::Audit;
use crate::call::now;
use crate::config::Config;
use crate::context::Context;
use crate::error::{Error, ErrorCode, Result};
use crate::log::Log;
use crate::managed::ManagedKeys;
use crate::registry::{Decision, Outcome, Registry};
use crate::stats::Counters;

/// Restored snapshots that this process was told of, by any of its vaults.
static RESTORATIONS: AtomicU64 = AtomicU64::new(0);

/// A process as random bytes know it: not a child of it, and not a copy that was restored from a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    fork_generation: u64,
    restorations: u64,
}

impl Process {
    pub(crate) fn current() -> Self {
        Self { fork_generation: fork_generation(), restorations: RESTORATIONS.load(Ordering::Acquire) }
    }

    /// What its parent is to a child.
    #[cfg(test)]
    pub(crate) fn other() -> Self {
        Self { fork_generation: u64::MAX, ..Self::current() }
    }
}

/// What outlives a reload.
pub(crate) struct Engine {
    current: ArcSwap<Snapshot>,
    environment: Environment,
    counters: Arc<Counters>,
    log: Arc<Log>,
    closed: AtomicBool,
    /// How often the process was said to be restored from a snapshot.
    /// One reload at a time, so that the one that returns last is in force.
    reloading: ForkLocal<Mutex<()>>,
}

/// What one configuration made. It never changes: a reload replaces it whole, and a call works under one from beginning to end.
pub(crate) struct Snapshot {
    registry: Registry,
    managed: Arc<ManagedKeys>,
    random: Arc<dyn Random>,
    counters: Arc<Counters>,
    log: Arc<Log>,
    full_context: bool,
    /// How long all KMS calls of an operation may take together.
    pub(crate) total_timeout: Duration,
    pub(crate) audit: Option<Audit>,
    audit_file: Option<setup::AuditFile>,
    /// Set in the one that follows the last: which that was.
    closes: Option<Weak<Snapshot>>,
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
    pub(crate) fn open(config: Config, environment: Environment) -> Result<Self> {
        // The generator's first use in a process takes tens of milliseconds: not in the first encryption.
        environment.random.fill(&mut [0])?;
        let (counters, log) = (Arc::new(Counters::default()), Arc::new(Log::default()));
        let snapshot = Snapshot::new(config, &environment, &counters, &log, None)?;
        let current = ArcSwap::from_pointee(snapshot);
        Ok(Self { current, environment, counters, log, closed: AtomicBool::new(false), reloading: ForkLocal::new() })
    }

    /// Makes everything anew from a configuration, files included, and swaps it in; after an error the old one stays in force.
    pub(crate) fn reload(&self, config: Config) -> Result<()> {
        self.check_open()?;
        let _alone = self.reloading.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner);
        let made = Snapshot::new(config, &self.environment, &self.counters, &self.log, Some(&self.current.load()));
        match made {
            Ok(snapshot) => {
                self.current.store(Arc::new(snapshot));
                if let Err(error) = self.check_open() {
                    self.drop_snapshot();
                    return Err(error);
                }
                self.counters.reloads.count();
                self.log.info("reloaded", "the new configuration is in force");
                Ok(())
            }
            Err(error) => {
                let message = format!("the new configuration is refused and the old one stays in force: {error}");
                self.log.warn("reload_failed", message);
                Err(error)
            }
        }
    }

    pub(crate) fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// Whether `snapshot` is still the configuration in force, or was when the vault was closed: calls under way then finish.
    pub(crate) fn is_current(&self, snapshot: &Arc<Snapshot>) -> bool {
        let current = self.current.load();
        Arc::ptr_eq(&current, snapshot)
            || current.closes.as_ref().is_some_and(|last| last.as_ptr() == Arc::as_ptr(snapshot))
    }

    /// For work that outlasts a call, such as a stream: `Closed`, `KeySuspended` since its beginning, or, for what is being written, `PolicyMismatch`
    /// because other keys protect the context now.
    pub(crate) fn check_still_allowed(
        &self,
        snapshot: &mut Arc<Snapshot>,
        context: &Context,
        writes: bool,
    ) -> Result<()> {
        self.check_open()?;
        if !self.is_current(snapshot) {
            let current = self.current.load_full();
            current.registry.check_not_suspended(context)?;
            if writes && Decision::from(&snapshot.decide(context)?) != Decision::from(&current.decide(context)?) {
                let message =
                    "the configuration changed, and other keys protect this context now: begin another stream";
                return Err(Error::new(ErrorCode::PolicyMismatch, message));
            }
            *snapshot = current;
        }
        Ok(())
    }

    pub(crate) fn match_context(&self, context: &Context) -> Result<Decision> {
        let snapshot = self.snapshot();
        self.check_open()?;
        snapshot.decide(context).map(|outcome| Decision::from(&outcome))
    }

    /// Whether encrypting for this context would call a KMS. A context that is refused calls none.
    pub(crate) fn needs_network(&self, context: &Context) -> bool {
        match self.snapshot().decide(context) {
            Ok(Outcome::Customer(matched)) => {
                matched.bindings.iter().flat_map(|binding| &binding.keys).any(|key| key.kek.needs_network())
            }
            Ok(Outcome::Managed(_)) | Err(_) => false,
        }
    }

    /// Whether encrypting for this context waits for nothing: its keys are in memory, and there is no audit trail to be written.
    pub(crate) fn is_immediate(&self, context: &Context) -> bool {
        let snapshot = self.snapshot();
        let in_memory = |context| snapshot.managed.cached(context).is_some();
        snapshot.audit.is_none()
            && match snapshot.decide(context) {
                Ok(Outcome::Customer(matched)) => {
                    let mut keys = matched.bindings.iter().flat_map(|binding| &binding.keys);
                    matched.managed.is_none() && !keys.any(|key| key.kek.needs_network())
                }
                Ok(Outcome::Managed(_)) => in_memory(context),
                Err(_) => true,
            }
    }

    pub(crate) fn is_audited(&self) -> bool {
        self.snapshot().audit.is_some()
    }

    /// Fresh randomness, and nothing from before the snapshot in caches.
    pub(crate) fn after_restore(&self) -> Result<()> {
        self.check_open()?;
        self.environment.random.after_restore()?;
        // Only now: what was drawn under the number before is not fresh.
        RESTORATIONS.fetch_add(1, Ordering::AcqRel);
        let snapshot = self.snapshot();
        snapshot.managed.after_restore();
        let keys = snapshot.registry.bindings().flat_map(|binding| &binding.keys);
        keys.for_each(|key| key.kek.after_restore());
        Ok(())
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(audit) = &self.snapshot().audit {
            audit.flush();
        }
        self.drop_snapshot();
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(closed::closed());
        }
        Ok(())
    }
}

impl Snapshot {
    fn decide(&self, context: &Context) -> Result<Outcome> {
        self.registry.decide(context, |warning| self.log.warn("misspelt_name", warning))
    }

    /// Runs `work`, which may wait for the store: a store that waits on its thread does so where `access` says.
    async fn with_store<T, F>(
        &self,
        access: StoreAccess,
        work: impl FnOnce(Arc<ManagedKeys>) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let managed = Arc::clone(&self.managed);
        if let (StoreAccess::OffThread, true, Ok(runtime)) =
            (access, managed.store_blocks(), tokio::runtime::Handle::try_current())
        {
            let task = runtime.spawn_blocking(move || now(work(managed)));
            return task.await.map_err(|_| Error::internal("a read of the store panicked"))?;
        }
        work(managed).await
    }
}
