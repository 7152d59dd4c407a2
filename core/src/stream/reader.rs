//! Decrypting what is read.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use libvault_memory::WipedBytes;

use super::Decryptor;
use super::decryptor::Payload;
use super::io::{PIECE, read_piece};
use super::random_access::RandomAccess;
use crate::error::Result;

/// Decrypts what it reads from another reader, which holds one envelope and nothing behind it.
///
/// Every byte that is read was authenticated, and the end (`Ok(0)`) is reported only after the last frame was: **read to the end before you trust that nothing
/// is missing.** A truncated envelope ends in an error, never in an early end. After an error of the vault every read gives that error.
///
/// Where the inner reader can [`Seek`], so can this one, and [`DecryptReader::read_at`] reads anywhere. Both authenticate the last frame before
/// anything else, so the length is then known to be the true one. An envelope in the one-shot form is one frame: it is held in memory whole.
pub struct DecryptReader<R> {
    inner: R,
    decryptor: Decryptor,
    /// Bytes taken from `inner` while reading on from the beginning.
    taken: u64,
    input: Vec<u8>,
    /// Plaintext on its way to the caller, of which `given` bytes are there.
    opened: WipedBytes,
    given: usize,
    /// Where the next byte that is read stands in the payload.
    position: u64,
    ended: bool,
    payload: Option<Arc<Payload>>,
    /// Once something else than the next byte was asked for.
    random_access: Option<RandomAccess<R>>,
}

impl<R: Read> DecryptReader<R> {
    /// Reads, through a fresh `decryptor`, the envelope that begins where `inner` stands.
    pub fn new(inner: R, decryptor: Decryptor) -> Self {
        Self::begun(inner, decryptor, 0)
    }

    /// Reads on, through a `decryptor` that got the first `taken` bytes of the envelope and gave no data yet ([`Decryptor::missing`]); `inner` stands behind
    /// them. So the keys can be used without waiting on this thread, as reading does.
    pub fn begun(inner: R, decryptor: Decryptor, taken: u64) -> Self {
        Self {
            inner,
            taken,
            payload: decryptor.payload(),
            decryptor,
            input: Vec::new(),
            opened: WipedBytes::default(),
            given: 0,
            position: 0,
            ended: false,
            random_access: None,
        }
    }

    /// Whether the next read has to ask a KMS again, and waits for it on its thread: see [`Decryptor::ask_again`].
    pub fn must_ask_again(&self) -> bool {
        self.decryptor.must_ask_again()
    }

    /// Asks now, without keeping a thread.
    ///
    /// # Errors
    /// As [`Decryptor::ask_again`].
    pub async fn ask_again(&mut self) -> Result<()> {
        self.decryptor.ask_again().await
    }

    /// Decrypts the next piece of `inner`, of at most `length` bytes, into `opened`.
    fn advance(&mut self, length: usize) -> io::Result<()> {
        self.input.resize(length, 0);
        self.opened.clear();
        self.given = 0;
        let count = read_piece(&mut self.inner, &mut self.input)?;
        self.taken += count as u64;
        let result = match count {
            0 => self.decryptor.finish_blocking(&mut self.opened),
            _ => self.decryptor.update_blocking(&self.input[..count], &mut self.opened),
        };
        self.ended = count == 0 && result.is_ok();
        if self.payload.is_none() {
            self.payload = self.decryptor.payload();
        }
        // Frames before a forged one are authentic; the stream is dead, so the next call fails.
        if self.opened.is_empty() {
            result?;
        }
        Ok(())
    }
}

impl<R: Read> Read for DecryptReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(random_access) = &mut self.random_access {
            let count = random_access.read_at(&mut self.inner, &mut self.decryptor, self.position, buffer)?;
            self.position += count as u64;
            return Ok(count);
        }
        while self.given == self.opened.len() && !self.ended && !buffer.is_empty() {
            self.advance(PIECE)?;
        }
        let rest = &self.opened[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> DecryptReader<R> {
    /// Reads at `offset` of the payload as much as `buffer` has room for, less only at the end. The position of [`Read`] stays.
    ///
    /// # Errors
    /// Those of the inner reader, and of the vault as [`Error`](crate::Error) inside.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with_random_access(|random_access, inner, decryptor| {
            random_access.read_at(inner, decryptor, offset, buffer)
        })
    }

    /// The length of the payload, authenticated.
    ///
    /// # Errors
    /// As [`DecryptReader::read_at`].
    pub fn payload_length(&mut self) -> io::Result<u64> {
        self.with_random_access(|random_access, _, _| Ok(random_access.payload_length()))
    }

    fn with_random_access<T>(
        &mut self,
        read: impl FnOnce(&mut RandomAccess<R>, &mut R, &mut Decryptor) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut random_access = match self.random_access.take() {
            Some(random_access) => random_access,
            None => self.begin_random_access()?,
        };
        let result = read(&mut random_access, &mut self.inner, &mut self.decryptor);
        self.random_access = Some(random_access);
        result
    }

    fn begin_random_access(&mut self) -> io::Result<RandomAccess<R>> {
        let start = self.inner.stream_position()?.saturating_sub(self.taken);
        let payload = loop {
            match &self.payload {
                Some(payload) => break Arc::clone(payload),
                // No more than the header: a frame that nobody asked for need not be good.
                None => self.advance(self.decryptor.missing())?,
            }
        };
        let random_access = RandomAccess::open(&mut self.inner, &mut self.decryptor, payload, start)?;
        self.opened = WipedBytes::default();
        self.given = 0;
        Ok(random_access)
    }
}

impl<R: Read + Seek> Seek for DecryptReader<R> {
    /// A position behind the end is allowed, as in a file: there is nothing to read there.
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let moved = match target {
            SeekFrom::Current(0) => return Ok(self.position),
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.payload_length()?.checked_add_signed(distance),
        };
        let moved =
            moved.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a position before the beginning"))?;
        self.payload_length()?;
        self.position = moved;
        Ok(moved)
    }
}

impl<R> fmt::Debug for DecryptReader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DecryptReader")
    }
}
