//! Streams: what they write and read in pieces of every size, and what they refuse.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use libvault::{
    CallOptions, CancelToken, Config, Context, Decryptor, Encryptor, Error, ErrorCode, StreamOptions, Vault, inspect,
};

const FRAME: usize = 4_096;
const TAG: usize = 16;

struct Fixture {
    vault: Vault,
    context: Context,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        libvault::init(&directory.path().join("vault")).unwrap();
        let vault = Vault::open(config(directory.path(), "")).unwrap();
        Self { vault, context: Context::new([("organization_id", "org_123")]).unwrap(), directory }
    }

    /// Changes the configuration of the open vault: `lines` are added to that of `init`.
    fn reload(&self, lines: &str) {
        self.vault.reload(config(self.directory.path(), lines)).unwrap();
    }

    fn encryptor(&self, frame_size: usize) -> Encryptor {
        self.vault.encryptor_now(&self.context, Some(b"aad"), StreamOptions { frame_size }).unwrap()
    }

    fn decryptor(&self) -> Decryptor {
        self.vault.decryptor(&self.context, Some(b"aad")).unwrap()
    }

    fn encrypt<'a>(&self, frame_size: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut encryptor, mut output) = (self.encryptor(frame_size), Vec::new());
        for piece in pieces {
            encryptor.update(piece, &mut output).unwrap();
        }
        encryptor.finish(&mut output).unwrap();
        output
    }

    /// What came out, and how it ended.
    fn decrypt<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), Error>) {
        let (mut decryptor, mut output) = (self.decryptor(), Vec::new());
        for piece in pieces {
            if let Err(error) = decryptor.update_now(piece, &mut output) {
                assert_dead(&mut decryptor, &error, &output);
                return (output, Err(error));
            }
        }
        let end = decryptor.finish(&mut output);
        if let Err(error) = &end {
            assert_dead(&mut decryptor, error, &output);
        }
        (output, end)
    }

    fn decrypt_whole(&self, envelope: &[u8]) -> Result<Vec<u8>, Error> {
        let whole = self.vault.decrypt_now(envelope, &self.context, Some(b"aad"));
        let (output, end) = self.decrypt([envelope]);
        match &whole {
            Ok(data) => assert!(end.is_ok() && *data == output),
            Err(error) => assert_eq!(end.as_ref().map_err(Error::code), Err(error.code()), "as in one call: {error}"),
        }
        whole
    }
}

fn config(directory: &Path, lines: &str) -> Config {
    let made = directory.join("vault/libvault.toml");
    let changed = directory.join("vault/changed.toml");
    fs::write(&changed, [&fs::read_to_string(made).unwrap(), lines].concat()).unwrap();
    Config::from_file(changed).unwrap()
}

/// A binding of the fixture's context; the customer's key is a copy of the root key.
fn binding(directory: &Path, state: &str) -> String {
    let key = directory.join("vault/customer.key");
    if !key.exists() {
        fs::copy(directory.join("vault/root.key"), key).unwrap();
    }
    format!("{}state = \"{state}\"\n{}", BINDING, LOCAL_KEY)
}

const BINDING: &str = r#"
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = { organization_id = "org_123" }
"#;
const LOCAL_KEY: &str = r#"
[[bindings.keys]]
id = "key_abc"
provider = "local"
path = "customer.key"
"#;

/// Every later call gives the same error and no byte.
fn assert_dead(decryptor: &mut Decryptor, error: &Error, output: &[u8]) {
    let mut later = output.to_vec();
    for result in [decryptor.update_now(b"more", &mut later), decryptor.finish(&mut later)] {
        assert_eq!(result.unwrap_err().to_string(), error.to_string());
    }
    assert_eq!(later, output);
}

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn header_length(envelope: &[u8], payload: usize, frame_size: usize) -> usize {
    envelope.len() - payload - payload.div_ceil(frame_size).max(1) * TAG
}

