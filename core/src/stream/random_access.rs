//! Reading anywhere in a payload, one frame at a time.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use libvault_memory::WipedBytes;
use zeroize::Zeroize;

use super::Decryptor;
use super::decryptor::Payload;
use super::frames::open_frame;
use crate::aead::TAG_LENGTH;
use crate::envelope::{MAX_ONE_SHOT, check_last_frame};
use crate::error::{Error, ErrorCode, Result};

/// The frames of a payload whose last one was authenticated, and the one of them that was read last.
pub(super) struct RandomAccess<R> {
    payload: Arc<Payload>,
    /// How to seek in the inner reader: kept from where it was known that it can.
    seek: fn(&mut R, SeekFrom) -> io::Result<u64>,
    /// Where the first frame begins.
    start: u64,
    /// Bytes of all frames, and of a full one.
    length: u64,
    frame_length: u64,
    /// The number of the frame in `opened`.
    number: u64,
    opened: WipedBytes,
    sealed: Vec<u8>,
}

impl<R: Read> RandomAccess<R> {
    /// Authenticates the last frame. The envelope begins at `start` of `inner` and goes to its end.
    pub(super) fn open(inner: &mut R, decryptor: &mut Decryptor, payload: Arc<Payload>, start: u64) -> io::Result<Self>
    where
        R: Seek,
    {
        let start = start + payload.header_length as u64;
        let length = inner.seek(SeekFrom::End(0))?.saturating_sub(start);
        let frame_length = payload.frame_length.map_or(length.max(TAG_LENGTH as u64), |length| length as u64);
        let mut opened = Self {
            payload,
            seek: R::seek,
            start,
            length,
            frame_length,
            number: u64::MAX,
            opened: WipedBytes::default(),
            sealed: Vec::new(),
        };
        decryptor.guard(|| opened.check_lengths())?;
        opened.load(inner, decryptor, opened.last())?;
        Ok(opened)
    }

    pub(super) fn payload_length(&self) -> u64 {
        self.length - (self.last() + 1) * TAG_LENGTH as u64
    }

    /// Fills `buffer` from `offset` on, as far as there is something.
    pub(super) fn read_at(
        &mut self,
        inner: &mut R,
        decryptor: &mut Decryptor,
        offset: u64,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        decryptor.guard(|| Ok(()))?;
        let available = self.payload_length().saturating_sub(offset);
        let length = usize::try_from(available).map_or(buffer.len(), |available| available.min(buffer.len()));
        let buffer = &mut buffer[..length];
        let mut filled = 0;
        while filled < length {
            let result = self.copy_of_frame(inner, decryptor, offset + filled as u64, &mut buffer[filled..]);
            match result {
                Ok(count) => filled += count,
                Err(error) => {
                    buffer.zeroize();
                    return Err(error);
                }
            }
        }
        if let Err(error) = decryptor.guard(|| Ok(())) {
            buffer.zeroize();
            return Err(error.into());
        }
        Ok(length)
    }

    fn copy_of_frame(
        &mut self,
        inner: &mut R,
        decryptor: &mut Decryptor,
        offset: u64,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let frame_size = self.frame_length - TAG_LENGTH as u64;
        self.load(inner, decryptor, offset / frame_size)?;
        let rest = &self.opened[(offset % frame_size) as usize..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn load(&mut self, inner: &mut R, decryptor: &mut Decryptor, number: u64) -> io::Result<()> {
        if self.number == number {
            return Ok(());
        }
        let at = number * self.frame_length;
        let length = (self.length - at).min(self.frame_length) as usize;
        self.number = u64::MAX;
        self.sealed.resize(length, 0);
        (self.seek)(inner, SeekFrom::Start(self.start + at))?;
        inner.read_exact(&mut self.sealed)?;
        self.opened.clear();
        let last = number == self.last();
        decryptor.guard(|| open_frame(&self.payload.cipher, number, last, &self.sealed, &mut self.opened))?;
        self.number = number;
        Ok(())
    }

    /// The number of the last frame.
    fn last(&self) -> u64 {
        self.length.div_ceil(self.frame_length).saturating_sub(1)
    }

    /// R1, R20, and what a one-shot envelope may take.
    fn check_lengths(&self) -> Result<()> {
        if self.payload.frame_length.is_none() && self.length > (MAX_ONE_SHOT + TAG_LENGTH) as u64 {
            let message = "an envelope in the one-shot form is over 2^30 bytes: it is not held in memory";
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let last = self.length - self.last() * self.frame_length;
        check_last_frame(last as usize, last == self.length, self.start + self.length)
    }
}
