//! The revocation bound (P3), with the clock and the KMS's answers in the test's hand.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crate::clock::HeldClock;
use crate::config::Config;
use crate::context::Context;
use crate::engine::Environment;
use crate::engine::restoring::{Alone, Undisturbed};
use crate::error::{Error, ErrorCode};
use crate::kms::{Answer, HeldKms, KeyFile};
use crate::options::{CallOptions, CancelToken};
use crate::vault::Vault;

mod interleavings;
mod races;
mod streams;

/// A vault whose customers `a` (keys `a1` and `a2`, either opens) and `b` (key `b1`) have keys in a KMS of the test's.
pub(crate) struct Scene {
    pub(crate) clock: Arc<HeldClock>,
    pub(crate) kms: Arc<HeldKms>,
    pub(crate) vault: Vault,
    directory: tempfile::TempDir,
    /// That nobody else restores a snapshot meanwhile, or that this test may.
    _quiet: Quiet,
}

enum Quiet {
    Undisturbed { _held: Undisturbed },
    Alone { _held: Alone },
}

const START: u64 = 1_000_000;

impl Scene {
    pub(crate) fn new(extra: &str) -> Self {
        Self::quietly(extra, Quiet::Undisturbed { _held: Undisturbed::begin() })
    }

    fn quietly(extra: &str, quiet: Quiet) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = crate::init(&directory.path().join("vault")).unwrap();
        for key in ["a1", "a2", "b1"] {
            KeyFile::create(&directory.path().join(format!("vault/{key}.key")), &crate::aead::SystemRandom).unwrap();
        }
        let (clock, kms) = (Arc::new(HeldClock::at(START)), HeldKms::new());
        let environment =
            Environment { clock: Arc::clone(&clock) as _, kms: Some(Arc::clone(&kms)), ..Environment::default() };
        let config = Config::from_toml(&toml(extra, "active"), made.config.parent().unwrap()).unwrap();
        Self { vault: Vault::open_in(config, environment).unwrap(), clock, kms, directory, _quiet: quiet }
    }

    pub(crate) fn encrypt(&self, tenant: &str) -> Result<Vec<u8>, Error> {
        self.vault.encrypt_blocking(b"data", &context(tenant), None)
    }

    pub(crate) fn decrypt(&self, tenant: &str, envelope: &[u8]) -> Result<Vec<u8>, Error> {
        self.vault.decrypt_blocking(envelope, &context(tenant), None)
    }

    fn reload(&self, extra: &str, state: &str) {
        let config = Config::from_toml(&toml(extra, state), &self.directory.path().join("vault")).unwrap();
        self.vault.reload(config).unwrap();
    }

    /// Calls to the KMS that `work` makes.
    fn calls(&self, work: impl FnOnce()) -> usize {
        let before = self.kms.calls();
        work();
        self.kms.calls() - before
    }
}

fn toml(extra: &str, state: &str) -> String {
    format!(
        r#"
        store = "vault.db"
        root_key = {{ provider = "local", path = "root.key" }}
        {extra}
        [[bindings]]
        id = "a"
        owner = "a"
        selector = {{ organization_id = "a" }}
        state = "{state}"
        min_wraps = 1
        keys = [{{ id = "a1", provider = "local", path = "a1.key" }}, {{ id = "a2", provider = "local", path = "a2.key" }}]
        [[bindings]]
        id = "b"
        owner = "b"
        selector = {{ organization_id = "b" }}
        state = "{state}"
        keys = [{{ id = "b1", provider = "local", path = "b1.key" }}]
        "#
    )
}

pub(crate) fn context(tenant: &str) -> Context {
    Context::new([("organization_id", tenant)]).unwrap()
}

