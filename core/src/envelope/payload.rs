//! The encrypted payload: one frame, or a STREAM of frames (`docs/envelope.md` §6).

use super::layout::{Form, MESSAGE_ID_LENGTH};
use super::parse::{Envelope, malformed};
use crate::aead::{Active, Backend, Nonce, TAG_LENGTH, sha256};
use crate::error::{Error, ErrorCode, Result};
use crate::secret::Secret;

/// Most bytes of a payload in the one-shot form.
pub(crate) const MAX_ONE_SHOT: usize = 1 << 30;

/// Bytes of the message id and the one frame of a one-shot payload.
pub(crate) fn sealed_length(data_length: usize) -> Result<usize> {
    if data_length > MAX_ONE_SHOT {
        let message = format!("a payload of {data_length} bytes is over the limit of 2^30 bytes for the one-shot form");
        return Err(Error::new(ErrorCode::LimitExceeded, message));
    }
    Ok(MESSAGE_ID_LENGTH + data_length + TAG_LENGTH)
}

/// Encrypts `data` into `output`, which has room for the ciphertext and the tag.
pub(crate) fn seal_one_shot(key: &Secret<32>, aad: Option<&[u8]>, data: &[u8], output: &mut [u8]) -> Result<()> {
    let (ciphertext, tag) = output.split_at_mut(data.len());
    tag.copy_from_slice(&Active::seal(key, Nonce::frame(0, true), frame_aad(aad).as_ref(), data, ciphertext)?);
    Ok(())
}

/// Bytes of the decrypted payload.
pub(crate) fn payload_length(envelope: &Envelope<'_>) -> usize {
    match envelope.form {
        Form::OneShot => envelope.frames.len() - TAG_LENGTH,
        Form::Framed { frame_log } => {
            envelope.frames.len() - envelope.frames.len().div_ceil(frame_size(frame_log)) * TAG_LENGTH
        }
    }
}

/// Decrypts all frames into `output`, which has exactly [`payload_length`] bytes and is all zero after a failure.
pub(crate) fn open_payload(
    key: &Secret<32>,
    aad: Option<&[u8]>,
    envelope: &Envelope<'_>,
    output: &mut [u8],
) -> Result<()> {
    let frame_size = match envelope.form {
        Form::OneShot => envelope.frames.len(),
        Form::Framed { frame_log } => frame_size(frame_log),
    };
    let aad = frame_aad(aad);
    let last = envelope.frames.len().div_ceil(frame_size) - 1;
    let mut written = 0;
    for (number, frame) in envelope.frames.chunks(frame_size).enumerate() {
        let (ciphertext, tag) = frame.split_at(frame.len() - TAG_LENGTH);
        let plaintext = &mut output[written..written + ciphertext.len()];
        let nonce = Nonce::frame(number as u64, number == last);
        if let Err(error) = Active::open(key, nonce, aad.as_ref(), ciphertext, tag, plaintext) {
            zeroize::Zeroize::zeroize(output);
            return Err(error.into());
        }
        written += ciphertext.len();
    }
    Ok(())
}

/// Stage 1 for the payload: what its length alone can tell.
pub(super) fn check_frames(form: Form, frames: &[u8], at: usize) -> Result<()> {
    if frames.len() < TAG_LENGTH {
        return Err(malformed(at + frames.len(), "the bytes end before the payload's tag", "R1"));
    }
    if let Form::Framed { frame_log } = form {
        let last = (frames.len() - 1) % frame_size(frame_log) + 1;
        let is_only = last == frames.len();
        if last < TAG_LENGTH || (last == TAG_LENGTH && !is_only) {
            return Err(malformed(at + frames.len(), "the last frame is incomplete", "R20"));
        }
    }
    Ok(())
}

fn frame_size(frame_log: u8) -> usize {
    (1 << frame_log) + TAG_LENGTH
}

/// No AAD and an empty AAD are the same; otherwise its digest, so that its length costs nothing per frame.
fn frame_aad(aad: Option<&[u8]>) -> impl AsRef<[u8]> {
    match aad {
        None | Some([]) => FrameAad(None),
        Some(aad) => FrameAad(Some(sha256(&[aad]))),
    }
}

struct FrameAad(Option<[u8; 32]>);

impl AsRef<[u8]> for FrameAad {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |digest| digest)
    }
}
