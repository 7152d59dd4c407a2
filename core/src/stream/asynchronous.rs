//! The adaptors for tokio's streams of bytes.

use std::fmt;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use libvault_memory::WipedBytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Decryptor, Encryptor};
use crate::call::Shape;
use crate::error::{Error, ErrorCode, Result};

/// Bytes that are moved at once: encrypting them takes tens of microseconds, for so long an executor's thread may be kept.
const PIECE: usize = 1 << 16;

/// Encrypts what is written to it into another asynchronous writer: [`EncryptWriter`](super::EncryptWriter) for tokio.
///
/// `shutdown` completes the envelope. Without it the envelope is truncated, and no reader accepts it.
#[must_use = "an envelope is complete only after `shutdown`"]
pub struct AsyncEncryptWriter<W> {
    inner: W,
    state: WriterState,
    sealed: Vec<u8>,
    written: usize,
    finished: bool,
}

enum WriterState {
    Writing(Encryptor),
    /// The keys are asked again.
    Asking(Pin<Box<dyn Future<Output = (Encryptor, Result<()>)> + Send>>),
    /// Between two of the others.
    Moving,
}

impl<W: AsyncWrite + Unpin> AsyncEncryptWriter<W> {
    /// Writes the envelope of a fresh `encryptor` into `inner`.
    pub fn new(inner: W, encryptor: Encryptor) -> Self {
        Self { inner, state: WriterState::Writing(encryptor), sealed: Vec::new(), written: 0, finished: false }
    }

    /// The inner writer, which holds the whole envelope after `shutdown`.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// One step of the encryptor, after its keys were asked again where that is due.
    fn poll_step(
        &mut self,
        task: &mut TaskContext<'_>,
        step: impl Fn(&mut Encryptor, &mut Vec<u8>) -> Result<()>,
    ) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                WriterState::Writing(encryptor) => match step(encryptor, &mut self.sealed) {
                    Err(error) if error == ErrorCode::WouldBlock => {
                        let WriterState::Writing(encryptor) = std::mem::replace(&mut self.state, WriterState::Moving)
                        else {
                            continue;
                        };
                        self.state = WriterState::Asking(Box::pin(ask_again(encryptor)));
                    }
                    result => return Poll::Ready(result.map_err(io::Error::from)),
                },
                WriterState::Asking(asking) => {
                    let (encryptor, result) = ready!(asking.as_mut().poll(task));
                    self.state = WriterState::Writing(encryptor);
                    result?;
                }
                WriterState::Moving => {
                    return Poll::Ready(Err(Error::internal("a panic left the stream unusable").into()));
                }
            }
        }
    }

    fn poll_drain(&mut self, task: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        while self.written < self.sealed.len() {
            match ready!(Pin::new(&mut self.inner).poll_write(task, &self.sealed[self.written..]))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.sealed.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for AsyncEncryptWriter<W> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_drain(task))?;
        let piece = &data[..data.len().min(PIECE)];
        ready!(this.poll_step(task, |encryptor, sealed| encryptor.update(piece, sealed)))?;
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(task))?;
        Pin::new(&mut self.inner).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_drain(task))?;
        if !this.finished {
            ready!(this.poll_step(task, Encryptor::finish))?;
            this.finished = true;
            ready!(this.poll_drain(task))?;
        }
        Pin::new(&mut this.inner).poll_shutdown(task)
    }
}

/// Decrypts what it reads from another asynchronous reader: [`DecryptReader`](super::DecryptReader) for tokio, without random access.
///
/// **Read to the end before you trust that nothing is missing**; a truncated envelope ends in an error.
pub struct AsyncDecryptReader<R> {
    inner: R,
    state: State,
    opened: WipedBytes,
    given: usize,
}

type Updating = Pin<Box<dyn Future<Output = Updated> + Send>>;