#[test]
fn a_data_key_serves_until_max_age_counted_from_the_request_and_use_does_not_extend_that() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("b").unwrap();
    for milliseconds in [0, 30_000, 59_999] {
        scene.clock.set(START + milliseconds);
        assert_eq!(scene.calls(|| drop(scene.encrypt("b").unwrap())), 0);
    }
    assert_eq!(scene.calls(|| drop(scene.decrypt("b", &envelope).unwrap())), 1, "another lease");
    scene.clock.set(START + 60_000);
    assert_eq!(scene.calls(|| drop(scene.encrypt("b").unwrap())), 1);
    assert_eq!(scene.calls(|| drop(scene.decrypt("b", &envelope).unwrap())), 0);
    scene.clock.set(START + 59_999 + 60_000);
    assert_eq!(scene.calls(|| drop(scene.decrypt("b", &envelope).unwrap())), 1);
    scene.clock.set(START);
    assert_eq!(scene.calls(|| drop(scene.encrypt("b").unwrap())), 1, "a clock that goes back makes nothing fresh");
}

#[test]
fn the_time_that_the_kms_took_counts() {
    let scene = Scene::new("");
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| scene.encrypt("b").unwrap());
        scene.kms.wait_for_calls(1);
        scene.clock.set(START + 59_000);
        scene.kms.release_replies();
        slow.join().unwrap();
    });
    scene.clock.set(START + 59_999);
    assert_eq!(scene.calls(|| drop(scene.encrypt("b").unwrap())), 0);
    scene.clock.set(START + 60_000);
    assert_eq!(scene.calls(|| drop(scene.encrypt("b").unwrap())), 1);
}

#[test]
fn without_leases_every_message_asks() {
    let scene = Scene::new("[leases]\nmax_age = 0");
    let envelope = scene.encrypt("b").unwrap();
    assert_eq!(scene.calls(|| drop(scene.encrypt("b").unwrap())), 1);
    assert_eq!(scene.calls(|| drop(scene.decrypt("b", &envelope).unwrap())), 1);
    assert_eq!(scene.vault.stats().leases_opened, 0);
}

#[test]
fn a_lease_ends_with_its_messages_and_its_bytes() {
    for (limit, of_nine, why) in
        [("max_messages = 3", 3, "three messages each"), ("max_bytes = 10", 5, "two messages of 4 bytes each")]
    {
        let scene = Scene::new(&format!("[leases]\n{limit}"));
        let writes = || (0..9).for_each(|_| drop(scene.encrypt("b").unwrap()));
        assert_eq!(scene.calls(writes), of_nine, "{why}");
        let envelope = scene.encrypt("b").unwrap();
        let reads = || (0..9).for_each(|_| drop(scene.decrypt("b", &envelope).unwrap()));
        assert_eq!(scene.calls(reads), of_nine, "{why}");
    }
}

#[test]
fn messages_of_a_lease_share_a_bundle_and_nothing_else() {
    let scene = Scene::new("");
    let (one, other) = (scene.encrypt("b").unwrap(), scene.encrypt("b").unwrap());
    assert_ne!(one, other);
    let (one, other) = (crate::inspect(&one).unwrap(), crate::inspect(&other).unwrap());
    assert_eq!(one.data_key_id, other.data_key_id);
    assert_eq!(scene.decrypt("b", &scene.encrypt("b").unwrap()).unwrap(), b"data");
}

#[test]
fn a_refusal_on_encryption_takes_back_what_was_agreed_for_decryption() {
    let scene = Scene::new("[leases]\nmax_messages = 2");
    let envelope = scene.encrypt("b").unwrap();
    scene.encrypt("b").unwrap();
    scene.decrypt("b", &envelope).unwrap();
    scene.kms.answer("b1", Answer::Fail(ErrorCode::AccessDenied));
    assert_eq!(scene.encrypt("b").unwrap_err(), ErrorCode::AccessDenied, "the lease for writing was used up");
    assert_eq!(scene.decrypt("b", &envelope).unwrap_err(), ErrorCode::AccessDenied, "the one for reading was not");
}

