//! Access tokens: one for each identity and purpose, renewed before it ends, and asked for by one call at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libvault_memory::ForkLocal;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::kms::KmsFailure;

/// So long before its end a token is renewed. Whoever comes meanwhile still gets the old one.
const EARLY: Duration = Duration::from_secs(300);
/// So long before its end it is used no more: a request takes its time.
const LATE: Duration = Duration::from_secs(30);

/// A bearer token and how long it can be used from now on.
pub(super) struct Token {
    pub(super) text: Zeroizing<String>,
    pub(super) life: Duration,
}

/// A token that is in use; handles to it are cheap.
#[derive(Clone)]
pub(super) struct CachedToken {
    pub(super) text: Arc<Zeroizing<String>>,
    ends: Duration,
}

/// Tokens by what they are for.
pub(super) struct Tokens<K> {
    clock: Arc<dyn Clock>,
    /// A child of a fork asks for its own: a lock may have been held by a thread that it does not have.
    slots: ForkLocal<Mutex<HashMap<K, Arc<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    current: Mutex<Option<CachedToken>>,
    renewing: tokio::sync::Mutex<()>,
}

impl<K: Eq + std::hash::Hash + Send> Tokens<K> {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, slots: ForkLocal::new() }
    }

    /// The token for `purpose`, and whether it was there already. `fetch` is called when there is none or its end is near.
    ///
    /// # Errors
    /// Those of `fetch`, unless there is a token that can still be used. They are not remembered.
    pub(super) async fn get<F>(&self, purpose: K, fetch: impl FnOnce() -> F) -> Result<(CachedToken, bool), KmsFailure>
    where
        F: Future<Output = Result<Token, KmsFailure>>,
    {
        let slot = Arc::clone(self.lock().entry(purpose).or_default());
        if let Some(token) = self.usable(&slot, EARLY) {
            return Ok((token, true));
        }
        let usable = self.usable(&slot, LATE);
        let _renewing = match &usable {
            Some(token) => match slot.renewing.try_lock() {
                Ok(renewing) => renewing,
                Err(_) => return Ok((token.clone(), true)),
            },
            None => slot.renewing.lock().await,
        };
        // Another call may have renewed it meanwhile.
        if let Some(token) = self.usable(&slot, EARLY) {
            return Ok((token, true));
        }
        // Its life is counted from before it was asked for.
        let asked = self.clock.now();
        match fetch().await {
            Ok(token) => {
                let token = CachedToken { text: Arc::new(token.text), ends: asked + token.life };
                *lock(&slot.current) = Some(token.clone());
                Ok((token, false))
            }
            Err(failure) => usable.map(|token| (token, true)).ok_or(failure),
        }
    }

    /// Forgets a token that was refused, unless another one has taken its place.
    pub(super) fn forget(&self, purpose: &K, refused: &CachedToken) {
        let slot = self.lock().get(purpose).map(Arc::clone);
        if let Some(slot) = slot {
            lock(&slot.current).take_if(|token| Arc::ptr_eq(&token.text, &refused.text));
        }
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn usable(&self, slot: &Slot, margin: Duration) -> Option<CachedToken> {
        let now = self.clock.now();
        lock(&slot.current).as_ref().filter(|token| now + margin < token.ends).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Slot>>> {
        lock(self.slots.get_or_make(|_| Mutex::default()))
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
        tokens: Tokens<&'static str>,
        clock: Arc<HeldClock>,
        asked: AtomicU32,
        is_closed: bool,
    }

    impl Office {
        fn new() -> Self {
            let clock = Arc::new(HeldClock::at(1_000));
            let tokens = Tokens::new(Arc::clone(&clock) as Arc<dyn Clock>);
            Self { tokens, clock, asked: AtomicU32::new(0), is_closed: false }
        }

        async fn get(&self) -> Result<(String, bool), KmsFailure> {
            let fetch = async || {
                tokio::task::yield_now().await;
                let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
                match self.is_closed {
                    true => Err(KmsFailure::new(ErrorCode::KmsUnavailable, "closed")),
                    false => Ok(Token { text: Zeroizing::new(format!("token {number}")), life: HOUR }),
                }
            };
            let (token, was_there) = self.tokens.get("kms", fetch).await?;
            Ok((token.text.to_string(), was_there))
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

    #[test]
    fn a_token_is_renewed_before_its_end_and_used_to_its_end_when_that_fails() {
        let mut office = Office::new();
        assert_eq!(block_on(office.get()).unwrap(), ("token 1".to_owned(), false));
        office.clock.set(1_000 + 3_299_000);
        assert_eq!(block_on(office.get()).unwrap(), ("token 1".to_owned(), true));
        office.clock.set(1_000 + 3_301_000);
        office.is_closed = true;
        assert_eq!(
            block_on(office.get()).unwrap(),
            ("token 1".to_owned(), true),
            "it cannot be renewed, but still used"
        );
        office.is_closed = false;
        assert_eq!(block_on(office.get()).unwrap().0, "token 3");
        office.clock.set(1_000 + 3_301_000 + 3_600_000);
        office.is_closed = true;
        assert_eq!(block_on(office.get()).unwrap_err().code, ErrorCode::KmsUnavailable, "nothing ended is used");
        office.is_closed = false;
        assert_eq!(block_on(office.get()).unwrap().0, "token 5", "a failure is not remembered");
    }

    #[test]
    fn a_refused_token_is_forgotten_but_not_its_successor() {
        let office = Office::new();
        let fetch = async || Ok(Token { text: Zeroizing::new("token".to_owned()), life: HOUR });
        let (first, _) = block_on(office.tokens.get("kms", fetch)).unwrap();
        office.tokens.forget(&"kms", &first);
        let (second, was_there) = block_on(office.tokens.get("kms", fetch)).unwrap();
        assert!(!was_there);
        office.tokens.forget(&"kms", &first);
        let (third, was_there) = block_on(office.tokens.get("kms", fetch)).unwrap();
        assert!(was_there && Arc::ptr_eq(&second.text, &third.text));
    }
}