#[test]
fn every_size_comes_back_in_every_frame_size() {
    let fixture = Fixture::new();
    for frame_size in (12..=20).map(|log| 1 << log) {
        for length in [0, 1, frame_size - 1, frame_size, frame_size + 1, 3 * frame_size, 3 * frame_size + 1] {
            let data = data(length);
            let envelope = fixture.encrypt(frame_size, [&data[..]]);
            let inspection = inspect(&envelope).unwrap();
            assert_eq!(inspection.frame_size, Some(frame_size));
            assert_eq!(inspection.payload_length, Some(length));
            assert_eq!(fixture.decrypt_whole(&envelope).unwrap(), data, "{length} bytes in frames of {frame_size}");
        }
    }
}

#[test]
fn pieces_of_any_size_make_no_difference() {
    let fixture = Fixture::new();
    for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 1] {
        let data = data(length);
        for piece in [1, 7, 15, 16, 17, FRAME - 1, FRAME, FRAME + 1, FRAME + TAG, 3 * FRAME] {
            let envelope = fixture.encrypt(FRAME, data.chunks(piece));
            assert_eq!(envelope.len(), fixture.encrypt(FRAME, [&data[..]]).len());
            let (output, end) = fixture.decrypt(envelope.chunks(piece));
            end.unwrap();
            assert!(output == data, "{length} bytes in pieces of {piece}");
        }
    }
}

/// Every cut of an envelope into two pieces, with empty pieces around them.
#[test]
fn every_split_in_two_makes_no_difference() {
    let fixture = Fixture::new();
    let data = data(FRAME + 5);
    let envelope = fixture.encrypt(FRAME, [&data[..]]);
    for at in 0..=envelope.len() {
        let (output, end) = fixture.decrypt([&envelope[..at], b"", &envelope[at..], b""]);
        end.unwrap();
        assert!(output == data, "cut at {at}");
    }
    for at in 0..=data.len() {
        let envelope = fixture.encrypt(FRAME, [&data[..at], b"", &data[at..], b""]);
        assert!(fixture.decrypt_whole(&envelope).unwrap() == data, "cut at {at}");
    }
}

#[test]
fn a_truncated_stream_is_refused_wherever_it_ends() {
    let fixture = Fixture::new();
    let data = data(2 * FRAME + 30);
    let envelope = fixture.encrypt(FRAME, [&data[..]]);
    let header = header_length(&envelope, data.len(), FRAME);
    for length in 0..envelope.len() {
        let error = fixture.decrypt_whole(&envelope[..length]).unwrap_err();
        let in_last_frame = length.saturating_sub(header) % (FRAME + TAG);
        // The shortest frame is a tag; behind others it has a byte too. A frame boundary is a full last frame.
        let shortest = if length < header + FRAME + TAG { TAG } else { TAG + 1 };
        let cut_short = length < header + TAG || (in_last_frame > 0 && in_last_frame < shortest);
        let expected = if cut_short { ErrorCode::Malformed } else { ErrorCode::AuthenticationFailed };
        assert_eq!(error.code(), expected, "{length} bytes of {}: {error}", envelope.len());
    }
}

/// What leaves before a failure is authentic, and the beginning of the data.
#[test]
fn only_authentic_frames_leave_before_a_failure() {
    let fixture = Fixture::new();
    let data = data(3 * FRAME + 30);
    let envelope = fixture.encrypt(FRAME, [&data[..]]);
    let header = header_length(&envelope, data.len(), FRAME);
    for frame in 0..4 {
        let mut altered = envelope.clone();
        altered[header + frame * (FRAME + TAG) + 3] ^= 1;
        for piece in [1_000, FRAME + TAG, altered.len()] {
            let (output, end) = fixture.decrypt(altered.chunks(piece));
            assert_eq!(end.unwrap_err().code(), ErrorCode::AuthenticationFailed);
            assert_eq!(output, data[..frame * FRAME], "all frames before the altered one, and nothing of it");
        }
    }
}

