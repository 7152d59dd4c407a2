//! P4: a customer's KMS that never answers holds up that customer's calls and nobody else's.

#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use super::Answer;
use super::bulkhead::{UNDER_WAY, WAITING};
use crate::error::{Error, ErrorCode};
use crate::lease::tests::{Scene, context};

type Call<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + 'a>>;

fn poll(call: &mut Call<'_>) -> Poll<Result<Vec<u8>, Error>> {
    call.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()))
}

#[test]
fn ten_times_a_bulkhead_of_calls_that_never_return_hold_up_nobody_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let scene = Scene::new("[leases]\nmax_age = 0\n[timeouts]\nattempt = 60000\ntotal = 60000");
    let (silent, working) = (context("b"), context("a"));
    scene.kms.answer("b1", Answer::Silence);
    let mut pending: Vec<Call<'_>> = Vec::new();
    let mut shed = 0;
    for _ in 0..10 * UNDER_WAY + WAITING {
        let mut call: Call<'_> = Box::pin(scene.vault.encrypt(b"data", &silent, None));
        match poll(&mut call) {
            Poll::Pending => pending.push(call),
            Poll::Ready(outcome) => {
                assert_eq!(outcome.unwrap_err().code(), ErrorCode::Throttled);
                shed += 1;
            }
        }
    }
    assert_eq!((pending.len(), shed), (UNDER_WAY + WAITING, 9 * UNDER_WAY));
    assert_eq!(scene.kms.calls(), UNDER_WAY, "more never reach the KMS at once");
    for _ in 0..1_000 {
        let envelope = runtime.block_on(scene.vault.encrypt(b"data", &working, None)).unwrap();
        assert_eq!(runtime.block_on(scene.vault.decrypt(&envelope, &working, None)).unwrap(), b"data");
    }
    assert!(pending.iter_mut().all(|call| poll(call).is_pending()));
    assert_eq!(scene.vault.stats().managed_wraps, 0);
}

#[test]
fn a_circuit_that_is_open_for_one_key_is_closed_for_the_others() {
    let scene = Scene::new("[leases]\nmax_age = 0");
    scene.kms.answer("b1", Answer::Fail(ErrorCode::KmsUnavailable));
    for _ in 0..5 {
        assert_eq!(scene.encrypt("b").unwrap_err(), ErrorCode::KmsUnavailable);
    }
    assert_eq!(scene.encrypt("b").unwrap_err(), ErrorCode::CircuitOpen);
    scene.encrypt("a").unwrap();
    assert_eq!(scene.vault.stats().circuits_opened, 1);
}
