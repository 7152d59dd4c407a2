//! Opening envelopes and bundles, and making them, with the keys of the fixture.

use libvault::ErrorCode;

use crate::assert_no_defect;
use crate::fixture::FIXTURE;

/// Input: what to do, the number of a context, the length of the AAD (0 for none, else one more than it), the AAD, then the envelope, bundle or data.
pub fn decrypt(data: &[u8]) {
    let [verb, context, aad_length, rest @ ..] = data else { return };
    let Some((aad, rest)) = rest.split_at_checked(usize::from(aad_length.saturating_sub(1))) else { return };
    let aad = (*aad_length > 0).then_some(aad);
    let fixture = &*FIXTURE;
    let context = &fixture.contexts[usize::from(*context) % fixture.contexts.len()];
    match verb % 4 {
        0 | 1 => {
            let opened = match verb % 4 {
                0 => fixture.vault.decrypt_now(rest, context, aad),
                _ => fixture.vault.decrypt_data_key_now(rest, context).map(|key| key.key().to_vec()),
            };
            match opened {
                Ok(_) => assert!(fixture.known.contains(rest), "what is no vector was opened"),
                Err(error) => assert_no_defect(&error),
            }
        }
        2 => {
            let mut output = [0xee; 256];
            match fixture.vault.decrypt_into_now(rest, context, aad, &mut output) {
                Ok(_) => assert!(fixture.known.contains(rest), "what is no vector was opened"),
                Err(error) if error == ErrorCode::AuthenticationFailed => {
                    let kept = output.iter().all(|byte| *byte == 0xee || *byte == 0);
                    assert!(kept, "an output holds bytes after a failure to authenticate");
                }
                Err(error) => assert_no_defect(&error),
            }
        }
        _ => round_trip(context, aad, rest),
    }
}

/// Input: where to alter the envelope (two bytes), with what, and the data.
fn round_trip(context: &libvault::Context, aad: Option<&[u8]>, input: &[u8]) {
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
