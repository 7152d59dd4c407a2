//! Options of calls and replaced configurations, against a KMS that does not answer before the test says so.

#![cfg(all(feature = "aws", feature = "sqlite"))]
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use libvault::{CallOptions, CancelToken, Config, ErrorCode, LogLevel, Vault};

mod support;

use support::{HeldKms, Place, context, customer};

fn encrypt(vault: &Vault) -> Result<Vec<u8>, libvault::Error> {
    vault.encrypt_blocking(b"data", &context("org_123"), None)
}

#[test]
fn cancelling_ends_a_call_that_waits_for_a_kms() {
    let (kms, place, cancel) = (HeldKms::start(), Place::new(), CancelToken::default());
    let vault = place.open(&customer(&kms.endpoint, "active")).with(CallOptions::default().cancel(&cancel));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| encrypt(&vault));
        kms.arrived.recv().unwrap();
        cancel.cancel();
        assert_eq!(call.join().unwrap().unwrap_err(), ErrorCode::Cancelled);
    });
    // A cancelled token stops whatever begins later, also what needs no KMS.
    assert_eq!(vault.encrypt_now(b"", &context("other"), None).unwrap_err(), ErrorCode::Cancelled);
}

#[test]
fn a_call_ends_at_its_own_timeout_and_says_which_key() {
    let (kms, place) = (HeldKms::start(), Place::new());
    let vault = place.open(&customer(&kms.endpoint, "active"));
    let error = encrypt(&vault.with(CallOptions::default().timeout(Duration::from_millis(50)))).unwrap_err();
    assert_eq!(error, ErrorCode::Timeout);
    assert_eq!((error.provider(), error.key_id(), error.operation()), (Some("aws"), Some("key_org_123"), Some("wrap")));
}

#[test]
fn a_timeout_beyond_all_measure_is_none() {
    let (kms, place) = (HeldKms::start(), Place::new());
    let vault = place.open(&customer(&kms.endpoint, "active")).with(CallOptions::default().timeout(Duration::MAX));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| encrypt(&vault));
        kms.arrived.recv().unwrap();
        kms.release();
        call.join().unwrap().unwrap();
    });
}

#[test]
fn an_interrupted_call_ends() {
    let (kms, place, asked) = (HeldKms::start(), Place::new(), Arc::new(AtomicUsize::new(0)));
    let vault = place.open(&customer(&kms.endpoint, "active"));
    let count = Arc::clone(&asked);
    let options = CallOptions::default().interrupt(Arc::new(move || count.fetch_add(1, Ordering::SeqCst) == 2));
    assert_eq!(encrypt(&vault.with(options)).unwrap_err(), ErrorCode::Cancelled);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn the_futures_of_the_verbs_are_send() {
    fn is_send<T: Send>(_: T) {}
    let (place, context) = (Place::new(), context("org_1"));
    let vault = place.open("");
    is_send(vault.encrypt(b"", &context, None));
    is_send(vault.decrypt(b"", &context, None));
    is_send(vault.create_data_key(&context));
    is_send(vault.decrypt_data_key(b"", &context));
}

#[test]
fn a_suspension_holds_for_calls_that_are_under_way() {
    let (kms, place) = (HeldKms::start(), Place::new());
    let vault = place.open(&customer(&kms.endpoint, "active"));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| encrypt(&vault));
        kms.arrived.recv().unwrap();
        vault.reload(place.config(&customer(&kms.endpoint, "suspended"))).unwrap();
        kms.release();
        assert_eq!(
            call.join().unwrap().unwrap_err(),
            ErrorCode::KeySuspended,
            "the old decision's result is discarded"
        );
    });
}

#[test]
fn a_call_under_way_goes_on_under_the_new_configuration() {
    let (kms, place) = (HeldKms::start(), Place::new());
    let vault = place.open(&customer(&kms.endpoint, "active"));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| encrypt(&vault));
        kms.arrived.recv().unwrap();
        vault.reload(place.config("")).unwrap();
        kms.release();
        let envelope = call.join().unwrap().unwrap();
        assert_eq!(libvault::inspect(&envelope).unwrap().policy, "managed");
    });
}

