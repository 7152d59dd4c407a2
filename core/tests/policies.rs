//! Which keys may be missing, which lead on to others, and that a customer's key which fails is never replaced: against a KMS whose keys break one by one.

#![cfg(all(feature = "aws", feature = "sqlite"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/fake_kms.rs"]
mod fake_kms;
mod support;

use std::io::Write as _;

use fake_kms::{DENIED, FakeKms, INVALID_CIPHERTEXT, REFUSALS, THROTTLED, UNAVAILABILITIES, UNAVAILABLE, arn};
use libvault::{Config, Context, Downgrade, Error, RewrapOptions, Stats, StreamOptions, Vault, inspect};
use support::Place;

const DATA: &[u8] = b"a record of the customer";

struct Scene {
    kms: FakeKms,
    place: Place,
}

impl Scene {
    fn new() -> Self {
        Self { kms: FakeKms::start(), place: Place::new() }
    }

    fn config(&self, bindings: &[String]) -> Config {
        self.place.config(&format!("{}{}", self.kms.config(), bindings.concat()))
    }

    fn open(&self, bindings: &[String]) -> Vault {
        Vault::open(self.config(bindings)).unwrap()
    }
}

/// A binding with keys of these numbers for `NAME: x`, whose owner is NAME.
fn binding(name: &str, keys: &[u32], more: &str) -> String {
    let mut text =
        format!("[[bindings]]\nid = \"bnd_{name}\"\nowner = \"{name}\"\nselector = {{ {name} = \"x\" }}\n{more}\n");
    for key in keys {
        text += &format!("[[bindings.keys]]\nid = \"key_{key}\"\nprovider = \"aws\"\narn = \"{}\"\n", arn(*key));
    }
    text
}

fn context(names: &[&str]) -> Context {
    Context::new(names.iter().map(|name| (*name, "x"))).unwrap()
}

fn wraps(envelope: &[u8]) -> Vec<usize> {
    inspect(envelope).unwrap().shares.iter().map(|share| share.wraps.len()).collect()
}

fn name_of<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    outcome.unwrap_err().code().name()
}

fn asked(operation: &str, keys: &[u32]) -> Vec<(String, u32)> {
    keys.iter().map(|key| (operation.to_owned(), *key)).collect()
}

#[test]
fn every_key_wraps_unless_min_wraps_lets_unreachable_ones_be_missing() {
    let scene = Scene::new();
    let a = context(&["a"]);
    let strict = scene.open(&[binding("a", &[1, 2], "")]);
    let lenient = scene.open(&[binding("a", &[1, 2], "min_wraps = 1")]);
    for (fault, name) in UNAVAILABILITIES {
        for broken in [1, 2] {
            scene.kms.breaks(broken, fault);
            let before = lenient.stats().missing_wraps;
            assert_eq!(name_of(strict.encrypt_blocking(DATA, &a, None)), name);
            let envelope = lenient.encrypt_blocking(DATA, &a, None).unwrap();
            let data_key = lenient.create_data_key_blocking(&a).unwrap();
            assert_eq!((wraps(&envelope), wraps(&data_key.bundle)), (vec![1], vec![1]));
            assert_eq!(lenient.stats().missing_wraps, before + 2);
            assert!(lenient.warnings().last().unwrap().contains(&format!("key_{broken}")));
            assert_eq!(lenient.decrypt_blocking(&envelope, &a, None).unwrap(), DATA, "one wrap opens it");
            scene.kms.heals();
        }
        scene.kms.breaks(1, fault);
        scene.kms.breaks(2, fault);
        assert_eq!(name_of(lenient.encrypt_blocking(DATA, &a, None)), name, "none of the keys wrapped");
        scene.kms.heals();
    }
    assert_eq!(strict.stats().missing_wraps, 0);
}

#[test]
fn a_refusal_is_never_a_missing_wrap() {
    let scene = Scene::new();
    let vault = scene.open(&[binding("a", &[1, 2], "min_wraps = 1")]);
    for (fault, name) in REFUSALS {
        for broken in [1, 2] {
            scene.kms.breaks(broken, fault);
            assert_eq!(name_of(vault.encrypt_blocking(DATA, &context(&["a"]), None)), name);
            scene.kms.heals();
        }
    }
    // Also after a key that may be missing.
    scene.kms.breaks(1, THROTTLED);
    scene.kms.breaks(2, DENIED);
    assert_eq!(name_of(vault.encrypt_blocking(DATA, &context(&["a"]), None)), "AccessDenied");
    assert_eq!(vault.stats().missing_wraps, 0, "nothing was made, so nothing is missing");
}

