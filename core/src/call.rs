//! One call of a verb: its shape, its options, and the attempt that it makes under one configuration.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use libvault_memory::WipedBytes;
use tokio::time::{Instant, sleep_until};

use crate::audit::{Operation, Trail};
use crate::context::Context;
use crate::engine::{Current, Engine, Process, Snapshot, StoreAccess};
use crate::error::{Error, ErrorCode, Result};
use crate::lease::{Consent, Hold, MAX_LEASE_AGE, Terms};
use crate::options::CallOptions;
use crate::runtime;

/// More than this is no limit, and would not fit into a point in time.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// How often a waiting thread asks whether it was interrupted.
const INTERVAL: Duration = Duration::from_millis(50);

/// How a caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// On an executor, which is never blocked.
    Async,
    /// On this thread.
    Blocking,
    /// Not for a network.
    Now,
}

/// What the work of an attempt carries along.
pub(crate) struct Task {
    pub(crate) trail: Trail,
    /// When all KMS calls of the operation together have to be done; none where no network is needed.
    pub(crate) deadline: Option<Instant>,
    /// Who agreed to the use of the data key, as far as this call asked.
    pub(crate) consent: Consent,
    pub(crate) source: Source,
}

/// Where the data key came from.
pub(crate) enum Source {
    /// This call asked its keys.
    Asked,
    /// This call asked its keys and opened a lease, which is recorded already.
    OpenedLease,
    Lease(Arc<Terms>),
}

impl Source {
    pub(crate) fn of(asked: bool, terms: &Arc<Terms>) -> Self {
        if asked { Self::OpenedLease } else { Self::Lease(Arc::clone(terms)) }
    }
}

impl Task {
    fn new(trail: Trail) -> Self {
        Self { trail, deadline: None, consent: Consent::default(), source: Source::Asked }
    }

    /// When the first of several keys has to be done of which each is another's alternative: one that hangs leaves time for the others.
    pub(crate) fn deadline_of_one(&self, alternatives: usize) -> Option<Instant> {
        let parts = u32::try_from(alternatives).unwrap_or(u32::MAX).max(1);
        let now = Instant::now();
        self.deadline.map(|deadline| now + deadline.saturating_duration_since(now) / parts)
    }
}

/// A verb that was called.
pub(crate) struct Call<'a> {
    engine: &'a Engine,
    options: &'a CallOptions,
    shape: Shape,
    operation: Operation,
    /// Of all attempts together, once one of them has needed a network.
    deadline: OnceLock<Instant>,
    /// It goes on with an operation that is counted already.
    goes_on: bool,
}

impl<'a> Call<'a> {
    /// # Errors
    /// `Closed`; `Cancelled` if its token already is.
    pub(crate) fn begin(
        engine: &'a Engine,
        options: &'a CallOptions,
        shape: Shape,
        operation: Operation,
    ) -> Result<Self> {
        engine.check_open()?;
        let call = Self { engine, options, shape, operation, deadline: OnceLock::new(), goes_on: false };
        call.refuse_cancelled()?;
        Ok(call)
    }

    /// The same as part of an operation that has begun.
    pub(crate) fn going_on(self) -> Self {
        Self { goes_on: true, ..self }
    }

    /// An attempt under the configuration that is in force now.
    ///
    /// # Errors
    /// `Closed`.
    pub(crate) fn attempt(&'a self, context: &Context) -> Result<Attempt<'a>> {
        let snapshot = self.engine.snapshot()?;
        let trail = Trail::begin(snapshot.audit.as_ref(), self.operation, self.options.actor.as_ref(), context);
        Ok(Attempt { call: self, snapshot, task: Task::new(trail), process: Process::current() })
    }

    pub(crate) fn store_access(&self) -> StoreAccess {
        if self.shape == Shape::Async { StoreAccess::OffThread } else { StoreAccess::Inline }
    }

    /// Writes to the audit trail, on a thread that may block where the shape asks for it.
    pub(crate) async fn record(&self, trail: Trail, failure: Option<&Error>) -> Result<()> {
        if self.shape == Shape::Async
            && trail.blocks()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let failure = failure.cloned();
            let task = runtime.spawn_blocking(move || now(trail.finish(failure.as_ref())));
            return task.await.map_err(|_| Error::internal("writing the audit trail panicked"))?;
        }
        trail.finish(failure).await
    }

    fn refuse_cancelled(&self) -> Result<()> {
        match &self.options.cancel {
            Some(token) if token.is_cancelled() => Err(cancelled()),
            _ => Ok(()),
        }
    }

    /// When the KMS calls to come have to be done; none if there are none. A new attempt gets no new time.
    ///
    /// # Errors
    /// `WouldBlock` where the shape does not wait for a network.
    pub(crate) fn deadline(&self, snapshot: &Snapshot, needs_network: bool) -> Result<Option<Instant>> {
        match (needs_network, self.shape) {
            (false, _) => Ok(None),
            (true, Shape::Now) => Err(would_block()),
            (true, _) => {
                let timeout = self.options.timeout.unwrap_or(snapshot.total_timeout);
                Ok(Some(*self.deadline.get_or_init(|| Instant::now() + timeout.min(LONGEST_TIMEOUT))))
            }
        }
    }

