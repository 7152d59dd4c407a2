//! The library's log, on its way to JavaScript's thread.

use std::sync::{Arc, Mutex, PoisonError};

use libvault::Vault;
use napi::bindgen_prelude::{External, Function};
use napi::threadsafe_function::ThreadsafeFunctionCallMode::NonBlocking;
use napi_derive::napi;

use crate::errors::{Outcome, outcome};

/// Records that wait for the event loop; what comes while it is blocked for that long is dropped.
const MAX_QUEUE: usize = 1_000;

/// One line for the log.
#[napi(object, object_from_js = false)]
pub(crate) struct LogRecord {
    /// `info` or `warning`.
    pub level: String,
    /// What happened, for programs.
    pub event: String,
    /// What happened, for people.
    pub message: String,
}

/// Calls `listener` on JavaScript's thread with every record to come, and with those that wait. It does not keep the process alive.
#[napi]
pub(crate) fn set_log(vault: &External<Vault>, listener: Function<'_, LogRecord, ()>) -> napi::Result<Outcome<bool>> {
    let queue = listener.build_threadsafe_function().max_queue_size::<MAX_QUEUE>().weak::<true>().build()?;
    Ok(outcome(|| {
        vault.set_log(Some(Arc::new(move |record| {
            // Any other status than success means a full queue, or that this JavaScript thread has ended: nobody is left to be told.
            let _ = queue.call(record.into(), NonBlocking);
        })));
        Ok(true)
    }))
}

/// What was logged since the vault was opened.
pub(crate) fn take_records(vault: &Vault) -> Vec<LogRecord> {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&taken);
    let sink = move |record: &libvault::LogRecord| lock(&into).push(record.into());
    vault.set_log(Some(Arc::new(sink)));
    vault.set_log(None);
    std::mem::take(&mut *lock(&taken))
}

fn lock(records: &Mutex<Vec<LogRecord>>) -> std::sync::MutexGuard<'_, Vec<LogRecord>> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<&libvault::LogRecord> for LogRecord {
    fn from(record: &libvault::LogRecord) -> Self {
        Self { level: record.level.name().to_owned(), event: record.event.to_owned(), message: record.message.clone() }
    }
}
