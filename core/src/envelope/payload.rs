//! The encrypted payload: one frame, or a STREAM of frames (`docs/envelope.md` §6).

use super::layout::{Form, MESSAGE_ID_LENGTH};
use super::parse::{Envelope, malformed};
use crate::aead::{Active, Backend, Nonce, TAG_LENGTH, sha256};
use crate::error::{Error, ErrorCode, Result};
use crate::secret::Secret;

/// Most bytes of a payload in the one-shot form.
pub(crate) const MAX_ONE_SHOT: usize = 1 << 30;

/// Bytes of the message id and all frames of a payload.
pub(crate) fn sealed_length(form: Form, data_length: usize) -> Result<usize> {
    let frames = match form {
        Form::OneShot if data_length > MAX_ONE_SHOT => {
            let message =
                format!("a payload of {data_length} bytes is over the limit of 2^30 bytes for the one-shot form");
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        Form::OneShot => 1,
        Form::Framed { frame_log } => data_length.div_ceil(1 << frame_log).max(1),
    };
    Ok(MESSAGE_ID_LENGTH + data_length + frames * TAG_LENGTH)
}

/// Encrypts and decrypts the frames of one message.
pub(crate) struct FrameCipher {
    key: <Active as Backend>::CipherKey,
    aad: FrameAad,
}

impl FrameCipher {
    pub(crate) fn new(key: &Secret<32>, aad: FrameAad) -> Result<Self> {
        Ok(Self { key: Active::cipher_key(key)?, aad })
    }

    /// Encrypts `data` into `frame`, which has room for the ciphertext and the tag.
    pub(crate) fn seal(&self, number: u64, last: bool, data: &[u8], frame: &mut [u8]) -> Result<()> {
        let (ciphertext, tag) = frame.split_at_mut(data.len());
        tag.copy_from_slice(&Active::seal_with(
            &self.key,
            Nonce::frame(number, last),
            self.aad.as_ref(),
            data,
            ciphertext,
        )?);
        Ok(())
    }

    /// Decrypts `frame`, which has at least a tag, into `output`, which has room for all but the tag and is all zero after a failure.
    pub(crate) fn open(&self, number: u64, last: bool, frame: &[u8], output: &mut [u8]) -> Result<()> {
        let (ciphertext, tag) = frame.split_at(frame.len() - TAG_LENGTH);
        Active::open_with(&self.key, Nonce::frame(number, last), self.aad.as_ref(), ciphertext, tag, output)
            .map_err(|_| Error::unauthentic("R31"))
    }
}

/// Encrypts `data` into `output`, which has room for the ciphertext and the tags.
pub(crate) fn seal_payload(
    key: &Secret<32>,
    form: Form,
    aad: Option<&[u8]>,
    data: &[u8],
    output: &mut [u8],
) -> Result<()> {
    let cipher = FrameCipher::new(key, FrameAad::of(aad))?;
    let frame_length = match form {
        Form::OneShot => output.len(),
        Form::Framed { frame_log } => frame_length(frame_log),
    };
    let last = output.len().div_ceil(frame_length) - 1;
    let mut rest = data;
    for (number, frame) in output.chunks_mut(frame_length).enumerate() {
        let (plaintext, later) = rest.split_at(frame.len() - TAG_LENGTH);
        cipher.seal(number as u64, number == last, plaintext, frame)?;
        rest = later;
    }
    Ok(())
}

/// Bytes of the decrypted payload.
pub(crate) fn payload_length(envelope: &Envelope<'_>) -> usize {
    payload_length_of(envelope.form, envelope.frames.len())
}

/// The length of the payload in so many bytes of frames; 0 if they are too few for a tag.
pub(crate) fn payload_length_of(form: Form, frames: usize) -> usize {
    let tags = match form {
        Form::OneShot => 1,
        Form::Framed { frame_log } => frames.div_ceil(frame_length(frame_log)),
    };
    frames.saturating_sub(tags * TAG_LENGTH)
}

/// Decrypts all frames into `output`, which has exactly [`payload_length`] bytes and is all zero after a failure.
pub(crate) fn open_payload(
    key: &Secret<32>,
    aad: Option<&[u8]>,
    envelope: &Envelope<'_>,
    output: &mut [u8],
) -> Result<()> {
    let frame_length = match envelope.form {
        Form::OneShot => envelope.frames.len(),
        Form::Framed { frame_log } => frame_length(frame_log),
    };
    let cipher = FrameCipher::new(key, FrameAad::of(aad))?;
    let last = envelope.frames.len().div_ceil(frame_length) - 1;
    let mut written = 0;
    for (number, frame) in envelope.frames.chunks(frame_length).enumerate() {
        let end = written + frame.len() - TAG_LENGTH;
        if let Err(error) = cipher.open(number as u64, number == last, frame, &mut output[written..end]) {
            zeroize::Zeroize::zeroize(output);
            return Err(error);
        }
        written = end;
    }
    Ok(())
}

/// Stage 1 for the payload: what its length alone can tell.
pub(super) fn check_frames(form: Form, frames: &[u8], at: usize) -> Result<()> {
    if frames.len() < TAG_LENGTH {
        return Err(malformed(at + frames.len(), "the bytes end before the payload's tag", "R1"));
    }
    if let Form::Framed { frame_log } = form {
        let last = (frames.len() - 1) % frame_length(frame_log) + 1;
        check_last_frame(last, last == frames.len(), (at + frames.len()) as u64)?;
    }
    Ok(())
}

/// R20. `at` is where the bytes end.
pub(crate) fn check_last_frame(length: usize, is_only: bool, at: u64) -> Result<()> {
    if length < TAG_LENGTH || (length == TAG_LENGTH && !is_only) {
        return Err(malformed(at, "the last frame is incomplete", "R20"));
    }
    Ok(())
}

/// Bytes of a full frame and its tag.
pub(crate) fn frame_length(frame_log: u8) -> usize {
    (1 << frame_log) + TAG_LENGTH
}

/// What every frame authenticates of the caller's AAD. None and an empty one are the same; otherwise it is the digest, so that its length costs
/// nothing per frame.
#[derive(Clone, Copy)]
pub(crate) struct FrameAad(Option<[u8; 32]>);

impl FrameAad {
    pub(crate) fn of(aad: Option<&[u8]>) -> Self {
        Self(aad.filter(|aad| !aad.is_empty()).map(|aad| sha256(&[aad])))
    }
}

impl AsRef<[u8]> for FrameAad {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |digest| digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_shot_form_ends_at_2_to_the_30_bytes() {
        assert_eq!(sealed_length(Form::OneShot, MAX_ONE_SHOT).unwrap(), MAX_ONE_SHOT + MESSAGE_ID_LENGTH + TAG_LENGTH);
        assert_eq!(sealed_length(Form::OneShot, MAX_ONE_SHOT + 1).unwrap_err(), ErrorCode::LimitExceeded);
        assert!(sealed_length(Form::Framed { frame_log: 20 }, MAX_ONE_SHOT + 1).is_ok());
    }
}
