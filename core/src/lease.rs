//! Data-key leases (promise P3, `docs/leases.md`): a data key to which customers' keys agreed serves further messages for a while, without another
//! call to a KMS. Whether a lease may be used is judged at every use, and once more before the result leaves. No I/O.

use std::sync::Arc;
use std::time::Duration;

mod cache;
mod consent;
mod flight;
mod sweeper;
mod terms;
#[cfg(all(test, feature = "sqlite"))]
pub(crate) mod tests;

pub(crate) use consent::Consent;
pub(crate) use terms::Terms;

use crate::audit::{Audit, Ledger};
use crate::clock::Clock;
use crate::engine::Process;
use crate::envelope::{COMMITMENT_LENGTH, MessageKeys};
use crate::error::Result;
use crate::stats::Counters;
use cache::Cache;
use flight::{Flights, Role, Waited};
use sweeper::Sweeper;

/// What names a lease: a digest of everything that has to be the same.
pub(crate) type Slot = [u8; 32];

/// The hard maximum of the revocation bound (P3).
pub(crate) const MAX_LEASE_AGE: Duration = Duration::from_secs(300);

/// How long and for how much a data key may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseRules {
    /// Counted from the moment the first request to a KMS was sent; zero: no leases.
    pub(crate) max_age: Duration,
    pub(crate) max_messages: u64,
    /// Bytes of plaintext, those of streams left out.
    pub(crate) max_bytes: u64,
}

/// A data key and the terms of its further use.
pub(crate) struct Lease<T> {
    pub(crate) value: T,
    pub(crate) terms: Arc<Terms>,
}

/// A data key for writing, with the bundle that every envelope of the lease carries.
pub(crate) struct Sealing {
    /// The bundle's body, its MAC included.
    pub(crate) body: Vec<u8>,
    pub(crate) commitment: [u8; COMMITMENT_LENGTH],
    pub(crate) keys: MessageKeys,
}

/// Until when a stream may use its key before its keys are asked again.
#[derive(Clone, Default)]
pub(crate) struct Hold(Option<Arc<Terms>>);

impl Hold {
    pub(crate) fn of_lease<T>(lease: &Lease<T>) -> Self {
        Self(Some(Arc::clone(&lease.terms)))
    }

    /// Whether there is anything to ask again.
    pub(crate) fn can_end(&self) -> bool {
        self.0.is_some()
    }

    /// Never, for keys that cannot refuse.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        self.0.as_ref().is_some_and(|terms| !terms.hold(now))
    }
}

/// The leases of one configuration. A reload begins with none.
pub(crate) struct Leases {
    rules: LeaseRules,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    sweeper: Sweeper,
    pub(crate) writing: Shelf<Sealing>,
    pub(crate) reading: Shelf<MessageKeys>,
}

/// The leases of one kind.
pub(crate) struct Shelf<T> {
    cache: Cache<T>,
    flights: Flights<T>,
}

impl<T> Shelf<T> {
    fn new(most_per_shard: usize) -> Self {
        Self { cache: Cache::new(most_per_shard), flights: Flights::default() }
    }
}

/// What a call that leads a flight brings home: a value, and who agreed to it.
pub(crate) struct Loaded<T> {
    pub(crate) value: T,
    pub(crate) consent: Consent,
    pub(crate) ledger: Option<Ledger>,
    /// Who asked.
    pub(crate) process: Process,
}

impl Leases {
    pub(crate) fn new(rules: LeaseRules, clock: Arc<dyn Clock>, counters: Arc<Counters>) -> Self {
        let sweeper = Sweeper::default();
        Self { rules, clock, counters, sweeper, writing: Shelf::new(64), reading: Shelf::new(256) }
    }

    /// Whether data keys are used more than once at all.
    pub(crate) fn are_given(&self) -> bool {
        !self.rules.max_age.is_zero()
    }

