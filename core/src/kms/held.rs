//! For tests: key files reached as if they were keys of a KMS, which answers what and when the test says.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{BoxFuture, Kek, KmsFailure, KmsReply, LocalKey, UnwrapRequest, WrapRequest};
use crate::envelope::WRAP_PLAINTEXT;
use crate::error::ErrorCode;
use crate::secret::Secret;

/// What the KMS says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Agree,
    Fail(ErrorCode),
    /// It never answers.
    Silence,
}

pub(crate) struct HeldKms {
    calls: AtomicUsize,
    answers: Mutex<HashMap<String, Answer>>,
    /// The numbers of the calls whose replies leave; the first call has number 1.
    released: watch::Sender<RangeInclusive<usize>>,
}

impl HeldKms {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            answers: Mutex::default(),
            released: watch::Sender::new(0..=usize::MAX),
        })
    }

    /// Calls that arrived so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Waits for calls that other threads are about to make. Calls that do not come end the test instead of hanging it.
    pub(crate) fn wait_for_calls(&self, number: usize) {
        let patience = Instant::now() + Duration::from_secs(60);
        while self.calls() < number {
            if Instant::now() > patience {
                self.release_replies();
                panic!("call {number} did not come, there are {}", self.calls());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// From now on, for this key. What is decided when a call arrives is what its reply says, however late that is released.
    pub(crate) fn answer(&self, key: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(key.to_owned(), answer);
    }

    /// Replies to calls from the next one on wait.
    pub(crate) fn hold_replies(&self) {
        self.released.send_replace(0..=self.calls());
    }

    pub(crate) fn release_replies(&self) {
        self.released.send_replace(0..=usize::MAX);
    }

    /// Replies to calls up to this one leave.
    pub(crate) fn release_up_to(&self, number: usize) {
        self.released.send_replace(0..=number);
    }

    /// Replies to calls before this one stay, the others leave.
    pub(crate) fn release_only_from(&self, number: usize) {
        self.released.send_replace(number..=usize::MAX);
    }

    pub(crate) fn hold(self: &Arc<Self>, name: &str, key: LocalKey) -> HeldKey {
        HeldKey { kms: Arc::clone(self), name: name.to_owned(), key }
    }

    async fn arrive(&self, key: &str) -> Result<(), KmsFailure> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = self.answers.lock().unwrap().get(key).copied().unwrap_or(Answer::Agree);
        let mut released = self.released.subscribe();
        let _ = released.wait_for(|released| released.contains(&number)).await;
        match answer {
            Answer::Agree => Ok(()),
            Answer::Silence => std::future::pending().await,
            Answer::Fail(code) => Err(KmsFailure::new(code, "as the test says")),
        }
    }
}

pub(crate) struct HeldKey {
    kms: Arc<HeldKms>,
    name: String,
    key: LocalKey,
}

impl Kek for HeldKey {
    fn provider(&self) -> &'static str {
        "held"
    }

    fn needs_network(&self) -> bool {
        true
    }

    fn blob_length_limit(&self) -> usize {
        self.key.blob_length_limit()
    }

    fn wrap<'a>(&'a self, request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        Box::pin(async move {
            self.kms.arrive(&self.name).await?;
            self.key.wrap(request).await
        })
    }

    fn unwrap<'a>(
        &'a self,
        request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>> {
        Box::pin(async move {
            self.kms.arrive(&self.name).await?;
            self.key.unwrap(request).await
        })
    }
}