#[test]
fn under_any_of_each_binding_has_its_own_minimum() {
    let scene = Scene::new();
    let ab = context(&["a", "b"]);
    let any_of = "policy = \"any_of\"";
    let vault = scene.open(&[binding("a", &[1, 2], &format!("{any_of}\nmin_wraps = 1")), binding("b", &[3], any_of)]);
    scene.kms.breaks(2, UNAVAILABLE);
    let envelope = vault.encrypt_blocking(DATA, &ab, None).unwrap();
    assert_eq!(wraps(&envelope), [2]);
    scene.kms.heals();
    scene.kms.breaks(3, UNAVAILABLE);
    assert_eq!(name_of(vault.encrypt_blocking(DATA, &ab, None)), "KmsUnavailable", "b has no wrap, however many a has");
}

#[test]
fn a_rewrap_adds_the_missing_wrap_and_takes_none_away() {
    let scene = Scene::new();
    let (a, options) = (context(&["a"]), RewrapOptions::default());
    let vault = scene.open(&[binding("a", &[1, 2], "min_wraps = 1")]);
    scene.kms.breaks(1, UNAVAILABLE);
    let envelope = vault.encrypt_blocking(DATA, &a, None).unwrap();
    assert_eq!(name_of(vault.rewrap_blocking(&envelope, &a, options)), "KmsUnavailable", "it would repair nothing");
    scene.kms.heals();
    let repaired = vault.rewrap_blocking(&envelope, &a, options).unwrap();
    assert_eq!(wraps(&repaired), [2]);
    assert!(!inspect(&repaired).unwrap().moved, "no key is left behind");
    for broken in [1, 2] {
        scene.kms.breaks(broken, UNAVAILABLE);
        assert_eq!(vault.decrypt_blocking(&repaired, &a, None).unwrap(), DATA);
        assert_eq!(
            name_of(vault.rewrap_blocking(&repaired, &a, options)),
            "KmsUnavailable",
            "it would take a wrap away"
        );
        scene.kms.heals();
    }
}

#[test]
fn only_an_unreachable_key_leads_on_to_the_next() {
    let scene = Scene::new();
    let a = context(&["a"]);
    let vault = scene.open(&[binding("a", &[1, 2], "")]);
    let envelope = vault.encrypt_blocking(DATA, &a, None).unwrap();
    for (fault, _) in UNAVAILABILITIES {
        scene.kms.breaks(1, fault);
        let before = vault.stats().failovers;
        assert_eq!(vault.decrypt_blocking(&envelope, &a, None).unwrap(), DATA);
        assert_eq!(vault.stats().failovers, before + 1);
        scene.kms.heals();
    }
    let failovers = vault.stats().failovers;
    for (fault, name) in REFUSALS.into_iter().chain([(INVALID_CIPHERTEXT, "AuthenticationFailed")]) {
        scene.kms.breaks(1, fault);
        scene.kms.calls();
        assert_eq!(name_of(vault.decrypt_blocking(&envelope, &a, None)), name);
        assert_eq!(scene.kms.calls(), asked("Decrypt", &[1]), "disabling one of two keys switches both off");
        scene.kms.heals();
    }
    scene.kms.breaks(1, THROTTLED);
    scene.kms.breaks(2, DENIED);
    assert_eq!(
        name_of(vault.decrypt_blocking(&envelope, &a, None)),
        "AccessDenied",
        "a refusal ends it wherever it comes"
    );
    assert_eq!(vault.stats().failovers, failovers + 1);
}

#[test]
fn a_refusal_leads_on_where_the_binding_says_so_and_under_any_of() {
    let scene = Scene::new();
    let (a, ab) = (context(&["a"]), context(&["a", "b"]));
    let lenient = scene.open(&[binding("a", &[1, 2], "failover = \"on_refusal\"")]);
    let any_of = scene.open(&[binding("a", &[1], "policy = \"any_of\""), binding("b", &[2], "policy = \"any_of\"")]);
    for (vault, context) in [(&lenient, &a), (&any_of, &ab)] {
        let envelope = vault.encrypt_blocking(DATA, context, None).unwrap();
        let [first, second] = match vault.match_context(context).unwrap().bindings[0].id.as_str() {
            "bnd_b" => [2, 1],
            _ => [1, 2],
        };
        for (fault, name) in REFUSALS {
            scene.kms.breaks(first, fault);
            assert_eq!(vault.decrypt_blocking(&envelope, context, None).unwrap(), DATA);
            scene.kms.breaks(second, UNAVAILABLE);
            let error = name_of(vault.decrypt_blocking(&envelope, context, None));
            assert_eq!(error, "KmsUnavailable", "the key that may be back soon says more than the refusal");
            scene.kms.breaks(second, DENIED);
            assert_eq!(name_of(vault.decrypt_blocking(&envelope, context, None)), name, "the first one's error");
            scene.kms.heals();
        }
        scene.kms.breaks(first, INVALID_CIPHERTEXT);
        scene.kms.calls();
        assert_eq!(name_of(vault.decrypt_blocking(&envelope, context, None)), "AuthenticationFailed");
        assert_eq!(
            scene.kms.calls(),
            asked("Decrypt", &[first]),
            "after a failed authentication no other wrap is tried"
        );
        scene.kms.heals();
    }
    assert_eq!(
        name_of(lenient.encrypt_blocking(DATA, &a, None).and_then(|_| {
            scene.kms.breaks(2, DENIED);
            lenient.encrypt_blocking(DATA, &a, None)
        })),
        "AccessDenied",
        "failover is about decryption"
    );
}

