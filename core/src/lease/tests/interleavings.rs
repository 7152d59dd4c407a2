//! Calls, replies, refusals and the clock in ten thousand orders, each made by a seed: after a refusal was heard no call that begins succeeds, and no data
//! key serves later than its time.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use super::{START, Scene, context};
use crate::error::{Error, ErrorCode};
use crate::kms::Answer;

/// All of them in the build that ships.
const SEEDS: u64 = if cfg!(debug_assertions) { 500 } else { 10_000 };
const MAX_AGE: u64 = 60_000;

/// SplitMix64 (Steele, Lea, Flood 2014): an order that a seed gives again.
struct Order(u64);

impl Order {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

/// A call under way, and what was known when it began.
struct UnderWay<'a> {
    call: Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + 'a>>,
    began_after_refusal: bool,
    /// It sent a request of its own.
    asked: bool,
}

struct Model {
    now: u64,
    /// A caller was told of the refusal.
    refusal_was_heard: bool,
    refuses: bool,
    /// When the last request was sent to which the KMS agreed.
    last_agreement: Option<u64>,
}

impl Model {
    fn judge(&mut self, call: &UnderWay<'_>, outcome: &Result<Vec<u8>, Error>, seed: u64) {
        match outcome {
            Ok(_) => {
                assert!(!call.began_after_refusal, "seed {seed}: a call that began after a refusal succeeded");
                let agreed = self.last_agreement.expect("somebody agreed");
                assert!(call.asked || self.now < agreed + MAX_AGE, "seed {seed}: a data key was used too late");
            }
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::KeyDisabled, "seed {seed}: {error}");
                self.refusal_was_heard = true;
            }
        }
    }
}

#[test]
fn no_order_of_events_outlives_a_refusal_or_the_time_of_a_lease() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let scene = Scene::new("");
    let first = scene.encrypt("b").unwrap();
    scene.clock.set(START + MAX_AGE);
    let envelopes = [first, scene.encrypt("b").unwrap()];
    let (mut heard, mut hits) = (0, 0);
    for seed in 0..SEEDS {
        scene.vault.engine.snapshot().unwrap().leases.clear();
        scene.kms.answer("b1", Answer::Agree);
        let before = scene.vault.stats().lease_hits;
        heard += u64::from(run(&scene, &envelopes, seed));
        hits += u64::from(scene.vault.stats().lease_hits > before);
    }
    assert!(heard > SEEDS / 4 && hits > SEEDS / 4, "the orders are worth something: {heard} refusals, {hits} hits");
}

/// Returns whether a refusal was heard.
fn run(scene: &Scene, envelopes: &[Vec<u8>; 2], seed: u64) -> bool {
    let (mut order, context) = (Order(seed), context("b"));
    let now = START + 200_000 + seed * 2_000_000;
    scene.clock.set(now);
    scene.kms.hold_replies();
    let first_call = scene.kms.calls();
    let mut model = Model { now, refusal_was_heard: false, refuses: false, last_agreement: None };
    let mut under_way: Vec<UnderWay<'_>> = Vec::new();
    for _ in 0..60 {
        match order.below(12) {
            0..=2 if under_way.len() < 6 => {
                let call: Pin<Box<dyn Future<Output = _>>> = match order.below(3) {
                    0 => Box::pin(scene.vault.encrypt(b"data", &context, None)),
                    number => Box::pin(scene.vault.decrypt(&envelopes[number - 1], &context, None)),
                };
                under_way.push(UnderWay { call, began_after_refusal: model.refusal_was_heard, asked: false });
            }
            3..=7 if !under_way.is_empty() => poll_one(&mut under_way, order.below(64), &mut model, scene, seed),
            8 | 9 => scene.kms.release_up_to(first_call + order.below(12)),
            10 => {
                model.now += order.below(20_000) as u64;
                scene.clock.set(model.now);
            }
            11 if order.below(4) == 0 => {
                model.refuses = true;
                scene.kms.answer("b1", Answer::Fail(ErrorCode::KeyDisabled));
            }
            _ => {}
        }
    }
    scene.kms.release_replies();
    for round in 0..10_000 {
        if under_way.is_empty() {
            break;
        }
        poll_one(&mut under_way, round, &mut model, scene, seed);
    }
    assert!(under_way.is_empty(), "seed {seed}: calls that never end");
    model.refusal_was_heard
}

fn poll_one(under_way: &mut Vec<UnderWay<'_>>, choice: usize, model: &mut Model, scene: &Scene, seed: u64) {
    let index = choice % under_way.len();
    let (one, calls) = (&mut under_way[index], scene.kms.calls());
    let polled = one.call.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
    if scene.kms.calls() > calls {
        one.asked = true;
        if !model.refuses {
            model.last_agreement = Some(model.now);
        }
    }
    if let Poll::Ready(outcome) = polled {
        model.judge(&under_way[index], &outcome, seed);
        drop(under_way.swap_remove(index));
    }
}
