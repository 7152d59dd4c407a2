//! Ctrl-C during a call: while a thread waits for a KMS, the core asks here every 50 ms whether Python has a signal to handle.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use libvault::CallOptions;
use pyo3::prelude::*;

thread_local! {
    /// What a signal handler raised during the call that this thread is in.
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// Options of calls that block a thread of Python.
pub(crate) fn interruptible(options: CallOptions) -> CallOptions {
    static INTERRUPT: OnceLock<Arc<dyn Fn() -> bool + Send + Sync>> = OnceLock::new();
    options.interrupt(Arc::clone(INTERRUPT.get_or_init(|| Arc::new(was_interrupted))))
}

/// The exception that ended this thread's call, usually `KeyboardInterrupt`.
pub(crate) fn take_raised() -> Option<PyErr> {
    RAISED.take()
}

/// Runs signal handlers, as the interpreter does between two instructions; on other threads than the main one there are none to run.
fn was_interrupted() -> bool {
    let Some(Err(raised)) = Python::try_attach(|py| py.check_signals()) else { return false };
    RAISED.set(Some(raised));
    true
}
