//! What is worth a line in the host's log. Nothing is ever printed: without a sink, records wait in a bounded list.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

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
    /// What happened, for programs: `development`, `misspelt_name`, `missing_wrap`, `failover`, `reloaded`, `reload_failed`, `memory_not_locked`, `audit_repaired`.
    pub event: &'static str,
    /// What happened, for people.
    pub message: String,
}

/// Where records go. It is called on the thread that does the work, outside of all locks, and must not block.
pub type LogSink = Arc<dyn Fn(&LogRecord) + Send + Sync>;

/// Records that wait for a sink; older ones make room.
const MAX_BACKLOG: usize = 1_000;

#[derive(Default)]
pub(crate) struct Log(Mutex<State>);

#[derive(Default)]
struct State {
    sink: Option<LogSink>,
    backlog: VecDeque<LogRecord>,
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
        let waiting = {
            let mut state = self.lock();
            state.sink = sink.clone();
            if sink.is_some() { std::mem::take(&mut state.backlog) } else { VecDeque::new() }
        };
        if let Some(sink) = sink {
            waiting.iter().for_each(|record| sink(record));
        }
    }

    /// The warnings that wait for a sink.
    pub(crate) fn waiting_warnings(&self) -> Vec<String> {
        let state = self.lock();
        let warnings = state.backlog.iter().filter(|record| record.level == LogLevel::Warning);
        warnings.map(|record| record.message.clone()).collect()
    }

    fn record(&self, record: LogRecord) {
        let sink = {
            let mut state = self.lock();
            if state.sink.is_none() {
                if state.backlog.len() == MAX_BACKLOG {
                    state.backlog.pop_front();
                }
                state.backlog.push_back(record.clone());
            }
            state.sink.clone()
        };
        if let Some(sink) = sink {
            sink(&record);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
