//! The library's log records, on their way to the logger "libvault".
//!
//! A record can arise on a thread of the library's runtime, which never enters Python. So records wait here, and the call that caused them hands them over
//! when it returns.

use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};

use libvault::{LogLevel, LogRecord, Vault};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

#[derive(Default)]
pub(crate) struct LogQueue {
    waiting: Mutex<Vec<LogRecord>>,
    any: AtomicBool,
}

/// Hands over what waits when it is dropped: at the end of a verb, however that ends.
pub(crate) struct Delivery<'a, 'py>(&'a LogQueue, Python<'py>);

impl LogQueue {
    /// A queue that gets the records of a vault, first those since it was opened.
    pub(crate) fn of(vault: &Vault) -> Arc<Self> {
        let queue = Arc::<Self>::default();
        let sink = Arc::clone(&queue);
        vault.set_log(Some(Arc::new(move |record| sink.push(record))));
        queue
    }

    pub(crate) fn deliver_after<'a, 'py>(&'a self, py: Python<'py>) -> Delivery<'a, 'py> {
        Delivery(self, py)
    }

    pub(crate) fn deliver(&self, py: Python<'_>) {
        if !self.any.swap(false, AcqRel) {
            return;
        }
        for record in std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner)) {
            // A handler that raises is the program's own, and no reason for the verb to fail.
            if let Err(raised) = log(py, &record) {
                raised.write_unraisable(py, None);
            }
        }
    }

    fn push(&self, record: &LogRecord) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
        self.any.store(true, Release);
    }
}

impl Drop for Delivery<'_, '_> {
    fn drop(&mut self) {
        self.0.deliver(self.1);
    }
}

fn log(py: Python<'_>, record: &LogRecord) -> PyResult<()> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let logger = LOGGER.get_or_try_init(py, || {
        PyResult::Ok(py.import("logging")?.call_method1("getLogger", ("libvault",))?.unbind())
    })?;
    let level = match record.level {
        LogLevel::Info => 20,
        LogLevel::Warning => 30,
    };
    let (extra, keywords) = (PyDict::new(py), PyDict::new(py));
    extra.set_item("libvault_event", record.event)?;
    keywords.set_item("extra", extra)?;
    logger.bind(py).call_method("log", (level, "%s", &record.message), Some(&keywords)).map(drop)
}
