//! The agreement of customers' keys to the use of one data key.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::registry::CustomerKey;

/// Which keys agreed, and how often each had refused when it was asked. A key that refused since has taken its agreement back.
#[derive(Clone, Default)]
pub(crate) struct Consent {
    asked_at: Option<Duration>,
    ends_at: Option<Duration>,
    keys: Vec<Watched>,
}

/// A key whose refusal ends the use of the data key.
#[derive(Clone)]
struct Watched {
    key: Arc<CustomerKey>,
    /// How often it had refused when it was asked.
    refusals: u64,
    /// It wrapped or unwrapped, as opposed to standing by.
    agreed: bool,
}

/// How often a key had refused before it was asked; none for keys that cannot refuse.
#[derive(Clone, Copy)]
pub(crate) struct Seen(Option<u64>);

impl Consent {
    /// Notes the time of a request, which is about to be sent.
    pub(crate) fn asks_at(&mut self, now: Duration) {
        self.asked_at.get_or_insert(now);
    }

    /// Some of what the data key depends on is to be looked up again then.
    pub(crate) fn ends_at(&mut self, time: Duration) {
        self.ends_at = Some(self.ends_at.map_or(time, |earlier| earlier.min(time)));
    }

    /// Looks at a key before it is asked.
    pub(crate) fn look(key: &CustomerKey) -> Seen {
        Seen(key.kek.health().map(|health| health.refusals()))
    }

    /// The data key may be used for as long as this key does not refuse again.
    pub(crate) fn depends_on(&mut self, key: &Arc<CustomerKey>, seen: Seen, agreed: bool) {
        if let Seen(Some(refusals)) = seen {
            self.keys.push(Watched { key: Arc::clone(key), refusals, agreed });
        }
    }

    /// Whether the first request was sent so long ago. The clock is read only if there was one.
    pub(crate) fn is_older_than(&self, age: Duration, now: impl FnOnce() -> Duration) -> bool {
        self.asked_at.is_some_and(|asked_at| now().saturating_sub(asked_at) > age)
    }

    /// Whether any key can take it back.
    pub(super) fn depends_on_any(&self) -> bool {
        !self.keys.is_empty()
    }

    /// From when to when the data key may be used, given for how long after the first request; none if nobody was asked.
    pub(super) fn time(&self, max_age: Duration) -> Option<Range<Duration>> {
        let begins = self.asked_at?;
        let ends = begins + max_age;
        Some(begins..self.ends_at.map_or(ends, |earlier| earlier.min(ends)))
    }

    /// Whether no key refused since.
    pub(super) fn holds(&self) -> bool {
        self.keys
            .iter()
            .all(|Watched { key, refusals, .. }| key.kek.health().is_some_and(|health| health.refusals() == *refusals))
    }

    /// Whether every key that agreed can be asked at present whether it still does.
    pub(super) fn can_be_asked(&self, now: Duration) -> bool {
        let mut agreed = self.keys.iter().filter(|watched| watched.agreed);
        agreed.all(|watched| watched.key.kek.health().is_some_and(|health| health.check_breaker(now).is_ok()))
    }
}
