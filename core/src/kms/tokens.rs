//! What is lent to us for a time, such as access tokens and sessions of roles: one for each identity and purpose, renewed before it ends, and asked
//! for by one call at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Clock;
use crate::kms::KmsFailure;
use crate::kms::per_runtime::PerRuntime;

/// So long before its end a token is renewed. Whoever comes meanwhile still gets the old one.
const EARLY: Duration = Duration::from_secs(300);
/// So long before its end it is used no more: a request takes its time.
const LATE: Duration = Duration::from_secs(30);
/// So long a call waits for a renewal while it could do without it, and so long afterwards no other call tries.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(10);

/// A token and how long it can be used from now on.
pub(super) struct Token<V> {
    pub(super) value: V,
    pub(super) life: Duration,
}

/// A token that is in use; handles to it are cheap.
pub(super) struct CachedToken<V> {
    pub(super) value: Arc<V>,
    #[cfg_attr(not(any(feature = "aws", feature = "azure")), allow(dead_code))]
    asked: Duration,
    /// When to ask for its successor.
    renew: Duration,
    ends: Duration,
}

/// Tokens by what they are for. A runtime has its own: one that is not driven for a while, in the middle of asking, holds up nobody on another one. So
/// has a child of a fork.
pub(super) struct Tokens<K, V> {
    clock: Arc<dyn Clock>,
    slots: PerRuntime<Arc<Mutex<Slots<K, V>>>>,
}

type Slots<K, V> = HashMap<K, Arc<Slot<V>>>;

struct Slot<V> {
    current: Mutex<Option<CachedToken<V>>>,
    renewing: tokio::sync::Mutex<()>,
    /// How many calls have failed, and the last one's failure.
    failed: Mutex<(u64, Option<KmsFailure>)>,
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self { current: Mutex::default(), renewing: tokio::sync::Mutex::default(), failed: Mutex::default() }
    }
}

impl<V> Clone for CachedToken<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), ..*self }
    }
}