struct Updated {
    decryptor: Box<Decryptor>,
    input: Vec<u8>,
    opened: WipedBytes,
    result: Result<()>,
    /// The envelope is complete.
    ended: bool,
}

enum State {
    Reading {
        decryptor: Box<Decryptor>,
        input: Vec<u8>,
    },
    /// The keys are used.
    Updating(Updating),
    Ended,
    Failed(Error),
}

impl<R: AsyncRead + Unpin> AsyncDecryptReader<R> {
    /// Reads, through a fresh `decryptor`, the envelope that begins where `inner` stands.
    pub fn new(inner: R, decryptor: Decryptor) -> Self {
        let state = State::Reading { decryptor: Box::new(decryptor), input: Vec::new() };
        Self { inner, state, opened: WipedBytes::default(), given: 0 }
    }

    /// Decrypts the next piece into `opened`.
    fn poll_advance(&mut self, task: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.opened.clear();
        self.given = 0;
        let result = match &mut self.state {
            State::Reading { decryptor, input } => {
                input.resize(PIECE, 0);
                let mut buffer = ReadBuf::new(input);
                ready!(Pin::new(&mut self.inner).poll_read(task, &mut buffer))?;
                let count = buffer.filled().len();
                let at_once = match count {
                    0 => Some(decryptor.finish(&mut self.opened)),
                    _ if decryptor.has_begun() => Some(decryptor.update_now(&input[..count], &mut self.opened)),
                    _ => None,
                };
                let at_once = at_once.filter(|result| !matches!(result, Err(error) if *error == ErrorCode::WouldBlock));
                if let Some(result) = at_once {
                    if count == 0 {
                        self.state = State::Ended;
                    }
                    result
                } else {
                    // The decryptor keeps what it could not go on with.
                    input.truncate(if decryptor.has_begun() { 0 } else { count });
                    let ends = count == 0;
                    let State::Reading { decryptor, input } = std::mem::replace(&mut self.state, State::Ended) else {
                        return Poll::Ready(Ok(()));
                    };
                    self.state = State::Updating(Box::pin(update(decryptor, input, ends)));
                    return Poll::Ready(Ok(()));
                }
            }
            State::Updating(updating) => {
                let Updated { decryptor, input, opened, result, ended } = ready!(updating.as_mut().poll(task));
                self.opened = opened;
                self.state = if ended { State::Ended } else { State::Reading { decryptor, input } };
                result
            }
            State::Ended => Ok(()),
            State::Failed(error) => Err(error.clone()),
        };
        // Frames before a forged one are authentic: they are given out first.
        if let Err(error) = result {
            self.state = State::Failed(error.clone());
            if self.opened.is_empty() {
                return Poll::Ready(Err(error.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

async fn update(mut decryptor: Box<Decryptor>, input: Vec<u8>, ends: bool) -> Updated {
    let mut opened = WipedBytes::default();
    let result = match ends {
        true => decryptor.finish_as(Shape::Async, &mut opened).await,
        false => decryptor.update(&input, &mut opened).await,
    };
    let ended = ends && result.is_ok();
    Updated { decryptor, input, opened, result, ended }
}

async fn ask_again(mut encryptor: Encryptor) -> (Encryptor, Result<()>) {
    let result = encryptor.ask_again().await;
    (encryptor, result)
}

impl<R: AsyncRead + Unpin> AsyncRead for AsyncDecryptReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.given == this.opened.len() && buffer.remaining() > 0 {
            ready!(this.poll_advance(task))?;
            if this.opened.is_empty() && matches!(this.state, State::Ended) {
                return Poll::Ready(Ok(()));
            }
        }
        let rest = &this.opened[this.given..];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        this.given += count;
        Poll::Ready(Ok(()))
    }
}

impl<W> fmt::Debug for AsyncEncryptWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AsyncEncryptWriter")
    }
}

impl<R> fmt::Debug for AsyncDecryptReader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AsyncDecryptReader")
    }
}
