//! Calls, replies, refusals, suspensions, evictions and the clock in ten thousand orders, each made by a seed: after a refusal was heard no call that begins
//! succeeds, while the binding is suspended no call that ends does, no data key serves later than its time, and none from before an eviction.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use super::{Quiet, START, Scene, context};
use crate::engine::restoring::Alone;
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
    /// The binding was suspended at some time since.
    saw_suspension: bool,
    /// It sent a request of its own, after the last eviction.
    asked: bool,
    /// It sent one before, whose reply came or comes too late.
    asked_in_vain: bool,
}

struct Model {
    now: u64,
    /// A caller was told of the refusal.
    refusal_was_heard: bool,
    refuses: bool,
    is_suspended: bool,
    /// When the last request was sent to which the KMS agreed, of those since the last eviction.
    last_agreement: Option<u64>,
    seen: Seen,
}

/// What an order had in it, or how many had it.
#[derive(Default)]
struct Seen {
    refusals: u64,
    hits: u64,
    /// A call that waited for a reply when its binding was suspended was told so.
    suspensions: u64,
    /// A call that waited for a reply when it was made worthless asked again, and succeeded.
    evictions: u64,
}

impl Model {
    fn judge(&mut self, call: &UnderWay<'_>, outcome: &Result<Vec<u8>, Error>, seed: u64) {
        match outcome {
            Ok(_) => {
                assert!(!call.began_after_refusal, "seed {seed}: a call that began after a refusal succeeded");
                assert!(!self.is_suspended, "seed {seed}: a call succeeded after the suspension was told");
                let agreed =
                    self.last_agreement.unwrap_or_else(|| panic!("seed {seed}: nobody agreed since the eviction"));
                assert!(call.asked || self.now < agreed + MAX_AGE, "seed {seed}: a data key was used too late");
                self.seen.evictions |= u64::from(call.asked && call.asked_in_vain);
            }
            Err(error) if *error == ErrorCode::KeySuspended => {
                assert!(call.saw_suspension, "seed {seed}: {error}");
                self.seen.suspensions |= u64::from(call.asked_in_vain);
            }
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::KeyDisabled, "seed {seed}: {error}");
                self.refusal_was_heard = true;
            }
        }
    }

    /// Whatever was agreed to so far serves nobody any more.
    fn evict(&mut self, under_way: &mut [UnderWay<'_>]) {
        self.last_agreement = None;
        for one in under_way {
            one.asked_in_vain |= std::mem::take(&mut one.asked);
        }
    }

    fn suspend(&mut self, is_suspended: bool, under_way: &mut [UnderWay<'_>]) {
        self.is_suspended = is_suspended;
        under_way.iter_mut().for_each(|one| one.saw_suspension |= is_suspended);
        self.evict(under_way);
    }
}

#[test]
fn no_order_of_events_outlives_a_refusal_or_the_time_of_a_lease() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let scene = Scene::quietly("", Quiet::Alone { _held: Alone::begin() });
    let first = scene.encrypt("b").unwrap();
    scene.clock.set(START + MAX_AGE);
    let envelopes = [first, scene.encrypt("b").unwrap()];
    let mut all = Seen::default();
    for seed in 0..SEEDS {
        scene.vault.engine.snapshot().unwrap().leases.clear();
        scene.kms.answer("b1", Answer::Agree);
        let before = scene.vault.stats().lease_hits;
        let seen = run(&scene, &envelopes, seed);
        all.refusals += seen.refusals;
        all.hits += u64::from(scene.vault.stats().lease_hits > before);
        all.suspensions += seen.suspensions;
        all.evictions += seen.evictions;
    }
    let Seen { refusals, hits, suspensions, evictions } = all;
    let counts = format!("{refusals} refusals, {hits} hits, {suspensions} suspensions, {evictions} evictions");
    assert!(refusals.min(hits) > SEEDS / 4 && suspensions.min(evictions) > SEEDS / 20, "the orders are poor: {counts}");
}

fn run(scene: &Scene, envelopes: &[Vec<u8>; 2], seed: u64) -> Seen {
    let (mut order, context) = (Order(seed), context("b"));
    let now = START + 200_000 + seed * 2_000_000;
    scene.clock.set(now);
    scene.kms.hold_replies();
    let first_call = scene.kms.calls();
    let mut model = Model {
        now,
        refusal_was_heard: false,
        refuses: false,
        is_suspended: false,
        last_agreement: None,
        seen: Seen::default(),
    };
    let mut under_way: Vec<UnderWay<'_>> = Vec::new();
    for _ in 0..60 {
        match order.below(16) {
            0..=2 if under_way.len() < 6 => {
                let call: Pin<Box<dyn Future<Output = _>>> = match order.below(3) {
                    0 => Box::pin(scene.vault.encrypt(b"data", &context, None)),
                    number => Box::pin(scene.vault.decrypt(&envelopes[number - 1], &context, None)),
                };
                under_way.push(UnderWay {
                    call,
                    began_after_refusal: model.refusal_was_heard,
                    saw_suspension: model.is_suspended,
                    asked: false,
                    asked_in_vain: false,
                });
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
            12 if !model.is_suspended && order.below(3) == 0 => {
                scene.reload("", "suspended");
                model.suspend(true, &mut under_way);
            }
            13 if model.is_suspended || order.below(8) == 0 => {
                scene.reload("", "active");
                model.suspend(false, &mut under_way);
            }
            15 if order.below(2) == 0 => {
                scene.vault.after_restore().unwrap();
                model.evict(&mut under_way);
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
    if model.is_suspended {
        scene.reload("", "active");
    }
    Seen { refusals: u64::from(model.refusal_was_heard), ..model.seen }
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
