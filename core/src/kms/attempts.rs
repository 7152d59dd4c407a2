//! The deadlines and retries of a call to a KMS, the same for every provider.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::{KmsFailure, Timeouts};
use crate::aead::{Random, SystemRandom};
use crate::error::ErrorCode;
use crate::fork::UndividedPolls;

const ATTEMPTS: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// A KMS that was given so long and said nothing does not answer, whatever its caller's patience.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// How a call failed after all its attempts.
#[derive(Debug)]
pub(super) struct CallFailure {
    pub(super) failure: KmsFailure,
    /// The KMS gave no answer though it had time enough: it is not only this caller who had no patience.
    pub(super) is_unanswered: bool,
}

/// Calls until one attempt succeeds or is refused, at most three times and before the deadline. Only an unreachable KMS is asked again, after a pause with
/// full jitter, or as long as it asked for (`Retry-After`); where the pause does not fit before the deadline, the last attempt's own failure is the result.
pub(super) async fn run<T, F>(
    timeouts: Timeouts,
    deadline: Instant,
    mut attempt: impl FnMut() -> F,
) -> Result<T, CallFailure>
where
    F: Future<Output = Result<T, KmsFailure>>,
{
    let mut is_unanswered = false;
    for number in 1.. {
        let begun = Instant::now();
        let failure = match timeout_at(deadline.min(begun + timeouts.attempt), attempt()).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(failure)) => {
                is_unanswered = matches!(failure.code, ErrorCode::KmsUnavailable | ErrorCode::Timeout);
                failure
            }
            Err(_) => {
                is_unanswered |= begun.elapsed() >= timeouts.attempt.min(LONG_ENOUGH);
                KmsFailure::new(ErrorCode::Timeout, "the KMS did not answer within the deadline")
            }
        };
        let pause = pause_after(number, failure.retry_after, &SystemRandom);
        // Whatever number a KMS sends, it is compared and not added.
        let left = deadline.saturating_duration_since(Instant::now());
        if !failure.is_unavailability() || number == ATTEMPTS || pause >= left {
            return Err(CallFailure { failure, is_unanswered });
        }
        sleep(pause).await;
    }
    Err(CallFailure { failure: KmsFailure::new(ErrorCode::Internal, "no attempt was made"), is_unanswered: false })
}

/// Runs one call to a provider's SDK as a task of its own; dropping the future aborts it.
///
/// On the library's runtime it is then off the caller's thread, on one that blocks all signals: a broken connection raises no SIGPIPE in the host, and
/// whatever the SDK leaves on a stack is not left on the host's. A fork does not cut it while it runs.
pub(super) async fn apart<T: Send + 'static>(
    call: impl Future<Output = Result<T, KmsFailure>> + Send + 'static,
) -> Result<T, KmsFailure> {
    let mut task = JoinSet::new();
    task.spawn(UndividedPolls::new(call));
    let ended = task.join_next().await.and_then(Result::ok);
    ended.unwrap_or_else(|| Err(KmsFailure::new(ErrorCode::Internal, "a call to the KMS panicked")))
}

/// A random part of the backoff after this attempt, so that callers who failed together do not come back together; longer if the KMS asks for that.
fn pause_after(attempt: u32, retry_after: Option<Duration>, random: &dyn Random) -> Duration {
    let backoff = FIRST_BACKOFF * 2_u32.pow(attempt - 1);
    let mut byte = [u8::MAX];
    // Without randomness the whole pause is as good.
    let _ = random.fill(&mut byte);
    let jittered = backoff * u32::from(byte[0]) / u32::from(u8::MAX);
    retry_after.map_or(jittered, |asked| asked.max(jittered))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::error::{Error, Result};

    /// Draws this byte again and again; none: fails.
    struct Drawn(Option<u8>);

    impl Random for Drawn {
        fn fill(&self, output: &mut [u8]) -> Result<()> {
            output.fill(self.0.ok_or_else(|| Error::internal("no randomness"))?);
            Ok(())
        }
    }

    fn backoffs() -> impl Iterator<Item = (u32, Duration)> {
        [(1, Duration::from_millis(50)), (2, Duration::from_millis(100))].into_iter()
    }

    #[test]
    fn a_pause_is_any_part_of_its_backoff_each_as_likely_as_the_others() {
        for (attempt, backoff) in backoffs() {
            let pauses: Vec<_> = (0..=u8::MAX).map(|byte| pause_after(attempt, None, &Drawn(Some(byte)))).collect();
            assert_eq!((pauses[0], pauses[255]), (Duration::ZERO, backoff));
            let steps: Vec<_> = pauses.windows(2).map(|pair| pair[1].checked_sub(pair[0]).unwrap()).collect();
            let (shortest, longest) = (*steps.iter().min().unwrap(), *steps.iter().max().unwrap());
            assert!(shortest > Duration::ZERO && longest - shortest <= Duration::from_nanos(1), "evenly spread");
            assert_eq!(pause_after(attempt, None, &Drawn(None)), backoff);
        }
    }

    #[test]
    fn pauses_are_drawn_from_the_systems_randomness() {
        for (attempt, backoff) in backoffs() {
            let drawn: BTreeSet<_> = (0..1_000).map(|_| pause_after(attempt, None, &SystemRandom)).collect();
            assert!(drawn.last().is_some_and(|longest| *longest <= backoff));
            // 251 of 256 are expected, and half of them is out of reach of chance.
            assert!(drawn.len() > 128, "{} different ones", drawn.len());
        }
    }

    #[test]
    fn a_kms_that_asks_for_a_longer_pause_gets_it_and_never_a_shorter_one() {
        for (asked, byte, pause) in [(2_000, u8::MAX, 2_000), (50, 0, 50), (10, u8::MAX, 50), (0, u8::MAX, 50)] {
            let asked = Some(Duration::from_millis(asked));
            assert_eq!(pause_after(1, asked, &Drawn(Some(byte))), Duration::from_millis(pause));
        }
    }
}