#[test]
fn a_refusal_evicts_every_entry_the_key_helped_to_open_and_no_other() {
    for code in [ErrorCode::AccessDenied, ErrorCode::KeyDisabled, ErrorCode::KeyPendingDeletion, ErrorCode::KeyNotFound]
    {
        let scene = Scene::new("");
        let (first, second) = (scene.encrypt("b").unwrap(), {
            scene.clock.set(START + 60_000);
            scene.encrypt("b").unwrap()
        });
        let others = scene.encrypt("a").unwrap();
        scene.decrypt("b", &first).unwrap();
        scene.decrypt("a", &others).unwrap();
        scene.kms.answer("b1", Answer::Fail(code));
        assert_eq!(scene.calls(|| drop(scene.decrypt("b", &first).unwrap())), 0, "nobody has asked yet");
        assert_eq!(scene.decrypt("b", &second).unwrap_err(), code, "another data key: the KMS is asked and refuses");
        assert_eq!(scene.decrypt("b", &first).unwrap_err(), code);
        assert_eq!(scene.encrypt("b").unwrap_err(), code);
        assert_eq!(scene.calls(|| drop(scene.decrypt("a", &others).unwrap())), 0, "another customer's key");
    }
}

#[test]
fn a_refusal_by_any_key_of_a_binding_evicts_what_the_other_opened() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("a").unwrap();
    scene.kms.answer("a1", Answer::Fail(ErrorCode::KmsUnavailable));
    scene.decrypt("a", &envelope).unwrap();
    scene.kms.answer("a1", Answer::Fail(ErrorCode::KeyDisabled));
    scene.clock.set(START + 60_001);
    // Another bundle of the same binding asks the first key.
    assert_eq!(scene.encrypt("a").unwrap_err(), ErrorCode::KeyDisabled);
    assert_eq!(scene.decrypt("a", &envelope).unwrap_err(), ErrorCode::KeyDisabled);
}

#[test]
fn a_reply_from_before_a_refusal_fills_no_cache() {
    let scene = Scene::new("");
    let (held, other) = (scene.encrypt("b").unwrap(), {
        scene.clock.set(START + 60_000);
        scene.encrypt("b").unwrap()
    });
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let before = scene.kms.calls();
        let early = scope.spawn(|| scene.decrypt("b", &held));
        scene.kms.wait_for_calls(before + 1);
        scene.kms.answer("b1", Answer::Fail(ErrorCode::KeyDisabled));
        let refused = scope.spawn(|| scene.decrypt("b", &other));
        scene.kms.wait_for_calls(before + 2);
        scene.kms.release_only_from(before + 2);
        assert_eq!(refused.join().unwrap().unwrap_err(), ErrorCode::KeyDisabled);
        scene.kms.release_replies();
        assert_eq!(early.join().unwrap().unwrap(), b"data", "the KMS agreed when this call asked");
    });
    assert_eq!(scene.decrypt("b", &held).unwrap_err(), ErrorCode::KeyDisabled);
}

#[test]
fn of_many_who_ask_at_once_one_calls_the_kms() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("b").unwrap();
    for (what, work) in [
        ("encrypt", &(|| drop(scene.encrypt("a").unwrap())) as &(dyn Fn() + Sync)),
        ("decrypt", &|| assert_eq!(scene.decrypt("b", &envelope).unwrap(), b"data")),
    ] {
        scene.kms.hold_replies();
        let before = scene.kms.calls();
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(work);
            }
            scene.kms.wait_for_calls(before + 1);
            scene.kms.release_replies();
        });
        // Two keys wrap for `a`, one unwraps for `b`.
        assert_eq!(scene.kms.calls() - before, if what == "encrypt" { 2 } else { 1 }, "{what}");
    }
}

#[test]
fn a_failure_is_told_to_who_waited_and_not_kept() {
    let scene = Scene::new("");
    scene.kms.answer("b1", Answer::Fail(ErrorCode::AccessDenied));
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..20).map(|_| scope.spawn(|| scene.encrypt("b"))).collect();
        scene.kms.wait_for_calls(1);
        scene.kms.release_replies();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap_err(), ErrorCode::AccessDenied);
        }
    });
    scene.kms.answer("b1", Answer::Agree);
    scene.encrypt("b").unwrap();
}

#[test]
fn when_the_one_who_asked_gives_up_another_asks() {
    let (scene, cancel) = (Scene::new(""), CancelToken::default());
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let impatient = scene.vault.with(CallOptions::default().cancel(&cancel));
        let first = scope.spawn(move || impatient.encrypt_blocking(b"data", &context("b"), None));
        scene.kms.wait_for_calls(1);
        let second = scope.spawn(|| scene.encrypt("b"));
        cancel.cancel();
        assert_eq!(first.join().unwrap().unwrap_err(), ErrorCode::Cancelled);
        scene.kms.wait_for_calls(2);
        scene.kms.release_replies();
        second.join().unwrap().unwrap();
    });
}

