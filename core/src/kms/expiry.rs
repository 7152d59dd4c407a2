//! A warning before something expires that nobody but its owner can renew: a certificate of the vendor's, key material that a customer imported.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::log::Log;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Time enough to have it renewed, in organizations too where that needs an approval.
const NOTICE: u64 = 30;

/// When something expires, and who is to be told.
pub(super) struct Expiry {
    after: SystemTime,
    /// The name of the event in the log.
    event: &'static str,
    what: String,
    advice: &'static str,
    log: Arc<Log>,
    /// The day of the last warning, counted from the epoch. A day has one.
    warned: AtomicU64,
}

impl Expiry {
    pub(super) fn new(
        after: SystemTime,
        event: &'static str,
        what: String,
        advice: &'static str,
        log: &Arc<Log>,
    ) -> Self {
        Self { after, event, what, advice, log: Arc::clone(log), warned: AtomicU64::new(0) }
    }

    /// Warns from 30 days before the end on, once a day and for each opening or reload. To be called where the host may be: its log sink is.
    pub(super) fn check(&self, now: SystemTime) {
        let left = self.after.duration_since(now).ok();
        let days_left = left.map(|left| left.as_secs() / DAY.as_secs());
        if days_left.is_some_and(|days| days >= NOTICE) {
            return;
        }
        let today = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / DAY.as_secs();
        if self.warned.swap(today, Ordering::Relaxed) == today {
            return;
        }
        let end = humantime::format_rfc3339_seconds(self.after);
        let when = match days_left {
            None => format!("expired at {end}"),
            Some(days) => format!("expires at {end} (days left: {days})"),
        };
        self.log.warn(self.event, format!("{} {when}: {}", self.what, self.advice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiry(log: &Arc<Log>) -> Expiry {
        let after = SystemTime::UNIX_EPOCH + 1_000 * DAY;
        Expiry::new(after, "certificate_expiring", "a certificate".to_owned(), "renew it", log)
    }

    fn warnings_at(now: SystemTime) -> Vec<String> {
        let log = Arc::default();
        expiry(&log).check(now);
        log.waiting_warnings()
    }

    #[test]
    fn it_is_warned_of_from_30_days_before_the_end_on() {
        let day = |number| SystemTime::UNIX_EPOCH + number * DAY;
        assert!(warnings_at(day(970)).is_empty());
        assert!(
            warnings_at(day(970) + Duration::from_secs(1))[0]
                .contains("expires at 1972-09-27T00:00:00Z (days left: 29)")
        );
        assert!(warnings_at(day(999))[0].contains("days left: 1)"));
        assert!(warnings_at(day(1_001))[0].contains("expired at 1972-09-27T00:00:00Z"));
    }

    #[test]
    fn a_day_has_one_warning() {
        let log = Arc::default();
        let expiry = expiry(&log);
        let hour = Duration::from_secs(3600);
        for hours in 0..48 {
            expiry.check(SystemTime::UNIX_EPOCH + 990 * DAY + hours * hour);
        }
        assert_eq!(log.waiting_warnings().len(), 2);
    }
}