#[test]
fn frames_keep_their_places() {
    let fixture = Fixture::new();
    let data = data(4 * FRAME);
    let envelope = fixture.encrypt(FRAME, [&data[..]]);
    let other = fixture.encrypt(FRAME, [&data[..]]);
    let (header, payload) = envelope.split_at(header_length(&envelope, data.len(), FRAME));
    let frames: Vec<_> = payload.chunks(FRAME + TAG).collect();
    let foreign: Vec<_> = other[header.len()..].chunks(FRAME + TAG).collect();
    let refused = |what: &str, frames: &[&[u8]]| {
        let error = fixture.decrypt_whole(&[&[header], frames].concat().concat()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::AuthenticationFailed, "{what}");
    };
    refused("swapped", &[frames[1], frames[0], frames[2], frames[3]]);
    refused("the last one swapped", &[frames[0], frames[1], frames[3], frames[2]]);
    refused("duplicated", &[frames[0], frames[0], frames[1], frames[2], frames[3]]);
    refused("removed", &[frames[0], frames[2], frames[3]]);
    refused("the last one removed", &frames[..3]);
    refused("the last one repeated", &[frames[0], frames[1], frames[2], frames[3], frames[3]]);
    refused("of another envelope", &[frames[0], foreign[1], frames[2], frames[3]]);
    refused("bytes behind", &[frames[0], frames[1], frames[2], frames[3], &[0; 17]]);
    refused("two envelopes", &[&frames[..], &[&other]].concat());
}

/// The one difference to reading in one call: whether the last frame is whole is known at the end, and by then a frame before it has failed.
#[test]
fn an_earlier_frame_fails_before_an_incomplete_last_one() {
    let fixture = Fixture::new();
    let data = data(2 * FRAME);
    let envelope = [fixture.encrypt(FRAME, [&data[..]]), vec![0]].concat();
    let whole = fixture.vault.decrypt_now(&envelope, &fixture.context, Some(b"aad"));
    assert_eq!(whole.unwrap_err().code(), ErrorCode::Malformed, "R20");
    let (output, end) = fixture.decrypt([&envelope[..]]);
    assert_eq!(
        end.unwrap_err().code(),
        ErrorCode::AuthenticationFailed,
        "R31: the second frame is not the last one now"
    );
    assert_eq!(output, data[..FRAME]);
}

#[test]
fn a_one_shot_envelope_comes_out_at_the_end() {
    let fixture = Fixture::new();
    let data = data(10_000);
    let envelope = fixture.vault.encrypt_now(&data, &fixture.context, Some(b"aad")).unwrap();
    let (mut decryptor, mut output) = (fixture.decryptor(), Vec::new());
    for piece in envelope.chunks(100) {
        decryptor.update_now(piece, &mut output).unwrap();
        assert!(output.is_empty());
    }
    decryptor.finish(&mut output).unwrap();
    assert_eq!(output, data);
    assert_eq!(
        fixture.decrypt_whole(&envelope[..envelope.len() - 1]).unwrap_err().code(),
        ErrorCode::AuthenticationFailed
    );
}

#[test]
fn the_header_is_judged_as_early_as_its_bytes_allow() {
    let fixture = Fixture::new();
    let envelope = fixture.encrypt(FRAME, [&b"data"[..]]);
    let error_after = |bytes: &[u8]| {
        let mut decryptor = fixture.decryptor();
        bytes.iter().zip(1..).find_map(|(byte, count)| {
            let error = decryptor.update_now(&[*byte], &mut Vec::new()).err()?;
            Some((count, error.code()))
        })
    };
    assert_eq!(error_after(b"LVX"), Some((3, ErrorCode::UnsupportedFormat)));
    assert_eq!(error_after(b"LVE\x02"), Some((4, ErrorCode::UnsupportedFormat)));
    assert_eq!(error_after(&[&envelope[..7], &[0]].concat()), Some((8, ErrorCode::Malformed)), "no shares");
    // The context is compared once the shortest payload is there: until then the input may still turn out to be cut off.
    let stranger = Context::new([("organization_id", "org_456")]).unwrap();
    let (mut decryptor, mut count) = (fixture.vault.decryptor(&stranger, None).unwrap(), 0);
    let error = loop {
        count += 1;
        if let Err(error) = decryptor.update_now(&envelope[count - 1..count], &mut Vec::new()) {
            break error;
        }
    };
    assert_eq!((error.code(), count), (ErrorCode::ContextMismatch, envelope.len() - 4));
}

