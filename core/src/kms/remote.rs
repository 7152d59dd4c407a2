//! A customer's key behind a network, whichever its provider: deadlines, retries, circuit breaker and bulkhead stand here, once for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::attempts::CallFailure;
use super::breaker::{Admission, Breaker, Ending};
use super::bulkhead::Bulkhead;
use super::{BoxFuture, Kek, KmsFailure, KmsReply, Timeouts, UnwrapRequest, WrapRequest, attempts};
use crate::clock::Clock;
use crate::envelope::WRAP_PLAINTEXT;
use crate::error::ErrorCode;
use crate::log::Log;
use crate::secret::Secret;
use crate::stats::Counters;

/// What is known of a customer's key while the process runs. It belongs to the key, not to a configuration: a reload keeps it.
#[derive(Default)]
pub(crate) struct KeyHealth {
    refusals: AtomicU64,
    breaker: Breaker,
    bulkhead: Bulkhead,
}

impl KeyHealth {
    /// How often the KMS refused the key. Whatever the key opened under a lower number is not to be used any more.
    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Acquire)
    }

    /// # Errors
    /// `CircuitOpen` while the KMS is left alone.
    pub(crate) fn check_breaker(&self, now: Duration) -> Result<(), KmsFailure> {
        self.breaker.pause_left(now).map_or(Ok(()), |left| Err(circuit_open(left)))
    }
}

/// A provider's key with the policy around it. The provider makes one attempt a call.
pub(crate) struct RemoteKey {
    key: Box<dyn Kek>,
    health: Arc<KeyHealth>,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    log: Arc<Log>,
    name: String,
}

impl RemoteKey {
    pub(crate) fn new(
        key: Box<dyn Kek>,
        name: &str,
        health: Arc<KeyHealth>,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
        log: Arc<Log>,
    ) -> Self {
        Self { key, health, timeouts, clock, counters, log, name: name.to_owned() }
    }

    async fn call<T, F>(&self, deadline: Option<Instant>, attempt: impl FnMut() -> F) -> Result<T, KmsFailure>
    where
        F: Future<Output = Result<T, KmsFailure>>,
    {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + self.timeouts.total);
        let _place = match self.health.check_breaker(self.clock.now()) {
            Ok(()) => self.health.bulkhead.enter(deadline).await.inspect_err(|_| self.counters.kms_shed.count())?,
            Err(failure) => return Err(failure),
        };
        // Again: it may have opened while this call waited for its place.
        let admission = self.health.breaker.admit(self.clock.now()).map_err(circuit_open)?;
        let probe = (admission == Admission::Probe).then(|| Probe { health: &self.health, clock: &*self.clock });
        let outcome = attempts::run(self.timeouts, deadline, attempt).await;
        std::mem::forget(probe);
        let ending = match &outcome {
            Ok(_) => Ending::Answered,
            Err(failure) if failure.failure.is_refusal() => {
                // Before the refusal is told to anybody.
                self.health.refusals.fetch_add(1, Ordering::AcqRel);
                Ending::Answered
            }
            Err(failure) if failure.is_unanswered => Ending::Unanswered,
            Err(failure) if failure.failure.is_unavailability() => Ending::Unknown,
            Err(CallFailure {
                failure: KmsFailure { code: ErrorCode::Internal | ErrorCode::InvalidArgument, .. },
                ..
            }) => Ending::Unknown,
            Err(_) => Ending::Answered,
        };
        if self.health.breaker.record(admission, ending, self.clock.now()) {
            self.counters.circuits_opened.count();
            let message =
                format!("the KMS of key {} ({}) does not answer: calls to it pause", self.name, self.provider());
            self.log.warn("circuit_open", message);
        }
        outcome.map_err(|failure| failure.failure)
    }
}

impl Kek for RemoteKey {
    fn provider(&self) -> &'static str {
        self.key.provider()
    }

    fn needs_network(&self) -> bool {
        true
    }

    fn blob_length_limit(&self) -> usize {
        self.key.blob_length_limit()
    }

    fn wrap<'a>(&'a self, request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        Box::pin(self.call(request.deadline, move || self.key.wrap(request)))
    }

    fn unwrap<'a>(
        &'a self,
        request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>> {
        Box::pin(self.call(request.deadline, move || self.key.unwrap(request)))
    }

    fn health(&self) -> Option<&Arc<KeyHealth>> {
        Some(&self.health)
    }

    fn after_restore(&self) {
        self.key.after_restore();
    }
}

/// The call that finds out how things are. Should its caller go away, another one does.
struct Probe<'a> {
    health: &'a KeyHealth,
    clock: &'a dyn Clock,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        self.health.breaker.give_back_probe(self.clock.now());
    }
}

fn circuit_open(left: Duration) -> KmsFailure {
    let message = format!("the KMS did not answer the last calls: the next try is in {} ms", left.as_millis() + 1);
    KmsFailure::new(ErrorCode::CircuitOpen, message)
}