/// Every verb that protects data with a customer's key, on data that was made while all was well.
type Verb<'a> = Box<dyn Fn(&Vault) -> Result<Vec<u8>, Error> + 'a>;

fn protecting_verbs<'a>(
    a: &'a Context,
    other: &'a Context,
    envelope: &'a [u8],
    bundle: &'a [u8],
) -> Vec<(&'static str, Verb<'a>)> {
    let keep = RewrapOptions { keep_data_key: true, downgrade: Downgrade::Allow };
    vec![
        ("encrypt", Box::new(move |vault| vault.encrypt_blocking(DATA, a, None))),
        (
            "encrypt_into",
            Box::new(move |vault| {
                let mut output = vec![0; 10_000];
                let length = vault.encrypt_into_blocking(DATA, a, None, &mut output)?;
                Ok(output[..length].to_vec())
            }),
        ),
        ("create_data_key", Box::new(move |vault| vault.create_data_key_blocking(a).map(|made| made.bundle))),
        (
            "encryptor",
            Box::new(move |vault| {
                let mut output = Vec::new();
                vault.encryptor_blocking(a, None, StreamOptions::default())?.finish(&mut output)?;
                Ok(output)
            }),
        ),
        ("rewrap", Box::new(move |vault| vault.rewrap_blocking(envelope, a, keep))),
        ("rewrap bundle", Box::new(move |vault| vault.rewrap_blocking(bundle, a, keep))),
        ("reencrypt", Box::new(move |vault| vault.reencrypt_blocking(envelope, a, None, Downgrade::Allow))),
        ("rekey", Box::new(move |vault| vault.rekey_blocking(bundle, a, other, Downgrade::Allow))),
    ]
}

fn vendor_key_uses(stats: Stats) -> u64 {
    stats.root_key_uses + stats.managed_wraps + stats.managed_unwraps
}

/// P1: a matched key that cannot be used is an error, never a fallback, whatever the verb and whatever is allowed.
#[test]
fn no_verb_falls_back_to_managed_keys() {
    let scene = Scene::new();
    let (a, other) = (context(&["a"]), context(&["a", "z"]));
    let vault = scene.open(&[binding("a", &[1], "")]);
    let envelope = vault.encrypt_blocking(DATA, &a, None).unwrap();
    let bundle = vault.create_data_key_blocking(&a).unwrap().bundle;
    for (fault, name) in UNAVAILABILITIES.into_iter().chain(REFUSALS) {
        scene.kms.breaks(1, fault);
        for (verb, run) in protecting_verbs(&a, &other, &envelope, &bundle) {
            // A vault of its own: after five calls without an answer the circuit would open.
            let vault = scene.open(&[binding("a", &[1], "")]);
            let uses = vendor_key_uses(vault.stats());
            assert_eq!(run(&vault).unwrap_err().code().name(), name, "{verb}");
            assert_eq!(vendor_key_uses(vault.stats()), uses, "{verb}: no managed key and no root key was touched");
        }
        scene.kms.heals();
    }
}

/// P1, where only the second half of a change fails: the old key opens, and the new one does not wrap.
#[test]
fn a_change_whose_new_key_fails_gives_nothing() {
    let scene = Scene::new();
    let a = context(&["a"]);
    let (options, old) =
        (RewrapOptions { keep_data_key: true, downgrade: Downgrade::Refuse }, scene.open(&[binding("a", &[1], "")]));
    let envelope = old.encrypt_blocking(DATA, &a, None).unwrap();
    let moved = binding("a", &[1], "state = \"retired\"") + &binding("a", &[2], "").replace("bnd_a", "bnd_a_new");
    let vault = scene.open(&[moved]);
    let uses = vendor_key_uses(vault.stats());
    for (fault, name) in UNAVAILABILITIES.into_iter().chain(REFUSALS) {
        scene.kms.breaks(2, fault);
        assert_eq!(name_of(vault.rewrap_blocking(&envelope, &a, options)), name);
        assert_eq!(name_of(vault.reencrypt_blocking(&envelope, &a, None, Downgrade::Refuse)), name);
        scene.kms.heals();
    }
    assert_eq!(vendor_key_uses(vault.stats()), uses);
    let moved = vault.rewrap_blocking(&envelope, &a, options).unwrap();
    assert!(inspect(&moved).unwrap().moved);
    scene.kms.breaks(1, DENIED);
    assert_eq!(vault.decrypt_blocking(&moved, &a, None).unwrap(), DATA, "the new key alone opens it");
}