    /// Runs work that may wait for a network, as the shape allows and no longer than the deadline.
    pub(crate) async fn drive<T>(&self, deadline: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(deadline) = deadline else { return work.await };
        match self.shape {
            Shape::Async => self.bounded(deadline, work).await,
            Shape::Now => Err(would_block()),
            Shape::Blocking => match &self.options.interrupt {
                None => runtime::block_on(self.bounded(deadline, work)),
                Some(interrupted) => {
                    runtime::block_on_interruptible(self.bounded(deadline, work), INTERVAL, &**interrupted)
                        .unwrap_or_else(|| Err(cancelled()))
                }
            },
        }
    }

    async fn bounded<T>(&self, deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        let mut expired = pin!(sleep_until(deadline));
        let mut cancel = pin!(async {
            match &self.options.cancel {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        });
        std::future::poll_fn(|task| {
            // The work first: at the deadline its own error says which key and which provider.
            if let Poll::Ready(result) = work.as_mut().poll(task) {
                return Poll::Ready(result);
            }
            if cancel.as_mut().poll(task).is_ready() {
                return Poll::Ready(Err(cancelled()));
            }
            expired.as_mut().poll(task).map(|()| Err(Error::new(ErrorCode::Timeout, "the call did not end in time")))
        })
        .await
    }
}

/// One try of a call. A result leaves only through [`Attempt::settle`].
pub(crate) struct Attempt<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) snapshot: Current,
    pub(crate) task: Task,
    /// Who drew its random bytes: a copy of that process must not hand them out as well.
    pub(crate) process: Process,
}

impl Attempt<'_> {
    /// Records the attempt and lets its result go, if it still may: the configuration is read again at the very end, and a change of it discards the
    /// result, so that a suspension holds from the moment it is in force. `None`: try again.
    ///
    /// # Errors
    /// The attempt's own; `AuditUnavailable`.
    pub(crate) async fn settle<T: Discard>(self, outcome: Result<T>) -> Result<Option<T>> {
        let Self { call, snapshot, task, process } = self;
        let mut held = match outcome {
            Ok(value) => Held(Some(value)),
            // Nothing was tried: the same call follows in another shape.
            Err(error) if error == ErrorCode::WouldBlock => {
                task.trail.forget();
                return Err(error);
            }
            Err(error) => {
                // A refusal that the trail does not have would be one that nobody hears of.
                call.record(task.trail, Some(&error)).await?;
                return Err(error);
            }
        };
        let is_recorded = match &task.source {
            Source::Asked => false,
            Source::OpenedLease => true,
            Source::Lease(_) => task.trail.is_counted_elsewhere(),
        };
        if is_recorded {
            task.trail.forget();
        } else {
            call.record(task.trail, None).await?;
        }
        if task.consent.is_older_than(MAX_LEASE_AGE, || snapshot.leases.now()) {
            let message =
                "the answers of the KMSs came so long after the first request that they are not used any more";
            return Err(Error::new(ErrorCode::Timeout, message));
        }
        let still_holds = match &task.source {
            Source::Lease(terms) => terms.hold(snapshot.leases.now()),
            Source::Asked | Source::OpenedLease => true,
        };
        if !still_holds || snapshot.is_superseded() || process != Process::current() {
            call.refuse_cancelled()?;
            return Ok(None);
        }
        if !call.goes_on {
            call.engine.counters().done(call.operation);
        }
        Ok(held.0.take())
    }
}

/// A result that may have to be thrown away, wiped.
pub(crate) trait Discard {
    fn discard(&mut self);
}

impl Discard for Vec<u8> {
    fn discard(&mut self) {
        drop(WipedBytes::new(std::mem::take(self)));
    }
}

/// A result on its way out. If it does not get there, also because the future is dropped, it is discarded.
struct Held<T: Discard>(Option<T>);

impl<T: Discard> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(value) = &mut self.0 {
            value.discard();
        }
    }
}

/// Nothing secret.
impl Discard for Hold {
    fn discard(&mut self) {}
}

/// A length: the bytes are in the caller's buffer, and the caller of `settle` wipes them.
impl Discard for usize {
    fn discard(&mut self) {}
}

/// Runs a future that waits for nothing.
pub(crate) fn now<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::internal("an operation without network waited")),
    }
}

fn would_block() -> Error {
    Error::new(ErrorCode::WouldBlock, "a KMS has to be called: use the asynchronous or the blocking call")
}

fn cancelled() -> Error {
    Error::new(ErrorCode::Cancelled, "the call was cancelled")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_that_hangs_leaves_time_for_its_alternatives() {
        let now = Instant::now();
        let context = Context::new([("a", "b")]).unwrap();
        let task = |deadline| Task { deadline, ..Task::new(Trail::begin(None, Operation::Encrypt, None, &context)) };
        let task_of_an_hour = task(Some(now + Duration::from_secs(3_600)));
        let of_two = task_of_an_hour.deadline_of_one(2).unwrap();
        assert!(of_two >= now + Duration::from_secs(1_800) && of_two < now + Duration::from_secs(2_000));
        let last = task_of_an_hour.deadline_of_one(1).unwrap();
        assert!(
            last <= now + Duration::from_secs(3_600) + Duration::from_millis(1),
            "the last one has all that is left"
        );
        assert_eq!(task(None).deadline_of_one(2), None, "a key that needs no network has no deadline");
    }
}