impl<K: Eq + std::hash::Hash + Send, V: Send + Sync> Tokens<K, V> {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, slots: PerRuntime::new() }
    }

    /// The token for `purpose`, and whether it was there already. `fetch` is called when there is none or its end is near.
    ///
    /// # Errors
    /// `InvalidArgument` outside a tokio runtime, and those of `fetch`, which are told to all who waited for it and not remembered: one after another they
    /// would ask until their time is over, and a refusal would become a `Timeout`. Unless it was refused, a token that can still be used is used instead.
    pub(super) async fn get<F>(
        &self,
        purpose: K,
        fetch: impl FnOnce() -> F,
    ) -> Result<(CachedToken<V>, bool), KmsFailure>
    where
        F: Future<Output = Result<Token<V>, KmsFailure>>,
    {
        let slots = self.slots.get_or_make("", || Ok(Arc::default()))?;
        let slot = Arc::clone(lock(&slots).entry(purpose).or_default());
        let usable = self.usable(&slot);
        if let Some(token) = self.fresh(&slot) {
            return Ok((token, true));
        }
        let _renewing = match &usable {
            Some(token) => match slot.renewing.try_lock() {
                Ok(renewing) => renewing,
                Err(_) => return Ok((token.clone(), true)),
            },
            None => {
                let failures = lock(&slot.failed).0;
                let renewing = slot.renewing.lock().await;
                if let (count, Some(failure)) = &*lock(&slot.failed)
                    && *count > failures
                    && self.fresh(&slot).is_none()
                {
                    return Err(failure.clone());
                }
                renewing
            }
        };
        // Another call may have renewed it meanwhile.
        if let Some(token) = self.fresh(&slot) {
            return Ok((token, true));
        }
        // Its life is counted from before it was asked for.
        let asked = self.clock.now();
        if let Some(token) = &mut *lock(&slot.current) {
            // First of all: this call may be given up.
            token.renew = asked + PAUSE;
        }
        let answer = match &usable {
            None => fetch().await,
            Some(token) => match timeout(PATIENCE, fetch()).await {
                Ok(answer) => answer,
                Err(_) => return Ok((token.clone(), true)),
            },
        };
        match answer {
            Ok(token) => {
                let ends = asked + token.life;
                let renew = ends.saturating_sub(EARLY).max(asked + PAUSE);
                let token = CachedToken { value: Arc::new(token.value), asked, renew, ends };
                *lock(&slot.current) = Some(token.clone());
                Ok((token, false))
            }
            Err(failure) => {
                let mut failed = lock(&slot.failed);
                *failed = (failed.0 + 1, Some(failure.clone()));
                if failure.is_refusal() {
                    *lock(&slot.current) = None;
                    return Err(failure);
                }
                usable.map(|token| (token, true)).ok_or(failure)
            }
        }
    }

    /// Forgets a token that was refused, unless another one has taken its place.
    #[cfg(feature = "gcp")]
    pub(super) fn forget(&self, purpose: &K, refused: &CachedToken<V>) {
        self.forget_if(purpose, |token| Arc::ptr_eq(&token.value, &refused.value));
    }

    /// Forgets a token that was asked for longer ago than `age`.
    #[cfg(feature = "aws")]
    pub(super) fn forget_older(&self, purpose: &K, age: Duration) {
        let now = self.clock.now();
        self.forget_if(purpose, |token| now > token.asked + age);
    }

    #[cfg(any(feature = "aws", feature = "gcp"))]
    fn forget_if(&self, purpose: &K, is_meant: impl Fn(&CachedToken<V>) -> bool) {
        self.with_current(purpose, |current| drop(current.take_if(|token| is_meant(token))));
    }

    /// Has the next call ask for the successor of a token that was asked for longer ago than `age`. Until it is there the old one is used.
    #[cfg(feature = "azure")]
    pub(super) fn renew_older(&self, purpose: &K, age: Duration) {
        let now = self.clock.now();
        self.with_current(purpose, |current| {
            if let Some(token) = current
                && now > token.asked + age
            {
                token.renew = now;
            }
        });
    }

    /// The token of this runtime, if it was ever asked for.
    fn with_current(&self, purpose: &K, act: impl FnOnce(&mut Option<CachedToken<V>>)) {
        let slots = self.slots.find("").ok().flatten();
        if let Some(slot) = slots.and_then(|slots| lock(&slots).get(purpose).map(Arc::clone)) {
            act(&mut lock(&slot.current));
        }
    }

    /// Forgets all of them.
    #[cfg(any(feature = "aws", feature = "gcp"))]
    pub(super) fn clear(&self) {
        self.slots.clear();
    }

    fn usable(&self, slot: &Slot<V>) -> Option<CachedToken<V>> {
        let now = self.clock.now();
        lock(&slot.current).as_ref().filter(|token| now + LATE < token.ends).cloned()
    }

    /// A token that can be used and need not be renewed yet.
    fn fresh(&self, slot: &Slot<V>) -> Option<CachedToken<V>> {
        let now = self.clock.now();
        self.usable(slot).filter(|token| now < token.renew)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::HeldClock;
    use crate::error::ErrorCode;
    use crate::runtime::block_on;

    const HOUR: Duration = Duration::from_secs(3_600);

    struct Office {
        tokens: Tokens<&'static str, String>,
        clock: Arc<HeldClock>,
        asked: AtomicU32,
        closed: Option<ErrorCode>,
    }

    impl Office {
        fn new() -> Self {
            let clock = Arc::new(HeldClock::at(1_000));
            let tokens = Tokens::new(Arc::clone(&clock) as Arc<dyn Clock>);
            Self { tokens, clock, asked: AtomicU32::new(0), closed: None }
        }

        async fn get(&self) -> Result<(String, bool), KmsFailure> {
            let fetch = async || {
                tokio::task::yield_now().await;
                let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
                match self.closed {
                    Some(code) => Err(KmsFailure::new(code, "closed")),
                    None => Ok(Token { value: format!("token {number}"), life: HOUR }),
                }
            };
            let (token, was_there) = self.tokens.get("kms", fetch).await?;
            Ok((token.value.to_string(), was_there))
        }
    }

    #[test]
    fn one_call_asks_however_many_wait() {
        let office = Office::new();
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| block_on(office.get()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|(token, _)| token == "token 1"), "{all:?}");
        assert_eq!(office.asked.load(Ordering::SeqCst), 1);
    }

    /// One refusal after another would take longer than the callers have time, and a `Timeout` lets another key be used.
    #[test]
    fn a_failure_is_told_to_all_who_waited_for_it() {
        let mut office = Office::new();
        office.closed = Some(ErrorCode::AccessDenied);
        let (held, hold) = (tokio::sync::Notify::new(), &office);
        let (asked, mut calls) = (AtomicU32::new(0), Vec::new());
        for _ in 0..64 {
            calls.push(hold.tokens.get("role", async || {
                asked.fetch_add(1, Ordering::SeqCst);
                held.notified().await;
                Err(KmsFailure::new(ErrorCode::AccessDenied, "closed"))
            }));
        }
        let all = async {
            let mut calls: Vec<_> = calls.into_iter().map(Box::pin).collect();
            // All are on their way before the one that asks gets its answer.
            for call in &mut calls {
                assert!(
                    std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context)))
                        .await
                        .is_pending()
                );
            }
            held.notify_one();
            for call in calls {
                assert_eq!(call.await.err().map(|failure| failure.code), Some(ErrorCode::AccessDenied));
            }
        };
        block_on(all);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_token_is_renewed_before_its_end_and_used_to_its_end_when_that_fails() {
        let mut office = Office::new();
        assert_eq!(block_on(office.get()).unwrap(), ("token 1".to_owned(), false));
        office.clock.set(1_000 + 3_299_000);
        assert_eq!(block_on(office.get()).unwrap(), ("token 1".to_owned(), true));
        office.clock.set(1_000 + 3_301_000);
        office.closed = Some(ErrorCode::KmsUnavailable);
        assert_eq!(
            block_on(office.get()).unwrap(),
            ("token 1".to_owned(), true),
            "it cannot be renewed, but still used"
        );
        office.closed = None;
        assert_eq!(block_on(office.get()).unwrap(), ("token 1".to_owned(), true), "there is a pause between two tries");
        office.clock.set(1_000 + 3_311_000);
        assert_eq!(block_on(office.get()).unwrap().0, "token 3");
        office.clock.set(1_000 + 3_311_000 + 3_600_000);
        office.closed = Some(ErrorCode::KmsUnavailable);
        assert_eq!(block_on(office.get()).unwrap_err().code, ErrorCode::KmsUnavailable, "nothing ended is used");
        office.closed = None;
        assert_eq!(block_on(office.get()).unwrap().0, "token 5", "a failure is not remembered");
    }

    #[test]
    fn a_refusal_ends_the_token_that_is_there() {
        let mut office = Office::new();
        block_on(office.get()).unwrap();
        office.clock.set(1_000 + 3_301_000);
        office.closed = Some(ErrorCode::AccessDenied);
        assert_eq!(block_on(office.get()).unwrap_err().code, ErrorCode::AccessDenied);
        office.closed = Some(ErrorCode::KmsUnavailable);
        assert_eq!(block_on(office.get()).unwrap_err().code, ErrorCode::KmsUnavailable, "there is none left to use");
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_token_in_doubt_is_forgotten_when_it_is_old() {
        let office = Office::new();
        block_on(office.get()).unwrap();
        let age = Duration::from_secs(60);
        block_on(async {
            office.tokens.forget_older(&"kms", age);
        });
        assert!(block_on(office.get()).unwrap().1);
        office.clock.set(1_000 + 60_001);
        block_on(async {
            office.tokens.forget_older(&"kms", age);
        });
        assert_eq!(block_on(office.get()).unwrap(), ("token 2".to_owned(), false));
    }

    #[cfg(feature = "azure")]
    #[test]
    fn a_token_in_doubt_may_be_renewed_and_used_meanwhile() {
        let mut office = Office::new();
        block_on(office.get()).unwrap();
        let age = Duration::from_secs(60);
        let doubt = |office: &Office| {
            block_on(async {
                office.tokens.renew_older(&"kms", age);
            })
        };
        doubt(&office);
        assert!(block_on(office.get()).unwrap().1, "it was asked for just now");
        office.clock.set(1_000 + 60_001);
        doubt(&office);
        office.closed = Some(ErrorCode::KmsUnavailable);
        assert_eq!(block_on(office.get()).unwrap(), ("token 1".to_owned(), true), "there is no other one");
        office.closed = None;
        office.clock.set(1_000 + 70_002);
        assert_eq!(block_on(office.get()).unwrap(), ("token 3".to_owned(), false));
    }

    #[test]
    fn a_runtime_that_is_not_driven_holds_up_no_other() {
        let office = Office::new();
        let idle = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut asks = Box::pin(office.tokens.get("kms", std::future::pending));
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(asks.as_mut().poll(context).is_pending()));
        assert!(idle.block_on(polled));
        assert_eq!(block_on(office.get()).unwrap(), ("token 1".to_owned(), false));
    }

    #[cfg(feature = "gcp")]
    #[test]
    fn a_refused_token_is_forgotten_but_not_its_successor() {
        let office = Office::new();
        let fetch = async || Ok(Token { value: "token".to_owned(), life: HOUR });
        let (first, _) = block_on(office.tokens.get("kms", fetch)).unwrap();
        block_on(async {
            office.tokens.forget(&"kms", &first);
        });
        let (second, was_there) = block_on(office.tokens.get("kms", fetch)).unwrap();
        assert!(!was_there);
        block_on(async {
            office.tokens.forget(&"kms", &first);
        });
        let (third, was_there) = block_on(office.tokens.get("kms", fetch)).unwrap();
        assert!(was_there && Arc::ptr_eq(&second.value, &third.value));
    }
}
