//! A reply is held at a barrier while something takes back what it is about to say. However late it is released, it opens nothing for the next call.

use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

use super::{Quiet, START, Scene, context};
use crate::engine::restoring::Alone;
use crate::error::{Error, ErrorCode};
use crate::kms::Answer;

/// The verbs that leases serve.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Encrypt,
    Decrypt,
}

const BOTH: [Verb; 2] = [Verb::Encrypt, Verb::Decrypt];
const REFUSALS: [ErrorCode; 4] =
    [ErrorCode::AccessDenied, ErrorCode::KeyDisabled, ErrorCode::KeyPendingDeletion, ErrorCode::KeyNotFound];

impl Verb {
    fn run(self, scene: &Scene, envelope: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Encrypt => scene.encrypt("b"),
            Self::Decrypt => scene.decrypt("b", envelope),
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Encrypt => Self::Decrypt,
            Self::Decrypt => Self::Encrypt,
        }
    }

    /// Whether there is a lease: only then a call waits for no network.
    fn has_lease(self, scene: &Scene, envelope: &[u8]) -> bool {
        let outcome = match self {
            Self::Encrypt => scene.vault.encrypt_now(b"data", &context("b"), None),
            Self::Decrypt => scene.vault.decrypt_now(envelope, &context("b"), None),
        };
        outcome.inspect_err(|error| assert_eq!(*error, ErrorCode::WouldBlock)).is_ok()
    }
}

type Eviction = fn(&Scene);

/// A vault with an envelope of customer `b`, and no lease.
fn scene() -> (Scene, Vec<u8>) {
    let scene = Scene::new("");
    let envelope = scene.encrypt("b").unwrap();
    scene.clock.set(START + 60_000);
    (scene, envelope)
}

/// How `call` ends whose first reply is held while `event` happens.
fn race<T: Send>(scene: &Scene, call: impl FnOnce() -> T + Send, event: impl FnOnce()) -> T {
    let before = scene.kms.calls();
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let held = scope.spawn(call);
        scene.kms.wait_for_calls(before + 1);
        event();
        scene.kms.release_replies();
        held.join().unwrap()
    })
}

#[test]
fn a_reply_from_before_a_suspension_opens_nothing_for_when_the_binding_is_active_again() {
    for verb in BOTH {
        let (scene, envelope) = scene();
        let outcome = race(&scene, || verb.run(&scene, &envelope), || scene.reload("", "suspended"));
        assert_eq!(outcome.unwrap_err(), ErrorCode::KeySuspended, "{verb:?}: the call that was under way");
        assert_eq!(scene.calls(|| drop(verb.run(&scene, &envelope).unwrap_err())), 0);
        scene.reload("", "active");
        assert!(!verb.has_lease(&scene, &envelope), "{verb:?}");
        assert_eq!(scene.calls(|| drop(verb.run(&scene, &envelope).unwrap())), 1, "{verb:?}");
    }
}

#[test]
fn a_reply_from_before_an_eviction_serves_nobody_and_its_own_call_asks_again() {
    let scene = Scene::quietly("", Quiet::Alone { _held: Alone::begin() });
    let envelope = scene.encrypt("b").unwrap();
    let evictions: [(&str, Eviction); 3] = [
        ("after_restore", |scene| scene.vault.after_restore().unwrap()),
        ("the same configuration again", |scene| scene.reload("", "active")),
        ("suspended and active again", |scene| {
            scene.reload("", "suspended");
            scene.reload("", "active");
        }),
    ];
    let mut now = START;
    for (what, evict) in evictions {
        for verb in BOTH {
            now += 60_000;
            scene.clock.set(now);
            let before = scene.kms.calls();
            let evict_and_look = || {
                evict(&scene);
                scene.kms.release_up_to(before + 1);
                scene.kms.wait_for_calls(before + 2);
                assert!(!verb.has_lease(&scene, &envelope), "{what}, {verb:?}: the old reply is no lease");
            };
            race(&scene, || verb.run(&scene, &envelope), evict_and_look).unwrap();
            assert_eq!(scene.kms.calls(), before + 2);
            assert!(verb.has_lease(&scene, &envelope), "{what}, {verb:?}: what was agreed to afterwards is one");

            now += 60_000;
            scene.clock.set(now);
            let evict_and_refuse = || {
                evict(&scene);
                scene.kms.answer("b1", Answer::Fail(ErrorCode::KeyDisabled));
            };
            let outcome = race(&scene, || verb.run(&scene, &envelope), evict_and_refuse);
            assert_eq!(outcome.unwrap_err(), ErrorCode::KeyDisabled, "{what}, {verb:?}: it asked again");
            assert_eq!(verb.run(&scene, &envelope).unwrap_err(), ErrorCode::KeyDisabled);
            scene.kms.answer("b1", Answer::Agree);
        }
    }
}

