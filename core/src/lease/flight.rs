//! Single-flight: of all who miss the same lease at once, one asks the KMS and the others wait for its answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libvault_memory::ForkLocal;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{Lease, Slot};
use crate::error::{Error, ErrorCode, Result};

/// A caller who has so much more time than the one who asked does not share his running out of it.
const MORE_PATIENT: Duration = Duration::from_millis(100);

/// A child of a fork begins without: whoever asked for its parent does not exist here.
pub(super) struct Flights<T>(ForkLocal<Mutex<HashMap<Slot, Landing<T>>>>);

/// What those who wait get: nothing yet, or how the flight ended.
type Landing<T> = watch::Receiver<Option<Ended<T>>>;

struct Ended<T> {
    outcome: Result<Arc<Lease<T>>>,
    deadline: Option<Instant>,
}

pub(super) enum Role<'a, T: Send + Sync, W> {
    Leads(Flight<'a, T>),
    Waits(W),
}

/// How waiting ended.
pub(super) enum Waited<T> {
    Landed(Result<Arc<Lease<T>>>),
    /// The one who asked went away, or gave up for reasons of its own.
    AskAnew,
    /// There is no answer yet, and not much time left.
    InVain,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(ForkLocal::new())
    }
}

impl<T: Send + Sync> Flights<T> {
    /// Joins the flight for the slot, or begins one.
    pub(super) fn join(
        &self,
        slot: Slot,
        deadline: Option<Instant>,
    ) -> Role<'_, T, impl Future<Output = Waited<T>> + use<T>> {
        let mut flights = self.lock();
        if let Some(landing) = flights.get(&slot) {
            return Role::Waits(wait(landing.clone(), deadline));
        }
        let (landing, waiting) = watch::channel(None);
        flights.insert(slot, waiting);
        Role::Leads(Flight { flights: self, slot, landing, deadline })
    }

    /// While what this gives is held, whoever misses a lease waits for the lock.
    #[cfg(all(test, feature = "sqlite"))]
    pub(super) fn hold_lock(&self) -> impl Sized + '_ {
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Landing<T>>> {
        self.0.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn wait<T>(mut landing: Landing<T>, deadline: Option<Instant>) -> Waited<T> {
    let landed = landing.wait_for(Option::is_some);
    // Whoever asks may be one whom nobody polls, in the very task that waits here: half of the time is kept for asking oneself.
    let ended = match deadline {
        None => landed.await,
        Some(deadline) => {
            let now = Instant::now();
            match timeout_at(now + deadline.saturating_duration_since(now) / 2, landed).await {
                Ok(ended) => ended,
                Err(_) => return Waited::InVain,
            }
        }
    };
    let Ok(ended) = ended else { return Waited::AskAnew };
    let Some(Ended { outcome, deadline: their_deadline }) = ended.as_ref() else { return Waited::AskAnew };
    match outcome {
        Err(error) if !is_shared(error, *their_deadline, deadline) => Waited::AskAnew,
        outcome => Waited::Landed(outcome.clone()),
    }
}

/// What concerns only the one who asked is not the others'.
fn is_shared(error: &Error, theirs: Option<Instant>, ours: Option<Instant>) -> bool {
    match error.code() {
        ErrorCode::Cancelled | ErrorCode::WouldBlock | ErrorCode::Closed => false,
        ErrorCode::Timeout => theirs.zip(ours).is_some_and(|(theirs, ours)| ours <= theirs + MORE_PATIENT),
        _ => true,
    }
}

/// The one who asks. If it goes away without an answer, one of those who wait asks instead.
pub(super) struct Flight<'a, T: Send + Sync> {
    flights: &'a Flights<T>,
    slot: Slot,
    landing: watch::Sender<Option<Ended<T>>>,
    deadline: Option<Instant>,
}

impl<T: Send + Sync> Flight<'_, T> {
    pub(super) fn land(self, outcome: Result<Arc<Lease<T>>>) {
        // Who comes from here on finds the lease in the cache, or asks anew: a failure is not kept.
        self.flights.lock().remove(&self.slot);
        self.landing.send_replace(Some(Ended { outcome, deadline: self.deadline }));
    }
}

impl<T: Send + Sync> Drop for Flight<'_, T> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let is_ours = flights.get(&self.slot).is_some_and(|landing| landing.same_channel(&self.landing.subscribe()));
        if is_ours {
            flights.remove(&self.slot);
        }
    }
}