#[test]
fn a_reload_begins_without_leases_and_a_suspension_holds_at_once() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("a").unwrap();
    scene.decrypt("a", &envelope).unwrap();
    scene.reload("", "suspended");
    assert_eq!(scene.decrypt("a", &envelope).unwrap_err(), ErrorCode::KeySuspended);
    assert_eq!(scene.encrypt("a").unwrap_err(), ErrorCode::KeySuspended);
    scene.reload("", "active");
    assert_eq!(scene.calls(|| drop(scene.decrypt("a", &envelope).unwrap())), 1);
}

#[test]
fn a_reload_does_not_forget_a_refusal() {
    let scene = Scene::new("");
    let (held, other) = (scene.encrypt("b").unwrap(), {
        scene.clock.set(START + 60_000);
        scene.encrypt("b").unwrap()
    });
    // A call under the old configuration hears the refusal after the new one has opened a lease.
    scene.kms.answer("b1", Answer::Fail(ErrorCode::KeyDisabled));
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let before = scene.kms.calls();
        let refused = scope.spawn(|| scene.decrypt("b", &other));
        scene.kms.wait_for_calls(before + 1);
        scene.reload("", "active");
        scene.kms.answer("b1", Answer::Agree);
        scene.kms.release_only_from(before + 2);
        scene.decrypt("b", &held).unwrap();
        assert_eq!(scene.calls(|| drop(scene.decrypt("b", &held).unwrap())), 0);
        scene.kms.release_replies();
        assert_eq!(refused.join().unwrap().unwrap_err(), ErrorCode::KeyDisabled);
    });
    assert_eq!(scene.calls(|| drop(scene.decrypt("b", &held).unwrap())), 1);
}

#[test]
fn a_circuit_that_is_open_for_one_of_two_keys_leads_to_the_other_with_leases_too() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("a").unwrap();
    scene.decrypt("a", &envelope).unwrap();
    scene.kms.answer("a1", Answer::Fail(ErrorCode::KmsUnavailable));
    for _ in 0..5 {
        scene.vault.create_data_key_blocking(&context("a")).unwrap();
    }
    assert_eq!(scene.decrypt("a", &envelope).unwrap(), b"data", "by the other key");
    assert_eq!(scene.calls(|| drop(scene.decrypt("a", &envelope).unwrap())), 0, "whose agreement is a lease again");
    scene.encrypt("a").unwrap();
}

#[test]
fn a_restored_copy_and_its_original_share_no_lease() {
    let scene = Scene::quietly("", Quiet::Alone { _held: Alone::begin() });
    let envelope = scene.encrypt("b").unwrap();
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let before = scene.kms.calls();
        let asked_before = scope.spawn(|| scene.decrypt("b", &envelope));
        scene.kms.wait_for_calls(before + 1);
        scene.vault.after_restore().unwrap();
        scene.kms.release_replies();
        asked_before.join().unwrap().unwrap();
    });
    assert_eq!(scene.calls(|| drop(scene.encrypt("b").unwrap())), 1);
}

#[test]
fn a_lease_is_no_way_around_an_open_circuit() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("b").unwrap();
    scene.decrypt("b", &envelope).unwrap();
    scene.kms.answer("b1", Answer::Fail(ErrorCode::KmsUnavailable));
    for _ in 0..5 {
        assert_eq!(scene.vault.create_data_key_blocking(&context("b")).unwrap_err(), ErrorCode::KmsUnavailable);
    }
    let before = scene.kms.calls();
    assert_eq!(scene.vault.create_data_key_blocking(&context("b")).unwrap_err(), ErrorCode::CircuitOpen);
    assert_eq!(scene.decrypt("b", &envelope).unwrap_err(), ErrorCode::CircuitOpen);
    assert_eq!(scene.encrypt("b").unwrap_err(), ErrorCode::CircuitOpen);
    assert_eq!(scene.kms.calls(), before);
    scene.encrypt("a").unwrap();
    scene.kms.answer("b1", Answer::Agree);
    scene.clock.set(START + 1_001);
    scene.decrypt("b", &envelope).unwrap();
}

