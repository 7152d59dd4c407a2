//! Cutting a payload that arrives in pieces into frames, and opening them.

use std::sync::Arc;

use libvault_memory::WipedBytes;

use super::decryptor::Payload;
use crate::aead::TAG_LENGTH;
use crate::envelope::{FrameCipher, check_last_frame};
use crate::error::Result;

/// Cuts the payload into frames. One frame is held back, since only the end tells which one is the last.
pub(super) struct FrameReader {
    pub(super) payload: Arc<Payload>,
    /// Of a full frame and its tag.
    frame_length: usize,
    /// The number of the next frame.
    number: u64,
    /// Ciphertext: at most a full frame.
    held: Vec<u8>,
}

impl FrameReader {
    pub(super) fn new(payload: Arc<Payload>, frame_length: usize) -> Self {
        Self { payload, frame_length, number: 0, held: Vec::new() }
    }

    pub(super) fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<()> {
        let frames = (self.held.len() + input.len()).saturating_sub(1) / self.frame_length;
        make_room(output, frames * (self.frame_length - TAG_LENGTH));
        let mut rest = input;
        if !self.held.is_empty() {
            rest = self.hold(rest);
            if rest.is_empty() {
                return Ok(());
            }
            open_frame(&self.payload.cipher, self.number, false, &self.held, output)?;
            self.number += 1;
            self.held.clear();
        }
        while rest.len() > self.frame_length {
            let (frame, after) = rest.split_at(self.frame_length);
            open_frame(&self.payload.cipher, self.number, false, frame, output)?;
            self.number += 1;
            rest = after;
        }
        self.hold(rest);
        Ok(())
    }

    pub(super) fn finish(&mut self, output: &mut Vec<u8>) -> Result<()> {
        let before = self.payload.header_length as u64 + self.number * self.frame_length as u64;
        check_last_frame(self.held.len(), self.number == 0, before + self.held.len() as u64)?;
        open_frame(&self.payload.cipher, self.number, true, &self.held, output)
    }

    /// Holds back what fits into a frame and returns the rest.
    fn hold<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let (held, rest) = input.split_at(input.len().min(self.frame_length - self.held.len()));
        self.held.extend_from_slice(held);
        rest
    }
}

/// Appends a frame's plaintext, or nothing if it is not authentic.
pub(super) fn open_frame(
    cipher: &FrameCipher,
    number: u64,
    last: bool,
    frame: &[u8],
    output: &mut Vec<u8>,
) -> Result<()> {
    let start = output.len();
    let length = frame.len() - TAG_LENGTH;
    make_room(output, length);
    output.resize(start + length, 0);
    let opened = cipher.open(number, last, frame, &mut output[start..]);
    if opened.is_err() {
        output.truncate(start);
    }
    opened
}

/// Makes room for `additional` bytes. When a vector grows by itself, the plaintext in its old memory stays there.
fn make_room(output: &mut Vec<u8>, additional: usize) {
    if output.capacity() - output.len() >= additional {
        return;
    }
    let mut larger = Vec::with_capacity((output.len() + additional).max(2 * output.len()));
    larger.extend_from_slice(output);
    drop(WipedBytes::new(std::mem::replace(output, larger)));
}