    /// A lease that may be used now for a message of `bytes`; it is counted. Takes no lock.
    ///
    /// While a key that agreed cannot be asked whether it still does, there is none: the call asks, fails with `CircuitOpen`, or fails over.
    pub(crate) fn hit<T: Send + Sync>(&self, shelf: &Shelf<T>, slot: &Slot, bytes: u64) -> Option<Arc<Lease<T>>> {
        let (lease, now) = (shelf.cache.get(slot)?, self.clock.now());
        let may_be_used = lease.terms.hold(now) && lease.terms.can_be_asked(now) && lease.terms.take(bytes, now);
        may_be_used.then(|| {
            self.counters.lease_hits.count();
            lease
        })
    }

    /// A lease from whoever asks the KMS first: the others wait for that answer. A failure is told to those who waited for it and to nobody after them.
    pub(crate) async fn join_or_load<T: Send + Sync, F>(
        &self,
        shelf: &Shelf<T>,
        slot: Slot,
        bytes: u64,
        deadline: Option<tokio::time::Instant>,
        load: impl FnOnce() -> F,
    ) -> Result<Arc<Lease<T>>>
    where
        F: Future<Output = Result<Loaded<T>>>,
    {
        let flight = loop {
            match shelf.flights.join(slot, deadline) {
                Role::Leads(flight) => {
                    // Between the look into the cache and here another flight may have landed.
                    let Some(lease) = self.hit(shelf, &slot, bytes) else { break Some(flight) };
                    flight.land(Ok(Arc::clone(&lease)));
                    return Ok(lease);
                }
                Role::Waits(landing) => match landing.await {
                    Waited::AskAnew => {}
                    Waited::InVain => break None,
                    Waited::Landed(Err(error)) => return Err(error),
                    Waited::Landed(Ok(lease)) => {
                        let now = self.clock.now();
                        if lease.terms.hold(now) && lease.terms.take(bytes, now) {
                            self.counters.lease_hits.count();
                            return Ok(lease);
                        }
                        // The answer came too late for anybody but the one who asked. One after the other would be slower still.
                        break None;
                    }
                },
            }
        };
        let loaded = load().await.map(|loaded| self.put(shelf, slot, loaded, bytes));
        if let Some(flight) = flight {
            flight.land(loaded.clone());
        }
        loaded
    }

    /// What an open KMS call brought home. It is kept only if it may still be used: a key that refused meanwhile takes back what it agreed to before.
    fn put<T: Send + Sync>(&self, shelf: &Shelf<T>, slot: Slot, loaded: Loaded<T>, bytes: u64) -> Arc<Lease<T>> {
        let Loaded { value, consent, ledger, process } = loaded;
        let now = self.clock.now();
        let terms = Arc::new(Terms::new(self.rules, consent, ledger, process, now));
        // The message of the call that asked is the first one, whatever the terms are.
        terms.take(bytes, now);
        let lease = Arc::new(Lease { value, terms });
        if lease.terms.hold(now) {
            self.counters.leases_opened.count();
            shelf.cache.insert(slot, Arc::clone(&lease), |other| other.terms.hold(now));
        }
        lease
    }

    /// Until when a stream may use a key that is its own.
    pub(crate) fn hold_of_stream(&self, consent: Consent, process: Process) -> Hold {
        Hold(Terms::of_stream(self.rules, consent, process, self.clock.now()).map(Arc::new))
    }

    /// Drops leases soon after they end, for as long as there are any, where a runtime is at hand; else with the next ones.
    pub(crate) fn keep_swept(self: &Arc<Self>, audit: Option<&Audit>) {
        self.sweeper.start(self, audit);
    }

    /// Drops what may not be used any more, and reports what was used. Returns whether anything is left.
    fn sweep(&self) -> bool {
        let now = self.clock.now();
        let stays = |terms: &Terms| {
            let holds = terms.hold(now);
            if holds {
                terms.report_if_due(now);
            }
            holds
        };
        let writing = self.writing.cache.retain(|lease| stays(&lease.terms));
        let reading = self.reading.cache.retain(|lease| stays(&lease.terms));
        writing || reading
    }

    fn is_empty(&self) -> bool {
        !self.writing.cache.retain(|_| true) && !self.reading.cache.retain(|_| true)
    }

    pub(crate) fn clear(&self) {
        self.writing.cache.retain(|_| false);
        self.reading.cache.retain(|_| false);
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }
}
