//! The circuit breaker of one customer's key: a KMS that does not answer is left alone for a while instead of holding up every caller.
//!
//! Source: M. Nygard, *Release It!*, "Circuit Breaker": closed, open, and half-open, where one call finds out how things are.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::nanoseconds;

/// So many calls in a row, each with all its attempts, have to end without an answer.
const FAILURES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Only an unreachable KMS opens it: a refusal is an answer. Reading it takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: AtomicU32,
    /// Pauses in a row; each is twice as long as the one before.
    pauses: AtomicU32,
    /// In nanoseconds of the clock; 0 while calls are let through.
    open_until: AtomicU64,
}

/// How a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Ordinary,
    /// The one call after a pause that finds out whether the KMS is back.
    Probe,
}

/// How a call ended, as far as the breaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Answered,
    Unanswered,
    /// The caller had no patience, or the KMS is busy: that says nothing.
    Unknown,
}

impl Breaker {
    /// Lets a call through, or says how long the pause still takes.
    pub(crate) fn admit(&self, now: Duration) -> Result<Admission, Duration> {
        let now = nanoseconds(now);
        loop {
            let until = self.open_until.load(Ordering::Acquire);
            if until == 0 {
                return Ok(Admission::Ordinary);
            }
            if now < until {
                return Err(Duration::from_nanos(until - now));
            }
            // Should the probe never end, another one follows after as long a pause.
            let next = now + nanoseconds(self.pause());
            if self.open_until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Ok(Admission::Probe);
            }
        }
    }

    /// The rest of a pause, for those who want to use a key without calling its KMS.
    pub(crate) fn pause_left(&self, now: Duration) -> Option<Duration> {
        let left = self.open_until.load(Ordering::Acquire).saturating_sub(nanoseconds(now));
        (left > 0).then(|| Duration::from_nanos(left))
    }

    /// Returns whether this opened the circuit.
    pub(crate) fn record(&self, admission: Admission, ending: Ending, now: Duration) -> bool {
        match ending {
            Ending::Unknown => {
                if admission == Admission::Probe {
                    self.give_back_probe(now);
                }
                false
            }
            Ending::Answered => {
                self.failures.store(0, Ordering::Relaxed);
                self.pauses.store(0, Ordering::Relaxed);
                self.open_until.store(0, Ordering::Release);
                false
            }
            Ending::Unanswered => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                // Of many calls that were under way together, the first one opens; the others say nothing new.
                let is_open = self.open_until.load(Ordering::Acquire) != 0;
                let opens = admission == Admission::Probe || (failures >= FAILURES && !is_open);
                if opens {
                    let pause = self.pause();
                    self.pauses.fetch_add(1, Ordering::Relaxed);
                    self.open_until.store(nanoseconds(now + pause), Ordering::Release);
                }
                opens
            }
        }
    }

    /// A probe that found nothing out: the next call is another one.
    pub(crate) fn give_back_probe(&self, now: Duration) {
        self.open_until.store(nanoseconds(now).max(1), Ordering::Release);
    }

    fn pause(&self) -> Duration {
        let doublings = self.pauses.load(Ordering::Relaxed).min(5);
        (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        for number in 1..=FAILURES {
            let admission = breaker.admit(START).unwrap();
            assert_eq!(breaker.record(admission, Ending::Unanswered, START), number == FAILURES);
        }
        breaker
    }

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_lets_one_probe_through_after_the_pause() {
        let breaker = opened();
        assert_eq!(breaker.admit(START), Err(FIRST_PAUSE));
        assert_eq!(breaker.pause_left(START), Some(FIRST_PAUSE));
        let later = START + FIRST_PAUSE;
        assert_eq!(breaker.pause_left(later), None);
        assert_eq!(breaker.admit(later), Ok(Admission::Probe));
        assert!(breaker.admit(later).is_err(), "the others wait for the probe");
        breaker.record(Admission::Probe, Ending::Answered, later);
        assert_eq!(breaker.admit(later), Ok(Admission::Ordinary));
    }

    #[test]
    fn a_failed_probe_doubles_the_pause_up_to_30_seconds() {
        let (breaker, mut now) = (opened(), START);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = breaker.admit(now).unwrap_err();
            pauses.push(pause.as_secs());
            now += pause;
            assert_eq!(breaker.admit(now), Ok(Admission::Probe));
            assert!(breaker.record(Admission::Probe, Ending::Unanswered, now));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn calls_that_failed_together_count_as_one_opening() {
        let breaker = opened();
        for _ in 0..50 {
            assert!(!breaker.record(Admission::Ordinary, Ending::Unanswered, START));
        }
        assert_eq!(breaker.admit(START), Err(FIRST_PAUSE));
    }

    #[test]
    fn an_answer_in_between_begins_anew_and_an_unknown_ending_says_nothing() {
        let breaker = Breaker::default();
        for round in 0..20 {
            let ending = if round % 4 == 3 { Ending::Answered } else { Ending::Unanswered };
            assert!(!breaker.record(breaker.admit(START).unwrap(), ending, START));
            assert!(!breaker.record(breaker.admit(START).unwrap(), Ending::Unknown, START));
        }
    }

    #[test]
    fn a_probe_that_finds_nothing_out_is_followed_by_another_at_once() {
        let breaker = opened();
        let later = START + FIRST_PAUSE;
        assert_eq!(breaker.admit(later), Ok(Admission::Probe));
        assert!(!breaker.record(Admission::Probe, Ending::Unknown, later));
        assert_eq!(breaker.admit(later), Ok(Admission::Probe));
    }

    #[test]
    fn a_probe_that_never_ends_is_followed_by_another() {
        let breaker = opened();
        let later = START + FIRST_PAUSE;
        assert_eq!(breaker.admit(later), Ok(Admission::Probe));
        let pause = breaker.admit(later).unwrap_err();
        assert_eq!(breaker.admit(later + pause), Ok(Admission::Probe));
    }
}