#[test]
fn what_is_refused_is_refused_before_any_call() {
    let scene = Scene::new();
    let a = context(&["a"]);
    let envelope = scene.open(&[binding("a", &[1], "")]).encrypt_blocking(DATA, &a, None).unwrap();
    let retired = scene.open(&[binding("a", &[1], "state = \"retired\"")]);
    let moved = binding("a", &[1], "state = \"retired\"") + &binding("a", &[2], "").replace("bnd_a", "bnd_a_new");
    let moved = scene.open(&[moved]);
    scene.kms.calls();
    let keep = RewrapOptions { keep_data_key: true, downgrade: Downgrade::Refuse };
    assert_eq!(name_of(retired.rewrap_blocking(&envelope, &a, keep)), "DowngradeRefused");
    assert_eq!(name_of(retired.rewrap_now(&envelope, &a, keep)), "DowngradeRefused", "not WouldBlock");
    assert_eq!(name_of(retired.reencrypt_blocking(&envelope, &a, None, Downgrade::Refuse)), "DowngradeRefused");
    let error = moved.rewrap_blocking(&envelope, &a, RewrapOptions::default()).unwrap_err();
    assert_eq!(error.code().name(), "DowngradeRefused");
    assert!(error.message().contains("reencrypt") && error.message().contains("keep_data_key"), "{error}");
    assert_eq!(name_of(moved.rewrap_now(&envelope, &a, keep)), "WouldBlock");
    assert_eq!(scene.kms.calls(), []);
    assert_eq!(vendor_key_uses(retired.stats()), vendor_key_uses(moved.stats()), "nor was a managed key made");
}

/// A suspension that comes into force during a change stops its result.
#[test]
fn a_suspension_during_a_rewrap_discards_the_result() {
    let scene = Scene::new();
    let a = context(&["a"]);
    let vault = scene.open(&[binding("a", &[1], "")]);
    let envelope = vault.encrypt_blocking(DATA, &a, None).unwrap();
    let (suspended, other) = (scene.config(&[binding("a", &[1], "state = \"suspended\"")]), vault.clone());
    scene.kms.before_next_answer(move || other.reload(suspended).unwrap());
    assert_eq!(name_of(vault.rewrap_blocking(&envelope, &a, RewrapOptions::default())), "KeySuspended");
    assert_eq!(vault.stats().rewraps, 0);
}

/// What the file says about a downgrade that was allowed, and that a refused one used no key.
#[test]
fn the_audit_trail_tells_a_downgrade() {
    let place = Place::new();
    let mut key = std::fs::File::create(place.path().join("a.key")).unwrap();
    #[cfg(unix)]
    key.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    writeln!(key, "libvault key file v1\n1 {}", "5a".repeat(32)).unwrap();
    let customer = |state: &str| {
        format!(
            "[audit]\nsink = \"file\"\npath = \"audit.jsonl\"\n[[bindings]]\nid = \"bnd_a\"\nowner = \"a\"\n\
             selector = {{ a = \"x\" }}\nstate = \"{state}\"\n\
             keys = [{{ id = \"key_a\", provider = \"local\", path = \"a.key\" }}]\n"
        )
    };
    let a = context(&["a"]);
    let vault = place.open(&customer("active"));
    let envelope = vault.encrypt_now(DATA, &a, None).unwrap();
    vault.reload(place.config(&customer("retired"))).unwrap();
    vault.reencrypt_now(&envelope, &a, None, Downgrade::Refuse).unwrap_err();
    vault.reencrypt_now(&envelope, &a, None, Downgrade::Allow).unwrap();
    let trail = std::fs::read_to_string(place.path().join("audit.jsonl")).unwrap();
    let events: Vec<serde_json::Value> = trail.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<_> = events
        .iter()
        .map(|event| {
            (event["operation"].as_str().unwrap(), event["outcome"].as_str().unwrap(), event["downgrade"] == true)
        })
        .collect();
    let expected = [("encrypt", "ok", false), ("reencrypt", "DowngradeRefused", false), ("reencrypt", "ok", true)];
    assert_eq!(shown, expected);
    assert_eq!(events[1]["uses"].as_array().unwrap().len(), 0);
    assert_eq!(events[2]["old_data_key"], events[0]["data_key"], "the data key that was left, and the new one");
    assert_ne!(events[2]["data_key"], events[0]["data_key"]);
}
