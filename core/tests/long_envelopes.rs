//! Key changes of envelopes that are too long for memory: re-encryption in pieces, and what the start of an envelope is enough for.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use libvault::{
    Config, Context, Downgrade, Error, ErrorCode, RewrapOptions, StreamOptions, Vault, inspect, inspect_start,
};

const AAD: Option<&[u8]> = Some(b"aad");
const FRAME: usize = 4_096;

struct Fixture {
    vault: Vault,
    context: Context,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        libvault::init(directory.path()).unwrap();
        let vault = Vault::open(config(directory.path(), "")).unwrap();
        Self { vault, context: Context::new([("organization_id", "org_123")]).unwrap(), directory }
    }

    fn framed(&self, data: &[u8]) -> Vec<u8> {
        let options = StreamOptions { frame_size: FRAME };
        let (mut encryptor, mut output) = (self.vault.encryptor_now(&self.context, AAD, options).unwrap(), Vec::new());
        encryptor.update(data, &mut output).unwrap();
        encryptor.finish(&mut output).unwrap();
        output
    }

    fn reencrypt(&self, envelope: &[u8], piece: usize, downgrade: Downgrade) -> Result<Vec<u8>, Error> {
        let (mut reencryptor, mut output) = (self.vault.reencryptor(&self.context, AAD, downgrade)?, Vec::new());
        for piece in envelope.chunks(piece) {
            reencryptor.update_now(piece, &mut output)?;
        }
        reencryptor.finish(&mut output)?;
        Ok(output)
    }
}

fn config(directory: &Path, lines: &str) -> Config {
    let changed = directory.join("changed.toml");
    fs::write(&changed, [&fs::read_to_string(directory.join("libvault.toml")).unwrap(), lines].concat()).unwrap();
    Config::from_file(changed).unwrap()
}

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

#[test]
fn form_and_payload_stay_and_the_data_key_does_not() {
    let fixture = Fixture::new();
    for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 1] {
        let data = data(length);
        let one_shot = fixture.vault.encrypt_now(&data, &fixture.context, AAD).unwrap();
        for old in [one_shot, fixture.framed(&data)] {
            for piece in [1_000, 65_536] {
                let new = fixture.reencrypt(&old, piece, Downgrade::Refuse).unwrap();
                assert_eq!(fixture.vault.decrypt_now(&new, &fixture.context, AAD).unwrap(), data);
                let (before, after) = (inspect(&old).unwrap(), inspect(&new).unwrap());
                assert_eq!((before.form, before.frame_size), (after.form, after.frame_size));
                assert_ne!(before.data_key_id, after.data_key_id);
                assert_eq!(new.len(), old.len());
            }
        }
    }
}

#[test]
fn a_truncated_or_forged_envelope_gives_no_complete_one() {
    let fixture = Fixture::new();
    let envelope = fixture.framed(&data(3 * FRAME + 1));
    let mut forged = envelope.clone();
    forged[envelope.len() - 1] ^= 1;
    for broken in [&envelope[..envelope.len() - 20], &forged] {
        let error = fixture.reencrypt(broken, 1_000, Downgrade::Refuse).unwrap_err();
        assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
    }
    assert_eq!(fixture.reencrypt(&envelope[..50], 10, Downgrade::Refuse).unwrap_err().code(), ErrorCode::Malformed);
}

#[test]
fn a_failure_is_final() {
    let fixture = Fixture::new();
    let mut envelope = fixture.framed(&data(3 * FRAME));
    let first_frame = envelope.len() - 3 * (FRAME + 16);
    envelope[first_frame] ^= 1;
    let (mut reencryptor, mut output) =
        (fixture.vault.reencryptor(&fixture.context, AAD, Downgrade::Refuse).unwrap(), Vec::new());
    let refused = reencryptor.update_now(&envelope, &mut output).unwrap_err();
    let length = output.len();
    assert_eq!(reencryptor.update_now(&envelope, &mut output).unwrap_err().code(), refused.code());
    assert_eq!(reencryptor.finish(&mut output).unwrap_err().code(), refused.code());
    assert_eq!(output.len(), length);
}

#[test]
fn a_downgrade_is_refused_before_a_key_is_used() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    libvault::create_key_file(&directory.join("customer.key")).unwrap();
    let binding = |state: &str| {
        format!(
            "\n[[bindings]]\nid = \"bnd_1\"\nowner = \"org_123\"\nstate = \"{state}\"\nselector = {{ organization_id = \"org_123\" }}\n\
             keys = [{{ id = \"key_1\", provider = \"local\", path = \"customer.key\" }}]\n"
        )
    };
    fixture.vault.reload(config(directory, &binding("active"))).unwrap();
    let envelope = fixture.framed(&data(2 * FRAME));
    fixture.vault.reload(config(directory, &binding("retired"))).unwrap();
    let unwraps = fixture.vault.stats().kms_unwraps;
    let error = fixture.reencrypt(&envelope, 1_000, Downgrade::Refuse).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DowngradeRefused);
    assert_eq!(fixture.vault.stats().kms_unwraps, unwraps);
    let allowed = fixture.reencrypt(&envelope, 1_000, Downgrade::Allow).unwrap();
    assert_eq!(inspect(&allowed).unwrap().policy, "managed");
    assert_eq!(fixture.vault.stats().reencryptions, 1);
}

#[test]
fn the_start_of_an_envelope_says_all_but_what_is_missing() {
    let fixture = Fixture::new();
    let envelope = fixture.framed(&data(10 * FRAME));
    let whole = inspect(&envelope).unwrap();
    assert_eq!(inspect_start(&envelope[..5_000], Some(envelope.len() as u64)).unwrap(), whole);
    assert_eq!(inspect_start(&envelope[..5_000], None).unwrap().payload_length, None);
    assert_eq!(inspect_start(&envelope[..100], None).unwrap_err().code(), ErrorCode::Malformed);
    let bundle = fixture.vault.create_data_key_now(&fixture.context).unwrap().bundle;
    assert_eq!(inspect_start(&bundle, Some(bundle.len() as u64)).unwrap(), inspect(&bundle).unwrap());
}

#[test]
fn the_start_of_an_envelope_is_enough_to_rewrap_it() {
    let fixture = Fixture::new();
    let data = data(10 * FRAME);
    let envelope = fixture.framed(&data);
    for cut in [1_000, 5_000, envelope.len()] {
        let (start, rest) = envelope.split_at(cut);
        let start = fixture.vault.rewrap_start_now(start, &fixture.context, RewrapOptions::default()).unwrap();
        let rewrapped = [&start, rest].concat();
        assert_ne!(rewrapped, envelope);
        assert_eq!(inspect(&rewrapped).unwrap().data_key_id, inspect(&envelope).unwrap().data_key_id);
        assert!(fixture.vault.decrypt_now(&rewrapped, &fixture.context, AAD).unwrap() == data);
    }
    let error =
        fixture.vault.rewrap_start_now(&envelope[..50], &fixture.context, RewrapOptions::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Malformed);
}