#[test]
fn a_stream_belongs_to_its_context_and_aad() {
    let fixture = Fixture::new();
    let envelope = fixture.encrypt(FRAME, [&b"data"[..]]);
    let outcome = |context: &Context, aad: Option<&[u8]>| {
        let (mut decryptor, mut output) = (fixture.vault.decryptor(context, aad).unwrap(), Vec::new());
        decryptor.update_now(&envelope, &mut output).and_then(|()| decryptor.finish(&mut output)).map_err(|e| e.code())
    };
    assert_eq!(outcome(&fixture.context, Some(b"aad")), Ok(()));
    assert_eq!(outcome(&fixture.context, None), Err(ErrorCode::AuthenticationFailed));
    let stranger = Context::new([("organization_id", "org_456")]).unwrap();
    assert_eq!(outcome(&stranger, Some(b"aad")), Err(ErrorCode::ContextMismatch));
}

#[test]
fn only_powers_of_two_within_limits_are_frame_sizes() {
    let fixture = Fixture::new();
    for frame_size in [0, 1, 2_048, 4_095, 4_097, 65_535, 1 << 21, usize::MAX] {
        let options = StreamOptions { frame_size };
        let error = fixture.vault.encryptor_now(&fixture.context, None, options).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{frame_size}");
    }
}

