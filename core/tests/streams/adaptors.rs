//! Readers and writers around streams.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use libvault::runtime::block_on;
use libvault::{AsyncDecryptReader, AsyncEncryptWriter, DecryptReader, EncryptWriter, Error, ErrorCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{FRAME, Fixture, TAG, data, header_length};

/// A reader or a writer as sockets are: it moves a few bytes at once, and is interrupted or not ready before each move.
struct Fitful<T> {
    inner: T,
    step: usize,
    ready: bool,
}

impl<T> Fitful<T> {
    fn new(inner: T, step: usize) -> Self {
        Self { inner, step, ready: true }
    }

    fn is_ready(&mut self) -> bool {
        self.ready = !self.ready;
        self.ready
    }
}

impl<T: Read> Read for Fitful<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_ready() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = buffer.len().min(self.step);
        self.inner.read(&mut buffer[..length])
    }
}

impl<T: Write> Write for Fitful<T> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if !self.is_ready() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.inner.write(&data[..data.len().min(self.step)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read + Unpin> AsyncRead for Fitful<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_ready() {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut piece = vec![0; self.step.min(buffer.remaining())];
        let count = self.inner.read(&mut piece)?;
        buffer.put_slice(&piece[..count]);
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> AsyncWrite for Fitful<T> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_ready() {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        let step = self.step;
        Poll::Ready(self.inner.write(&data[..data.len().min(step)]))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const LENGTHS: [usize; 7] = [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 1, 600_000];

#[test]
fn readers_and_writers_keep_every_byte() {
    let fixture = Fixture::new();
    for length in LENGTHS {
        let data = data(length);
        for (step, piece) in [(1_000_000, 1_000_000), (777, 100), (5_000, 4_096), (100, 50_000)] {
            let mut writer = EncryptWriter::new(Fitful::new(Vec::new(), step), fixture.encryptor(FRAME));
            for piece in data.chunks(piece) {
                writer.write_all(piece).unwrap();
                writer.flush().unwrap();
            }
            let envelope = writer.finish().unwrap().inner;
            assert!(fixture.decrypt_whole(&envelope).unwrap() == data, "{length} bytes, {step}, {piece}");

            let mut reader = DecryptReader::new(Fitful::new(&envelope[..], step), fixture.decryptor());
            let (mut output, mut buffer) = (Vec::new(), vec![0; piece]);
            loop {
                let count = reader.read(&mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                output.extend_from_slice(&buffer[..count]);
            }
            assert!(output == data, "{length} bytes, {step}, {piece}");
            assert_eq!(reader.read(&mut buffer).unwrap(), 0, "the end stays the end");
        }
    }
}

#[test]
fn asynchronous_readers_and_writers_keep_every_byte() {
    let fixture = Fixture::new();
    for length in LENGTHS {
        let data = data(length);
        for (step, piece) in [(1_000_000, 1_000_000), (777, 100), (5_000, 4_096)] {
            block_on(async {
                let mut writer = AsyncEncryptWriter::new(Fitful::new(Vec::new(), step), fixture.encryptor(FRAME));
                for piece in data.chunks(piece) {
                    writer.write_all(piece).await.unwrap();
                }
                writer.flush().await.unwrap();
                writer.shutdown().await.unwrap();
                writer.shutdown().await.unwrap();
                let envelope = writer.into_inner().inner;
                assert!(fixture.decrypt_whole(&envelope).unwrap() == data, "{length} bytes, {step}, {piece}");

                let mut output = Vec::new();
                let mut reader = AsyncDecryptReader::new(Fitful::new(&envelope[..], step), fixture.decryptor());
                reader.read_to_end(&mut output).await.unwrap();
                assert!(output == data, "{length} bytes, {step}, {piece}");
            });
        }
    }
}

#[test]
fn readers_take_one_shot_envelopes() {
    let fixture = Fixture::new();
    let data = data(300_000);
    let envelope = fixture.vault.encrypt_now(&data, &fixture.context, Some(b"aad")).unwrap();
    let mut output = Vec::new();
    DecryptReader::new(&envelope[..], fixture.decryptor()).read_to_end(&mut output).unwrap();
    assert!(output == data);
    let mut output = Vec::new();
    block_on(AsyncDecryptReader::new(&envelope[..], fixture.decryptor()).read_to_end(&mut output)).unwrap();
    assert!(output == data);
}

/// A truncated or forged envelope never looks like an early end, in whatever shape it is read.
#[test]
fn a_damaged_envelope_ends_in_an_error() {
    let fixture = Fixture::new();
    let data = data(3 * FRAME);
    let envelope = fixture.encrypt(FRAME, [&data[..]]);
    let header = header_length(&envelope, data.len(), FRAME);
    let frame = FRAME + TAG;
    let mut altered = envelope.clone();
    altered[header + frame] ^= 1;
    let cases: [(&[u8], ErrorCode, usize); 6] = [
        (&[], ErrorCode::Malformed, 0),
        (&envelope[..header - 1], ErrorCode::Malformed, 0),
        (&envelope[..header + 2 * frame], ErrorCode::AuthenticationFailed, FRAME),
        (&envelope[..header + 2 * frame + 5], ErrorCode::Malformed, 2 * FRAME),
        (&envelope[..envelope.len() - 1], ErrorCode::AuthenticationFailed, 2 * FRAME),
        (&altered, ErrorCode::AuthenticationFailed, FRAME),
    ];
    for (envelope, code, authentic) in cases {
        let mut output = Vec::new();
        let mut reader = DecryptReader::new(envelope, fixture.decryptor());
        assert_outcome(reader.read_to_end(&mut output), code);
        assert_eq!(output, data[..authentic], "authentic frames are given out");
        assert_outcome(reader.read_to_end(&mut output), code);
        assert_eq!(output.len(), authentic, "and then nothing more");

        let mut output = Vec::new();
        let mut reader = AsyncDecryptReader::new(envelope, fixture.decryptor());
        assert_outcome(block_on(reader.read_to_end(&mut output)), code);
        assert_eq!(output, data[..authentic]);
        assert_outcome(block_on(reader.read_to_end(&mut output)), code);
        assert_eq!(output.len(), authentic);
    }
}

#[track_caller]
fn assert_outcome(outcome: io::Result<usize>, code: ErrorCode) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(Error::from_io(&error).unwrap().code(), code);
}

#[test]
fn a_writer_that_was_not_finished_leaves_nothing_readable() {
    let fixture = Fixture::new();
    for length in LENGTHS {
        let mut envelope = Vec::new();
        let mut writer = EncryptWriter::new(&mut envelope, fixture.encryptor(FRAME));
        writer.write_all(&data(length)).unwrap();
        writer.flush().unwrap();
        drop(writer);
        fixture.decrypt_whole(&envelope).unwrap_err();
    }
}

#[test]
fn a_full_disk_is_an_error_of_the_writer() {
    let fixture = Fixture::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut writer = EncryptWriter::new(full, fixture.encryptor(FRAME));
    let outcome = writer.write_all(&data(600_000)).and_then(|()| writer.finish().map(|_| ()));
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::StorageFull);
}

/// An error that the vault gave comes out of `std::io` as it went in.
#[test]
fn errors_go_through_io_and_back() {
    let error = io::Error::from(Error::new(ErrorCode::KeyDisabled, "the key is disabled"));
    assert_eq!(Error::from_io(&error).unwrap().code(), ErrorCode::KeyDisabled);
    assert!(Error::from_io(&io::ErrorKind::NotFound.into()).is_none());
    let error = io::Error::from(Error::new(ErrorCode::WouldBlock, "a KMS has to be called"));
    assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "which would mean that a file is not ready");
}
