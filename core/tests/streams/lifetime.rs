//! What ends a stream before its last byte.

use libvault::{CallOptions, CancelToken, Context, ErrorCode, StreamOptions};

#[cfg(feature = "aws")]
use super::BINDING;
use super::{FRAME, Fixture, binding, data};

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

/// A kill switch stops open streams too. What is being written ends as well once other keys protect its context; what is read goes on.
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
            let [update, finish, read, end] = outcomes;
            for outcome in [update, finish] {
                assert_eq!(outcome.unwrap_err().code(), ErrorCode::PolicyMismatch);
            }
            [read, end].into_iter().for_each(|outcome| outcome.unwrap());
            assert!(opened == data(3 * FRAME), "a retired binding still opens what it protected");
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

/// The ids of `binding`, but here the key is in a KMS.
#[cfg(feature = "aws")]
fn with_key_in_a_kms(endpoint: &str) -> Fixture {
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
endpoint = "{endpoint}"
[development]
allow_endpoint = true
[leases]
max_age = 0
[timeouts]
total = 500
"#
    ));
    fixture
}

/// Whoever gives up waiting may ask again: the input is not lost, and no second KMS call is on its way.
#[cfg(feature = "aws")]
#[test]
fn a_future_that_is_dropped_while_it_waits_keeps_its_input() {
    let customer = Fixture::new();
    customer.reload(&binding(customer.directory.path(), "active"));
    let envelope = customer.encrypt(FRAME, [&b"data"[..]]);
    // A KMS that takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fixture = with_key_in_a_kms(&format!("http://{}", silent.local_addr().unwrap()));
    let (mut decryptor, mut output) = (fixture.decryptor(), Vec::new());
    libvault::runtime::block_on(async {
        let given_up = std::time::Duration::from_millis(50);
        let waiting = tokio::time::timeout(given_up, decryptor.update(&envelope, &mut output));
        waiting.await.expect_err("nobody answers");
    });
    assert_eq!(fixture.vault.stats().kms_unwraps, 1);
    assert_eq!(
        decryptor.update_now(b"", &mut output).unwrap_err().code(),
        ErrorCode::WouldBlock,
        "it waits for its key"
    );
    let error = decryptor.update_blocking(b"", &mut output).unwrap_err();
    assert_eq!(error.code().kind().name(), "unavailable", "{error}");
    assert_eq!(fixture.vault.stats().kms_unwraps, 2);
}

/// The shape that never waits keeps what it was given, and another shape goes on with it.
#[cfg(feature = "aws")]
#[test]
fn a_stream_that_needs_the_network_keeps_its_input() {
    let customer = Fixture::new();
    customer.reload(&binding(customer.directory.path(), "active"));
    let envelope = customer.encrypt(FRAME, [&b"data"[..]]);

    let fixture = with_key_in_a_kms("http://127.0.0.1:1");
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