#[test]
fn a_finished_stream_takes_nothing_more() {
    let fixture = Fixture::new();
    let (mut encryptor, mut envelope) = (fixture.encryptor(FRAME), Vec::new());
    encryptor.finish(&mut envelope).unwrap();
    let length = envelope.len();
    assert_eq!(encryptor.update(b"more", &mut envelope).unwrap_err().code(), ErrorCode::InvalidArgument);
    assert_eq!(encryptor.finish(&mut envelope).unwrap_err().code(), ErrorCode::InvalidArgument);
    assert_eq!(envelope.len(), length);
    let (mut decryptor, mut output) = (fixture.decryptor(), Vec::new());
    decryptor.update_now(&envelope, &mut output).unwrap();
    decryptor.finish(&mut output).unwrap();
    assert_eq!(decryptor.update_now(b"", &mut output).unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[test]
fn a_closed_vault_ends_its_streams() {
    let fixture = Fixture::new();
    let (mut encryptor, mut decryptor, mut output) = (fixture.encryptor(FRAME), fixture.decryptor(), Vec::new());
    encryptor.update(b"data", &mut output).unwrap();
    decryptor.update_now(&output, &mut Vec::new()).unwrap();
    fixture.vault.close();
    assert_eq!(encryptor.update(b"more", &mut output).unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(encryptor.finish(&mut output).unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(decryptor.update_now(b"", &mut output).unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(decryptor.finish(&mut output).unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(fixture.vault.decryptor(&fixture.context, None).unwrap_err().code(), ErrorCode::Closed);
}

/// A kill switch stops open streams too, and one that stays allowed goes on under the new configuration.
#[test]
fn a_suspended_binding_ends_its_streams() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    for state in ["suspended", "retired"] {
        fixture.reload(&binding(directory, "active"));
        let envelope = fixture.encrypt(FRAME, [&data(3 * FRAME)[..]]);
        let (mut encryptor, mut decryptor) = (fixture.encryptor(FRAME), fixture.decryptor());
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        encryptor.update(b"data", &mut sealed).unwrap();
        decryptor.update_now(&envelope[..2 * FRAME], &mut opened).unwrap();
        fixture.reload(&binding(directory, state));
        let lengths = (sealed.len(), opened.len());
        let outcomes = [
            encryptor.update(&data(2 * FRAME), &mut sealed),
            encryptor.finish(&mut sealed),
            decryptor.update_now(&envelope[2 * FRAME..], &mut opened),
            decryptor.finish(&mut opened),
        ];
        if state == "suspended" {
            outcomes.into_iter().for_each(|outcome| assert_eq!(outcome.unwrap_err().code(), ErrorCode::KeySuspended));
            assert_eq!((sealed.len(), opened.len()), lengths, "not a byte more");
        } else {
            outcomes.into_iter().for_each(|outcome| outcome.unwrap());
            assert!(opened == data(3 * FRAME));
        }
    }
}

#[test]
fn a_cancelled_caller_gets_nothing_more() {
    let fixture = Fixture::new();
    let cancel = CancelToken::default();
    let vault = fixture.vault.with(CallOptions::default().cancel(&cancel));
    let mut encryptor = vault.encryptor_now(&fixture.context, None, StreamOptions::default()).unwrap();
    let mut decryptor = vault.decryptor(&fixture.context, None).unwrap();
    let mut output = Vec::new();
    encryptor.update(b"data", &mut output).unwrap();
    cancel.cancel();
    assert_eq!(encryptor.finish(&mut output).unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(decryptor.update_now(&output, &mut Vec::new()).unwrap_err().code(), ErrorCode::Cancelled);
}

/// The shape that never waits keeps what it was given, and another shape goes on with it.
#[cfg(feature = "aws")]
#[test]
fn a_stream_that_needs_the_network_keeps_its_input() {
    let customer = Fixture::new();
    customer.reload(&binding(customer.directory.path(), "active"));
    let envelope = customer.encrypt(FRAME, [&b"data"[..]]);

    // The same ids, but here the key is in a KMS that nobody answers for.
    let fixture = Fixture::new();
    fixture.reload(&format!(
        r#"{BINDING}
[[bindings.keys]]
id = "key_abc"
provider = "aws"
arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[aws]
credentials = "static"
access_key_id = "test"
secret_access_key = "test"
endpoint = "http://127.0.0.1:1"
[development]
allow_endpoint = true
[timeouts]
total = 500
"#
    ));
    let options = StreamOptions::default();
    let refused = fixture.vault.encryptor_now(&fixture.context, None, options).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::WouldBlock);

    let (mut decryptor, mut output) = (fixture.decryptor(), Vec::new());
    let outcomes = envelope.chunks(100).map(|piece| decryptor.update_now(piece, &mut output));
    let waiting = outcomes.filter(|outcome| outcome.as_ref().is_err_and(|error| *error == ErrorCode::WouldBlock));
    assert!(waiting.count() >= 1);
    assert_eq!(decryptor.finish(&mut output).unwrap_err().code(), ErrorCode::WouldBlock, "it is not known yet");
    assert_eq!(fixture.vault.stats().kms_unwraps, 0);
    let error = decryptor.update_blocking(b"", &mut output).unwrap_err();
    assert_eq!(error.code().kind().name(), "unavailable", "the KMS was called: {error}");
    assert_eq!(fixture.vault.stats().kms_unwraps, 1);
    assert_eq!(decryptor.finish(&mut output).unwrap_err().code(), error.code(), "it is dead now");
}

/// Streams go from thread to thread, as futures do.
#[test]
fn streams_and_their_futures_are_send() {
    fn assert_send<T: Send>(_: &T) {}
    let fixture = Fixture::new();
    let (encryptor, mut decryptor, mut output) = (fixture.encryptor(FRAME), fixture.decryptor(), Vec::new());
    assert_send(&encryptor);
    assert_send(&decryptor);
    assert_send(&decryptor.update(b"", &mut output));
    assert_send(&fixture.vault.encryptor(&fixture.context, None, StreamOptions::default()));
}
