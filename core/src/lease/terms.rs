//! The terms under which a data key may be used again, and the account of its use.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Consent, LeaseRules};
use crate::audit::Ledger;
use crate::clock::nanoseconds;
use crate::engine::Process;

/// Messages under a lease are reported at least so often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// For how long a stream uses its key without asking again where there are no leases: asking for every piece would be asking thousands of times a second.
const STREAM_WITHOUT_LEASES: Duration = Duration::from_secs(1);

pub(crate) struct Terms {
    consent: Consent,
    time: Range<Duration>,
    max_messages: u64,
    max_bytes: u64,
    messages: AtomicU64,
    bytes: AtomicU64,
    /// In nanoseconds of the clock.
    next_report: AtomicU64,
    ledger: Option<Ledger>,
    /// Who drew the data key: a child of a fork and a restored copy have no part in it.
    process: Process,
}

impl Terms {
    pub(super) fn new(
        rules: LeaseRules,
        consent: Consent,
        ledger: Option<Ledger>,
        process: Process,
        now: Duration,
    ) -> Self {
        // A data key to which nobody had to agree is not kept.
        let time = consent.time(rules.max_age).unwrap_or(now..now);
        let next_report = AtomicU64::new(nanoseconds(now + REPORT_EVERY));
        let LeaseRules { max_messages, max_bytes, .. } = rules;
        let (messages, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { consent, time, max_messages, max_bytes, messages, bytes, next_report, ledger, process }
    }

    /// The terms of a data key that only one stream uses; none if its keys cannot refuse.
    pub(super) fn of_stream(rules: LeaseRules, consent: Consent, process: Process, now: Duration) -> Option<Self> {
        let max_age = if rules.max_age.is_zero() { STREAM_WITHOUT_LEASES } else { rules.max_age };
        let rules = LeaseRules { max_age, ..rules };
        consent.depends_on_any().then(|| Self::new(rules, consent, None, process, now))
    }

    /// Whether the data key may be used now: its time is not over, and nobody took back the agreement. A clock that goes back proves nothing.
    pub(crate) fn hold(&self, now: Duration) -> bool {
        self.time.contains(&now) && self.consent.holds() && self.process == Process::current()
    }

    pub(super) fn can_be_asked(&self, now: Duration) -> bool {
        self.consent.can_be_asked(now)
    }

    /// Counts a message; `false` if the lease has no room for it.
    pub(super) fn take(&self, bytes: u64, now: Duration) -> bool {
        let add = |counter: &AtomicU64, count: u64, most: u64| {
            let more = |counted: u64| counted.checked_add(count).filter(|counted| *counted <= most);
            counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
        };
        if !add(&self.bytes, bytes, self.max_bytes) {
            return false;
        }
        if !add(&self.messages, 1, self.max_messages) {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.report_if_due(now);
        true
    }

    pub(super) fn report_if_due(&self, now: Duration) {
        if let Some(ledger) = &self.ledger {
            let due = self.next_report.load(Ordering::Relaxed);
            let (now, next) = (nanoseconds(now), nanoseconds(now + REPORT_EVERY));
            if now >= due && self.next_report.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                ledger.report(self.messages.load(Ordering::Relaxed));
            }
        }
    }
}

/// The end of a lease: what was not reported yet.
impl Drop for Terms {
    fn drop(&mut self) {
        // A child of a fork leaves it to its parent, which counts on.
        if let Some(ledger) = &self.ledger
            && self.process.is_this_one()
        {
            ledger.report(self.messages.load(Ordering::Relaxed));
        }
    }
}
