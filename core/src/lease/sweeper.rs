//! Leases leave memory soon after they end, also in a process that makes no calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libvault_memory::ForkLocal;
use tokio::runtime::Handle;

use super::Leases;
use crate::audit::Audit;

const INTERVAL: Duration = Duration::from_secs(1);

/// Whether the task runs; a child of a fork has none.
#[derive(Default)]
pub(super) struct Sweeper(ForkLocal<Arc<AtomicBool>>);

impl Sweeper {
    /// A task on the runtime of whoever opened a lease; it ends with the last one.
    pub(super) fn start(&self, leases: &Arc<Leases>, audit: Option<&Audit>) {
        let runs = self.0.get_or_make(|_| Arc::default());
        let Ok(runtime) = Handle::try_current() else { return };
        if runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let (leases, audit, runs) = (Arc::downgrade(leases), audit.cloned(), Arc::clone(runs));
        let running = Running(Some(Arc::clone(&runs)));
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let is_left = leases.upgrade().is_some_and(|leases| leases.sweep());
                if let Some(audit) = audit.clone() {
                    // On a thread that may wait for the disk.
                    drop(tokio::task::spawn_blocking(move || audit.flush()));
                }
                if !is_left {
                    runs.store(false, Ordering::Release);
                    // One that was opened just now saw this task still running.
                    let is_needed = leases.upgrade().is_some_and(|leases| !leases.is_empty());
                    if !is_needed || runs.swap(true, Ordering::AcqRel) {
                        // What it says is another task's from here on.
                        return running.leave();
                    }
                }
            }
        });
    }
}

/// Until the task ends, or its runtime does.
struct Running(Option<Arc<AtomicBool>>);

impl Running {
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runs) = &self.0 {
            runs.store(false, Ordering::Release);
        }
    }
}
