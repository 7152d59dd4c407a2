//! Streams in pieces of every size: the outcome is that of reading in one call.

use libvault::{Context, ErrorCode, inspect};

use super::{FRAME, Fixture, TAG, data, header_length};

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