#[test]
fn a_refusal_of_either_verb_takes_back_what_the_other_waits_for() {
    for (verb, code) in BOTH.into_iter().flat_map(|verb| REFUSALS.map(|code| (verb, code))) {
        let (scene, envelope) = scene();
        let refuse = || {
            scene.kms.answer("b1", Answer::Fail(code));
            scene.kms.release_only_from(scene.kms.calls() + 1);
            assert_eq!(verb.other().run(&scene, &envelope).unwrap_err(), code);
        };
        let outcome = race(&scene, || verb.run(&scene, &envelope), refuse);
        outcome.expect("the KMS agreed when this call asked");
        assert!(!verb.has_lease(&scene, &envelope), "{verb:?}, {code:?}");
        let next = || assert_eq!(verb.run(&scene, &envelope).unwrap_err(), code, "{verb:?}");
        assert_eq!(scene.calls(next), 1, "{verb:?}, {code:?}: the next one asks");
    }
}

#[test]
fn a_refusal_by_the_other_key_of_the_binding_takes_back_a_reply_too() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("a").unwrap();
    scene.clock.set(START + 60_000);
    let refuse = || {
        scene.kms.answer("a2", Answer::Fail(ErrorCode::KeyDisabled));
        scene.kms.release_only_from(scene.kms.calls() + 1);
        assert_eq!(scene.encrypt("a").unwrap_err(), ErrorCode::KeyDisabled, "every key wraps");
    };
    assert_eq!(race(&scene, || scene.decrypt("a", &envelope), refuse).unwrap(), b"data");
    assert_eq!(scene.calls(|| drop(scene.decrypt("a", &envelope).unwrap())), 1, "the first key still agrees, if asked");
}

#[test]
fn who_waited_for_a_reply_that_was_taken_back_asks_for_itself() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let ((scene, envelope), context) = (scene(), context("b"));
    let begin = |call: Pin<&mut dyn Future<Output = _>>| -> Poll<Result<Vec<u8>, Error>> {
        call.poll(&mut TaskContext::from_waker(Waker::noop()))
    };
    let before = scene.kms.calls();
    scene.kms.hold_replies();
    let mut asks = pin!(scene.vault.decrypt(&envelope, &context, None));
    let mut waits = pin!(scene.vault.decrypt(&envelope, &context, None));
    assert!(begin(asks.as_mut()).is_pending() && begin(waits.as_mut()).is_pending());
    assert_eq!(scene.kms.calls(), before + 1, "one asks for both");
    scene.kms.answer("b1", Answer::Fail(ErrorCode::KeyDisabled));
    scene.kms.release_only_from(before + 2);
    let refused = runtime.block_on(scene.vault.encrypt(b"data", &context, None));
    assert_eq!(refused.unwrap_err(), ErrorCode::KeyDisabled);
    scene.kms.release_replies();
    assert_eq!(runtime.block_on(asks).unwrap(), b"data");
    assert_eq!(runtime.block_on(waits).unwrap_err(), ErrorCode::KeyDisabled);
    assert_eq!(scene.kms.calls(), before + 3);
}