#[test]
fn running_again_gives_a_call_no_more_time() {
    let (kms, place) = (HeldKms::start(), Place::new());
    let with_total = |milliseconds: u32| {
        place.config(&customer(&kms.endpoint, "active").replace("total = 60000", &format!("total = {milliseconds}")))
    };
    let vault = Vault::open(with_total(2_000)).unwrap();
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let call = scope.spawn(|| encrypt(&vault));
        kms.arrived.recv().unwrap();
        vault.reload(with_total(60_000)).unwrap();
        // The first attempt is answered and discarded, the second one never answered.
        kms.release();
        assert_eq!(call.join().unwrap().unwrap_err(), ErrorCode::Timeout);
        assert!(begun.elapsed() < Duration::from_secs(50), "the time of the first attempt is that of the call");
    });
}

#[test]
fn a_call_under_way_when_the_vault_is_closed_finishes() {
    let (kms, place) = (HeldKms::start(), Place::new());
    let vault = place.open(&customer(&kms.endpoint, "active"));
    let view = vault.with(CallOptions::default());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| encrypt(&vault));
        kms.arrived.recv().unwrap();
        view.close();
        view.close();
        kms.release();
        assert_eq!(libvault::inspect(&call.join().unwrap().unwrap()).unwrap().policy, "customer_gated");
    });
    let refused = [
        encrypt(&vault).unwrap_err(),
        vault.match_context(&context("org_123")).unwrap_err(),
        vault.reload(place.config("")).unwrap_err(),
        vault.encrypt_now(b"", &context("other"), None).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.code() == ErrorCode::Closed), "{refused:?}");
}

#[test]
fn a_suspension_holds_though_the_vault_is_closed_after_it() {
    let (kms, place) = (HeldKms::start(), Place::new());
    let vault = place.open(&customer(&kms.endpoint, "active"));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| encrypt(&vault));
        kms.arrived.recv().unwrap();
        vault.reload(place.config(&customer(&kms.endpoint, "suspended"))).unwrap();
        vault.close();
        kms.release();
        assert_eq!(call.join().unwrap().unwrap_err(), ErrorCode::Closed, "the old decision's result is discarded");
    });
}

#[test]
fn a_refused_reload_leaves_the_old_configuration_in_force_and_says_so() {
    let place = Place::new();
    let vault = place.open("");
    let envelope = vault.encrypt_now(b"data", &context("org_1"), None).unwrap();
    let (sender, records) = channel();
    vault.set_log(Some(Arc::new(move |record| sender.send(record.clone()).unwrap())));
    let missing = place.path().join("elsewhere");
    let error = vault.reload(
        Config::from_toml("store = \"vault.db\"\nroot_key = { provider = \"local\", path = \"r\" }", &missing).unwrap(),
    );
    assert_eq!(error.unwrap_err(), ErrorCode::InvalidConfig);
    let record = records.recv().unwrap();
    assert_eq!((record.level, record.event), (LogLevel::Warning, "reload_failed"));
    assert_eq!(vault.decrypt_now(&envelope, &context("org_1"), None).unwrap(), b"data");
    vault.reload(place.config("")).unwrap();
    assert_eq!((records.recv().unwrap().event, vault.stats().reloads), ("reloaded", 1));
    assert_eq!(vault.decrypt_now(&envelope, &context("org_1"), None).unwrap(), b"data");
}

#[test]
fn a_reload_reads_rotated_key_files() {
    let place = Place::new();
    let root_key = place.path().join("root.key");
    let vault = place.open("");
    let other = place.open("");
    let before = vault.encrypt_now(b"data", &context("org_1"), None).unwrap();
    let mut rotated = std::fs::read_to_string(&root_key).unwrap();
    rotated.push_str(&format!("2 {}\n", "5f".repeat(32)));
    std::fs::write(&root_key, rotated).unwrap();
    vault.reload(place.config("")).unwrap();
    assert_eq!(vault.decrypt_now(&before, &context("org_1"), None).unwrap(), b"data");
    // A managed key that is made now is wrapped by the new version, which the vault that was not reloaded does not have.
    let after = vault.encrypt_now(b"data", &context("org_2"), None).unwrap();
    assert_eq!(other.decrypt_now(&after, &context("org_2"), None).unwrap_err(), ErrorCode::StoreUnavailable);
    other.reload(place.config("")).unwrap();
    assert_eq!(other.decrypt_now(&after, &context("org_2"), None).unwrap(), b"data");
}
