//! The bulkhead of one customer's key: how many calls to it may be under way at once, so that a KMS that never answers holds up its own callers
//! and nobody else's.

use std::sync::atomic::{AtomicUsize, Ordering};

use libvault_memory::ForkLocal;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::KmsFailure;
use crate::error::ErrorCode;

/// Calls to one key at once in this process.
pub(crate) const UNDER_WAY: usize = 64;
/// Calls that wait for one of them to end; more are turned away at once.
pub(crate) const WAITING: usize = 1_024;

/// A child of a fork begins with an empty one: what was under way in its parent is not under way here.
#[derive(Default)]
pub(crate) struct Bulkhead(ForkLocal<Places>);

struct Places {
    free: Semaphore,
    waiting: AtomicUsize,
}

impl Bulkhead {
    /// A place, as soon as one is free. Dropping it gives it back.
    ///
    /// # Errors
    /// `Throttled` if too many wait already; `Timeout` if none became free in time.
    pub(super) async fn enter(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, KmsFailure> {
        let places = self.0.get_or_make(|_| Places { free: Semaphore::new(UNDER_WAY), waiting: AtomicUsize::new(0) });
        if let Ok(place) = places.free.try_acquire() {
            return Ok(place);
        }
        let _waiting = Waiting::begin(&places.waiting)?;
        match timeout_at(deadline, places.free.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(KmsFailure::new(ErrorCode::Internal, "a bulkhead was closed")),
            Err(_) => {
                let message = format!("{UNDER_WAY} calls to this key are under way and none ended within the deadline");
                Err(KmsFailure::new(ErrorCode::Timeout, message))
            }
        }
    }
}

/// One of those who wait.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Result<Self, KmsFailure> {
        let others = waiting.fetch_add(1, Ordering::Relaxed);
        let this = Self(waiting);
        if others >= WAITING {
            let message = format!("{UNDER_WAY} calls to this key are under way in this process and {WAITING} wait");
            return Err(KmsFailure::new(ErrorCode::Throttled, message));
        }
        Ok(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::runtime::block_on;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[test]
    fn a_full_bulkhead_makes_wait_and_a_full_queue_turns_away() {
        let bulkhead = Bulkhead::default();
        block_on(async {
            let mut places = Vec::new();
            for _ in 0..UNDER_WAY {
                places.push(bulkhead.enter(soon()).await.unwrap());
            }
            assert_eq!(bulkhead.enter(soon()).await.unwrap_err().code, ErrorCode::Timeout);
            let far = Instant::now() + Duration::from_secs(3_600);
            let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(bulkhead.enter(far))).collect();
            for one in &mut waiting {
                assert!(
                    std::future::poll_fn(|task| std::task::Poll::Ready(one.as_mut().poll(task).is_pending())).await
                );
            }
            assert_eq!(bulkhead.enter(far).await.unwrap_err().code, ErrorCode::Throttled);
            drop(waiting);
            places.pop();
            assert!(bulkhead.enter(soon()).await.is_ok(), "a place that was given back is free, and nobody waits");
        });
    }
}
