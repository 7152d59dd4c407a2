//! The two parsers, through the public functions that need no keys.

use libvault::{Error, ErrorCode, INSPECTED_BYTES, decrypted_length, inspect, inspect_start};

/// Any bytes as an envelope: the two functions that parse must agree.
pub fn parse_envelope(data: &[u8]) {
    let length = decrypted_length(data);
    match &length {
        Ok(length) => assert!(*length < data.len(), "a payload longer than its envelope"),
        Err(error) => assert_parse_error(error),
    }
    // Inspecting builds texts, so what does not parse is inspected only now and then: that keeps the target fast.
    if length.is_ok() || data.len() % 16 == 0 {
        let inspected = inspect(data);
        let start = &data[..data.len().min(INSPECTED_BYTES)];
        match (&inspected, inspect_start(start, Some(data.len() as u64))) {
            (Ok(whole), Ok(from_start)) => assert_eq!(*whole, from_start),
            (Ok(_), Err(error)) => panic!("the whole can be inspected, its start cannot: {error}"),
            // What stands in the payload is seen only in the whole.
            (Err(_), _) => {}
        }
        match (&length, &inspected) {
            (Ok(length), Ok(inspected)) => assert_eq!(inspected.payload_length, Some(*length)),
            (Ok(_), Err(error)) => panic!("it has a length but cannot be inspected: {error}"),
            (Err(_), Ok(inspected)) => assert_eq!(inspected.purpose, "data_key"),
            (Err(_), Err(error)) => assert_parse_error(error),
        }
    }
}

/// Any bytes as a data-key bundle.
pub fn parse_bundle(data: &[u8]) {
    match inspect(data) {
        Err(error) => assert_parse_error(&error),
        Ok(inspected) => {
            assert_eq!(inspected.purpose == "data_key", inspected.payload_length.is_none());
            assert!((1..=10).contains(&inspected.shares.len()));
            assert!(inspected.shares.iter().all(|share| (1..=10).contains(&share.wraps.len())));
            if inspected.purpose == "data_key" {
                assert!(data.len() <= 65_536 && inspected.context.is_some());
                assert_parse_error(&decrypted_length(data).expect_err("a bundle has no payload"));
            }
        }
    }
}

fn assert_parse_error(error: &Error) {
    let code = error.code();
    let known = [ErrorCode::Malformed, ErrorCode::UnsupportedFormat, ErrorCode::LimitExceeded];
    assert!(known.contains(&code), "a parser answered {error}");
}