#[test]
fn data_keys_for_callers_and_changes_of_keys_always_ask() {
    let scene = Scene::new("");
    let context = context("b");
    let envelope = scene.encrypt("b").unwrap();
    scene.decrypt("b", &envelope).unwrap();
    let created = scene.vault.create_data_key_blocking(&context).unwrap();
    assert_eq!(scene.calls(|| drop(scene.vault.create_data_key_blocking(&context).unwrap())), 1);
    let open = || drop(scene.vault.decrypt_data_key_blocking(&created.bundle, &context).unwrap());
    assert_eq!((scene.calls(open), scene.calls(open)), (1, 1));
    let reencrypt =
        || drop(scene.vault.reencrypt_blocking(&envelope, &context, None, crate::Downgrade::Refuse).unwrap());
    assert_eq!(scene.calls(reencrypt), 2);
}

#[test]
fn a_hit_needs_no_network_and_so_no_waiting() {
    let scene = Scene::new("");
    assert_eq!(scene.vault.encrypt_now(b"data", &context("b"), None).unwrap_err(), ErrorCode::WouldBlock);
    let envelope = scene.encrypt("b").unwrap();
    scene.vault.encrypt_now(b"data", &context("b"), None).unwrap();
    scene.decrypt("b", &envelope).unwrap();
    assert_eq!(scene.vault.decrypt_now(&envelope, &context("b"), None).unwrap(), b"data");
}

#[test]
fn hits_go_on_while_every_lock_around_them_is_held() {
    let scene = Scene::new("");
    let envelope = scene.encrypt("b").unwrap();
    scene.decrypt("b", &envelope).unwrap();
    let (engine, vault, before) = (&scene.vault.engine, scene.vault.clone(), scene.kms.calls());
    let leases = Arc::clone(&engine.snapshot().unwrap().leases);
    let locks = (leases.writing.flights.hold_lock(), leases.reading.flights.hold_lock());
    let more_locks = (engine.reload_alone(), engine.log().backlog());
    let (tell, told) = std::sync::mpsc::channel();
    let hits = std::thread::spawn(move || {
        for _ in 0..100 {
            vault.encrypt_now(b"data", &context("b"), None).unwrap();
            vault.encrypt_blocking(b"data", &context("b"), None).unwrap();
            assert_eq!(vault.decrypt_now(&envelope, &context("b"), None).unwrap(), b"data");
            assert_eq!(vault.decrypt_blocking(&envelope, &context("b"), None).unwrap(), b"data");
        }
        tell.send(()).unwrap();
    });
    let outcome = told.recv_timeout(std::time::Duration::from_secs(60));
    drop((locks, more_locks));
    hits.join().unwrap();
    outcome.expect("a hit waits for a lock");
    assert_eq!(scene.kms.calls(), before);
}

#[test]
fn messages_under_a_lease_are_counted_in_the_trail() {
    let scene = Scene::new("[audit]\nsink = \"file\"\npath = \"audit.jsonl\"");
    (0..5).for_each(|_| drop(scene.encrypt("b").unwrap()));
    scene.clock.set(START + 10_000);
    scene.encrypt("b").unwrap();
    scene.encrypt("b").unwrap();
    scene.vault.close();
    assert_eq!(scene.messages(), [None, Some(5), Some(1)], "the one that asked, after ten seconds, at the end");

    let scene = Scene::new("[audit]\nsink = \"file\"\npath = \"audit.jsonl\"\nevery_message = true");
    (0..3).for_each(|_| drop(scene.encrypt("b").unwrap()));
    scene.vault.close();
    assert_eq!(scene.messages(), [None, None, None]);
}

impl Scene {
    /// How many messages each event of the trail stands for.
    fn messages(&self) -> Vec<Option<u64>> {
        let trail = std::fs::read_to_string(self.directory.path().join("vault/audit.jsonl")).unwrap();
        let events = trail.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        events.map(|event| event["messages"].as_u64()).collect()
    }
}
