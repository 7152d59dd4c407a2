//! What is worth a line in the host's log. Nothing is ever printed: without a sink, records wait in a bounded list.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use libvault_memory::ForkLocal;

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Something changed as it was meant to.
    Info,
    /// Someone should look at it.
    Warning,
}

impl LogLevel {
    /// `info` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }
}

/// One line for the log. It holds no secret and no context value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// What happened, for programs: `docs/log.md` has them all, `circuit_open` is one.
    pub event: &'static str,
    /// What happened, for people.
    pub message: String,
}

/// Where records go. It is called on the thread that does the work, outside of all locks, and must not block.
pub type LogSink = Arc<dyn Fn(&LogRecord) + Send + Sync>;

/// Records that wait for a sink; older ones make room.
const MAX_BACKLOG: usize = 1_000;

#[derive(Default)]
pub(crate) struct Log {
    /// A sink of the host is used in its children too.
    sink: ArcSwapOption<LogSink>,
    /// What waits is the process's own, and so is its lock.
    backlog: ForkLocal<Mutex<VecDeque<LogRecord>>>,
}

impl Log {
    pub(crate) fn info(&self, event: &'static str, message: impl Into<String>) {
        self.record(LogRecord { level: LogLevel::Info, event, message: message.into() });
    }

    pub(crate) fn warn(&self, event: &'static str, message: impl Into<String>) {
        self.record(LogRecord { level: LogLevel::Warning, event, message: message.into() });
    }

    /// A new sink first gets what is waiting.
    pub(crate) fn set_sink(&self, sink: Option<LogSink>) {
        self.sink.store(sink.map(Arc::new));
        self.deliver();
    }

    /// The warnings that wait for a sink.
    pub(crate) fn waiting_warnings(&self) -> Vec<String> {
        let backlog = self.backlog();
        let warnings = backlog.iter().filter(|record| record.level == LogLevel::Warning);
        warnings.map(|record| record.message.clone()).collect()
    }

    fn record(&self, record: LogRecord) {
        {
            let mut backlog = self.backlog();
            if backlog.len() == MAX_BACKLOG {
                backlog.pop_front();
            }
            backlog.push_back(record);
        }
        self.deliver();
    }

    /// Hands what waits to the sink, if there is one, outside of the lock.
    fn deliver(&self) {
        if let Some(sink) = self.sink.load_full() {
            let waiting = std::mem::take(&mut *self.backlog());
            waiting.iter().for_each(|record| sink(record));
        }
    }

    pub(crate) fn backlog(&self) -> MutexGuard<'_, VecDeque<LogRecord>> {
        self.backlog.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_gets_what_waited_and_what_comes() {
        let (log, seen) = (Log::default(), Arc::new(Mutex::new(Vec::new())));
        log.warn("a", "first");
        assert_eq!(log.waiting_warnings(), ["first"]);
        let into = Arc::clone(&seen);
        log.set_sink(Some(Arc::new(move |record| into.lock().unwrap().push(record.message.clone()))));
        log.info("b", "second");
        assert_eq!(*seen.lock().unwrap(), ["first", "second"]);
        assert!(log.waiting_warnings().is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let log = Log::default();
        (0..MAX_BACKLOG + 5).for_each(|number| log.warn("a", number.to_string()));
        assert_eq!(log.waiting_warnings().len(), MAX_BACKLOG);
        assert_eq!(log.waiting_warnings()[0], "5");
    }
}
