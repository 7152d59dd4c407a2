//! Reading anywhere in an envelope.

use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};

use libvault::{DecryptReader, Error, ErrorCode};

use super::{FRAME, Fixture, TAG, binding, data, header_length};

fn reader(fixture: &Fixture, envelope: &[u8]) -> DecryptReader<Cursor<Vec<u8>>> {
    DecryptReader::new(Cursor::new(envelope.to_vec()), fixture.decryptor())
}

#[test]
fn every_offset_gives_what_stands_there() {
    let fixture = Fixture::new();
    for length in [0, 1, FRAME, FRAME + 1, 2 * FRAME + 10] {
        let data = data(length);
        let mut reader = reader(&fixture, &fixture.encrypt(FRAME, [&data[..]]));
        assert_eq!(reader.payload_length().unwrap(), length as u64);
        for size in [1, 7, FRAME, 2 * FRAME + 1] {
            let mut buffer = vec![0; size];
            for offset in 0..=length + 1 {
                let count = reader.read_at(offset as u64, &mut buffer).unwrap();
                let expected = &data[offset.min(length)..(offset + size).min(length).max(offset.min(length))];
                assert!(buffer[..count] == *expected, "{size} bytes at {offset} of {length}");
            }
        }
        assert_eq!(reader.read_at(u64::MAX, &mut [0; 8]).unwrap(), 0);
    }
}

#[test]
fn an_envelope_in_the_one_shot_form_can_be_read_anywhere_too() {
    let fixture = Fixture::new();
    let data = data(10_000);
    for length in [0, 1, 10_000] {
        let envelope = fixture.vault.encrypt_now(&data[..length], &fixture.context, Some(b"aad")).unwrap();
        let (mut reader, mut buffer) = (reader(&fixture, &envelope), [0; 100]);
        for offset in (0..=length).step_by(33) {
            let count = reader.read_at(offset as u64, &mut buffer).unwrap();
            assert_eq!(buffer[..count], data[offset..length.min(offset + 100)]);
        }
    }
}

/// Seeking, reading on and reading elsewhere, mixed, agree with a file of the plaintext.
#[test]
fn it_behaves_as_a_file_of_the_plaintext() {
    let fixture = Fixture::new();
    let data = data(5 * FRAME + 77);
    let envelope = fixture.encrypt(FRAME, [&data[..]]);
    // The envelope begins in the middle of its file.
    let mut file = Cursor::new([&[0xee; 1_000][..], &envelope].concat());
    file.set_position(1_000);
    let (mut plain, mut sealed) = (Cursor::new(data), DecryptReader::new(file, fixture.decryptor()));
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for step in 0..2_000 {
        let target = match random(4) {
            0 if step > 20 => Some(SeekFrom::Start(random(6 * FRAME as u64))),
            1 if step > 20 => Some(SeekFrom::End(-(random(5 * FRAME as u64) as i64))),
            2 => Some(SeekFrom::Current(if step > 20 { random(2_000) as i64 - 1_000 } else { 0 })),
            _ => None,
        };
        if let Some(target) = target {
            assert_eq!(plain.seek(target).map_err(|e| e.kind()), sealed.seek(target).map_err(|e| e.kind()));
        }
        let length = random(3 * FRAME as u64) as usize;
        let (mut expected, mut found) = (vec![0; length], vec![0; length]);
        let count = plain.read(&mut expected).unwrap();
        // As any reader, it may give less at once.
        let mut filled = 0;
        while filled < count {
            filled += sealed.read(&mut found[filled..count]).unwrap();
        }
        assert!(expected == found, "step {step}");
        assert_eq!(sealed.stream_position().unwrap(), plain.position());
    }
}

#[test]
fn a_truncated_envelope_gives_nothing_anywhere() {
    let fixture = Fixture::new();
    let data = data(2 * FRAME + 10);
    let envelope = fixture.encrypt(FRAME, [&data[..]]);
    let header = header_length(&envelope, data.len(), FRAME);
    for length in (0..envelope.len()).filter(|length| length % 97 == 0 || *length > header + 2 * (FRAME + TAG) - 3) {
        let mut reader = reader(&fixture, &envelope[..length]);
        let mut buffer = [0; 16];
        let error = Error::from_io(&reader.read_at(0, &mut buffer).unwrap_err()).unwrap();
        assert!(
            matches!(error.code(), ErrorCode::Malformed | ErrorCode::AuthenticationFailed),
            "{length} bytes of {}: {error}",
            envelope.len()
        );
        assert_eq!(buffer, [0; 16], "the first frame is authentic, but not the end of the envelope");
        let repeated = Error::from_io(&reader.read_at(0, &mut buffer).unwrap_err()).unwrap();
        assert_eq!(repeated.code(), error.code(), "a dead stream stays dead");
    }
}

#[test]
fn a_forged_frame_gives_nothing_and_others_do() {
    let fixture = Fixture::new();
    let data = data(3 * FRAME);
    let mut envelope = fixture.encrypt(FRAME, [&data[..]]);
    let header = header_length(&envelope, data.len(), FRAME);
    envelope[header + FRAME + TAG] ^= 1;
    let (mut reader, mut buffer) = (reader(&fixture, &envelope), vec![0; FRAME + 1]);
    assert_eq!(reader.read_at(0, &mut buffer[..FRAME]).unwrap(), FRAME);
    assert!(buffer[..FRAME] == data[..FRAME]);
    let error = reader.read_at(0, &mut buffer).unwrap_err();
    assert_eq!(Error::from_io(&error).unwrap().code(), ErrorCode::AuthenticationFailed);
    assert!(buffer.iter().all(|byte| *byte == 0), "not even the authentic part is left");
    assert!(reader.read_at(0, &mut buffer[..1]).is_err(), "a dead stream stays dead");
}

/// What was read through to the end can be read again.
#[test]
fn the_end_is_no_farewell() {
    let fixture = Fixture::new();
    let data = data(2 * FRAME);
    let mut reader = reader(&fixture, &fixture.encrypt(FRAME, [&data[..]]));
    let mut output = Vec::new();
    reader.read_to_end(&mut output).unwrap();
    reader.rewind().unwrap();
    reader.read_to_end(&mut output).unwrap();
    assert!(output == [&data[..], &data].concat());
    assert_eq!(reader.seek(SeekFrom::Current(-1 - 2 * FRAME as i64)).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_suspended_binding_ends_random_access() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    fixture.reload(&binding(directory, "active"));
    let mut reader = reader(&fixture, &fixture.encrypt(FRAME, [&data(2 * FRAME)[..]]));
    let mut buffer = [0; 8];
    assert_eq!(reader.read_at(5, &mut buffer).unwrap(), 8);
    fixture.reload(&binding(directory, "suspended"));
    // Its frame is in memory already.
    let error = reader.read_at(5, &mut buffer).unwrap_err();
    assert_eq!(Error::from_io(&error).unwrap().code(), ErrorCode::KeySuspended);
}
