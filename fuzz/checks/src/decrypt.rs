//! Opening envelopes and bundles, in one piece and in many, and changing their keys, with the keys of the fixture.

use libvault::{Context, Downgrade, Error, ErrorCode, RewrapOptions};

use crate::assert_no_defect;
use crate::fixture::FIXTURE;

/// Commitment, context tag and more, but not the flags of an envelope, which belong to its payload.
const BEGINNING: std::ops::Range<usize> = 6..64;

/// Input: what to do, the number of a context, the length of the AAD (0 for none, else one more than it), the AAD, then the envelope, bundle or data.
pub fn decrypt(data: &[u8]) {
    let [verb, context, aad_length, rest @ ..] = data else { return };
    let Some((aad, rest)) = rest.split_at_checked(usize::from(aad_length.saturating_sub(1))) else { return };
    let aad = (*aad_length > 0).then_some(aad);
    let context = context_number(*context);
    match verb % 8 {
        0 => judge(rest, FIXTURE.vault.decrypt_now(rest, context, aad)),
        1 => judge(rest, FIXTURE.vault.decrypt_data_key_now(rest, context).map(|_| ())),
        2 => into(context, aad, rest),
        3 => round_trip(context, aad, rest),
        4 => in_pieces(context, aad, rest),
        5 => rewrap(context, aad, rest),
        6 => reencrypt(context, aad, rest),
        _ => rekey(context, rest),
    }
}

fn context_number(number: u8) -> &'static Context {
    let contexts = &FIXTURE.contexts;
    &contexts[usize::from(number) % contexts.len()]
}

/// Only what the vectors hold may pass, whatever the operation; nothing else was made by someone with the keys.
fn judge<T>(bytes: &[u8], outcome: Result<T, Error>) {
    match outcome {
        Ok(_) => assert!(FIXTURE.known.contains(bytes), "what is no vector was opened"),
        Err(error) => assert_no_defect(&error),
    }
}

fn into(context: &Context, aad: Option<&[u8]>, envelope: &[u8]) {
    let mut output = [0xee; 256];
    let outcome = FIXTURE.vault.decrypt_into_now(envelope, context, aad, &mut output);
    if outcome.as_ref().is_err_and(|error| *error == ErrorCode::AuthenticationFailed) {
        assert!(
            output.iter().all(|byte| *byte == 0xee || *byte == 0),
            "an output holds bytes after a failure to authenticate"
        );
    }
    judge(envelope, outcome);
}

/// Input: where to alter the envelope (two bytes), with what, and the data.
fn round_trip(context: &Context, aad: Option<&[u8]>, input: &[u8]) {
    let [high, low, flip, data @ ..] = input else { return };
    let vault = &FIXTURE.vault;
    let mut envelope = match vault.encrypt_now(data, context, aad) {
        Ok(envelope) => envelope,
        Err(error) => return assert_no_defect(&error),
    };
    assert_eq!(vault.decrypt_now(&envelope, context, aad).expect("what was just made opens"), data);
    let at = usize::from(u16::from_be_bytes([*high, *low])) % envelope.len();
    envelope[at] ^= (*flip).max(1);
    assert_no_defect(&vault.decrypt_now(&envelope, context, aad).expect_err("an altered envelope was opened"));
}

/// Input: one less than the length of the pieces, and the envelope. The stream must end as reading the whole does.
fn in_pieces(context: &Context, aad: Option<&[u8]>, input: &[u8]) {
    let [length, envelope @ ..] = input else { return };
    let read = || {
        let mut output = Vec::new();
        let mut decryptor = FIXTURE.vault.decryptor(context, aad)?;
        for piece in envelope.chunks(usize::from(*length) + 1) {
            decryptor.update_now(piece, &mut output)?;
        }
        decryptor.finish(&mut output)?;
        Ok(output)
    };
    let (streamed, whole): (Result<_, Error>, _) = (read(), FIXTURE.vault.decrypt_now(envelope, context, aad));
    match (&streamed, &whole) {
        (Ok(streamed), Ok(whole)) => assert_eq!(streamed, whole),
        (Err(_), Err(error)) => assert_no_defect(error),
        _ => panic!("in pieces {}, as a whole {}", streamed.is_ok(), whole.is_ok()),
    }
    judge(envelope, streamed);
}

/// Input: the options, and an envelope or bundle.
fn rewrap(context: &Context, aad: Option<&[u8]>, input: &[u8]) {
    let [options, bytes @ ..] = input else { return };
    let options = RewrapOptions { keep_data_key: options & 1 != 0, downgrade: downgrade(*options) };
    let outcome = FIXTURE.vault.rewrap_now(bytes, context, options);
    if let Ok(rewrapped) = &outcome
        && let Ok(payload) = FIXTURE.vault.decrypt_now(bytes, context, aad)
    {
        assert_eq!(FIXTURE.vault.decrypt_now(rewrapped, context, aad).expect("a rewrapped envelope opens"), payload);
    }
    // The payload is carried over as it is, since rewrapping is not told the AAD; it fails when it is decrypted. But the bundle was opened.
    match outcome {
        Ok(_) => assert!(
            FIXTURE.known.iter().any(|known| known.get(BEGINNING) == bytes.get(BEGINNING)),
            "a forged bundle was rewrapped"
        ),
        Err(error) => assert_no_defect(&error),
    }
}

fn reencrypt(context: &Context, aad: Option<&[u8]>, input: &[u8]) {
    let [options, envelope @ ..] = input else { return };
    let outcome = FIXTURE.vault.reencrypt_now(envelope, context, aad, downgrade(*options));
    if let Ok(again) = &outcome {
        let payload = FIXTURE.vault.decrypt_now(envelope, context, aad).expect("what was re-encrypted opens");
        assert_eq!(FIXTURE.vault.decrypt_now(again, context, aad).expect("a re-encrypted envelope opens"), payload);
    }
    judge(envelope, outcome);
}

fn rekey(context: &Context, input: &[u8]) {
    let [options, new_context, bundle @ ..] = input else { return };
    let outcome = FIXTURE.vault.rekey_now(bundle, context, context_number(*new_context), downgrade(*options));
    judge(bundle, outcome);
}

fn downgrade(options: u8) -> Downgrade {
    if options & 2 == 0 { Downgrade::Refuse } else { Downgrade::Allow }
}
