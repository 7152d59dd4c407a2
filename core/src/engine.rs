//! What the verbs do: decide, wrap, unwrap, seal and open. The public face is in `vault.rs`.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use libvault_memory::{ForkLocal, fork_generation};

mod attempts;
mod change;
mod draw;
mod keks;
mod leased;
mod open;
#[cfg(all(test, feature = "sqlite"))]
mod restored;
#[cfg(test)]
pub(crate) mod restoring;
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
use crate::lease::Leases;
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

    /// Whether this is it, restored from a snapshot or not; `false` in its children.
    pub(crate) fn is_this_one(self) -> bool {
        self.fork_generation == fork_generation()
    }

    /// What its parent is to a child.
    #[cfg(test)]
    pub(crate) fn other() -> Self {
        Self { fork_generation: u64::MAX, ..Self::current() }
    }
}

/// What outlives a reload.
pub(crate) struct Engine {
    /// None once the vault is closed.
    current: ArcSwapOption<Snapshot>,
    environment: Environment,
    counters: Arc<Counters>,
    log: Arc<Log>,
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
    pub(crate) leases: Arc<Leases>,
    full_context: bool,
    /// How long all KMS calls of an operation may take together.
    pub(crate) total_timeout: Duration,
    pub(crate) audit: Option<Audit>,
    audit_file: Option<setup::AuditFile>,
    /// Set when a reload has put another one in force. The last one never is: calls that are under way when the vault is closed finish.
    superseded: AtomicBool,
}

/// The configuration in force, borrowed as cheaply as a call needs it.
pub(crate) struct Current(Guard<Option<Arc<Snapshot>>>);

impl Deref for Current {
    type Target = Arc<Snapshot>;

    fn deref(&self) -> &Arc<Snapshot> {
        self.0.as_ref().expect("there is none without one")
    }
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
        let current = ArcSwapOption::from_pointee(snapshot);
        Ok(Self { current, environment, counters, log, reloading: ForkLocal::new() })
    }

    /// Makes everything anew from a configuration, files included, and swaps it in; after an error the old one stays in force.
    pub(crate) fn reload(&self, config: Config) -> Result<()> {
        self.check_open()?;
        let _alone = self.reload_alone();
        let before = self.snapshot()?;
        match Snapshot::new(config, &self.environment, &self.counters, &self.log, Some(&before)) {
            Ok(snapshot) => {
                if self.current.compare_and_swap(&before.0, Some(Arc::new(snapshot))).is_none() {
                    return Err(closed());
                }
                before.superseded.store(true, Ordering::SeqCst);
                before.leases.clear();
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

    pub(crate) fn reload_alone(&self) -> MutexGuard<'_, ()> {
        self.reloading.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// `Closed`.
    pub(crate) fn snapshot(&self) -> Result<Current> {
        let current = self.current.load();
        if current.is_none() {
            return Err(closed());
        }
        Ok(Current(current))
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
        if snapshot.is_superseded() {
            let current = self.snapshot()?;
            current.registry.check_not_suspended(context)?;
            if writes && Decision::from(&snapshot.decide(context)?) != Decision::from(&current.decide(context)?) {
                let message =
                    "the configuration changed, and other keys protect this context now: begin another stream";
                return Err(Error::new(ErrorCode::PolicyMismatch, message));
            }
            *snapshot = Arc::clone(&current);
        }
        Ok(())
    }

    pub(crate) fn match_context(&self, context: &Context) -> Result<Decision> {
        self.snapshot()?.decide(context).map(|outcome| Decision::from(&outcome))
    }

    /// Whether encrypting for this context would call a KMS. A context that is refused calls none.
    pub(crate) fn needs_network(&self, context: &Context) -> bool {
        match self.snapshot().and_then(|snapshot| snapshot.decide(context)) {
            Ok(Outcome::Customer(matched)) => {
                matched.bindings.iter().flat_map(|binding| &binding.keys).any(|key| key.kek.needs_network())
            }
            Ok(Outcome::Managed(_)) | Err(_) => false,
        }
    }

    /// Whether a call for this context that may not wait is worth its while: it waits for nothing, and its keys may be in memory.
    pub(crate) fn is_immediate(&self, context: &Context) -> bool {
        let Ok(snapshot) = self.snapshot() else { return true };
        let in_memory = |context: &Context| snapshot.managed.cached(context).is_some();
        snapshot.audit.is_none()
            && match snapshot.decide(context) {
                Ok(Outcome::Customer(matched)) => {
                    let mut keys = matched.bindings.iter().flat_map(|binding| &binding.keys);
                    let may_be_leased = snapshot.leases.are_given() || !keys.any(|key| key.kek.needs_network());
                    may_be_leased && matched.managed.is_none_or(|managed| in_memory(managed.items()))
                }
                Ok(Outcome::Managed(_)) => in_memory(context),
                Err(_) => true,
            }
    }

    pub(crate) fn is_audited(&self) -> bool {
        self.snapshot().is_ok_and(|snapshot| snapshot.audit.is_some())
    }

    /// Fresh randomness, and nothing from before the snapshot in caches.
    pub(crate) fn after_restore(&self) -> Result<()> {
        self.check_open()?;
        self.environment.random.after_restore()?;
        // Only now: what was drawn under the number before is not fresh.
        RESTORATIONS.fetch_add(1, Ordering::AcqRel);
        let snapshot = self.snapshot()?;
        snapshot.managed.after_restore();
        snapshot.leases.clear();
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

    /// Keys, connections and the store go now, or with the last call or stream that is under way.
    pub(crate) fn close(&self) {
        let last = self.current.swap(None);
        if let Some(last) = &last {
            // They report what they served.
            last.leases.clear();
        }
        if let Some(audit) = last.as_ref().and_then(|last| last.audit.as_ref()) {
            audit.flush();
        }
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        self.snapshot().map(|_| ())
    }
}

impl Snapshot {
    /// Whether a reload has put another configuration in force.
    pub(crate) fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::SeqCst)
    }

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

fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the vault is closed")
}
