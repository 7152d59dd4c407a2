//! Open streams ask their keys again when the time of a lease is over, and end when those refuse.

use std::io::{Cursor, Read as _, Write as _};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{START, Scene, context};
use crate::error::{Error, ErrorCode};
use crate::kms::Answer;
use crate::stream::{
    AsyncDecryptReader, AsyncEncryptWriter, DecryptReader, Decryptor, EncryptWriter, Encryptor, StreamOptions,
};

/// Three frames of the smallest size.
const DATA: &[u8] = &[7; 3 << 12];

impl Scene {
    fn encryptor(&self) -> Encryptor {
        self.vault.encryptor_blocking(&context("b"), None, StreamOptions { frame_size: 1 << 12 }).unwrap()
    }

    fn decryptor(&self) -> Decryptor {
        self.vault.decryptor(&context("b"), None).unwrap()
    }

    fn envelope(&self) -> Vec<u8> {
        let (mut encryptor, mut envelope) = (self.encryptor(), Vec::new());
        encryptor.update(DATA, &mut envelope).unwrap();
        encryptor.finish(&mut envelope).unwrap();
        envelope
    }
}

fn code<T>(result: Result<T, Error>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}

#[test]
fn a_stream_that_writes_asks_again_when_its_time_is_over() {
    let scene = Scene::new("");
    let (mut encryptor, mut envelope) = (scene.encryptor(), Vec::new());
    encryptor.update(DATA, &mut envelope).unwrap();
    scene.clock.set(START + 59_999);
    encryptor.update(DATA, &mut envelope).unwrap();
    scene.clock.set(START + 60_000);
    assert_eq!(code(encryptor.update(DATA, &mut envelope)), Some(ErrorCode::WouldBlock), "it waits for nobody unasked");
    assert_eq!(scene.calls(|| encryptor.update_blocking(DATA, &mut envelope).unwrap()), 1);
    assert_eq!(scene.calls(|| encryptor.update_blocking(DATA, &mut envelope).unwrap()), 0);
    scene.clock.set(START + 120_000);
    assert_eq!(code(encryptor.finish(&mut envelope)), Some(ErrorCode::WouldBlock));
    encryptor.finish_blocking(&mut envelope).unwrap();
    assert_eq!(scene.decrypt("b", &envelope).unwrap(), DATA.repeat(4));
    assert_eq!(scene.vault.stats().encryptions, 1, "asking again is not another envelope");
}

#[test]
fn a_stream_that_reads_asks_again_when_its_time_is_over() {
    let scene = Scene::new("");
    let envelope = scene.envelope();
    let (mut decryptor, mut data, half) = (scene.decryptor(), Vec::new(), envelope.len() / 2);
    decryptor.update_blocking(&envelope[..half], &mut data).unwrap();
    scene.clock.set(START + 60_000);
    assert_eq!(code(decryptor.update_now(&envelope[half..], &mut data)), Some(ErrorCode::WouldBlock));
    assert_eq!(scene.calls(|| decryptor.update_blocking(&[], &mut data).unwrap()), 1, "the input was kept");
    scene.clock.set(START + 120_000);
    assert_eq!(code(decryptor.finish(&mut data)), Some(ErrorCode::WouldBlock));
    decryptor.finish_blocking(&mut data).unwrap();
    assert_eq!(data, DATA);
    assert_eq!(scene.vault.stats().decryptions, 1);
}

#[test]
fn a_refusal_to_anybody_makes_streams_ask_at_once_and_end() {
    let scene = Scene::new("");
    let envelope = scene.envelope();
    let (mut writing, mut reading, mut output) = (scene.encryptor(), scene.decryptor(), Vec::new());
    writing.update(DATA, &mut output).unwrap();
    reading.update_blocking(&envelope[..envelope.len() / 2], &mut output).unwrap();
    scene.kms.answer("b1", Answer::Fail(ErrorCode::KeyDisabled));
    assert_eq!(code(scene.vault.create_data_key_blocking(&context("b"))), Some(ErrorCode::KeyDisabled));
    let before = output.len();
    assert_eq!(code(writing.update_blocking(DATA, &mut output)), Some(ErrorCode::KeyDisabled));
    assert_eq!(
        code(reading.update_blocking(&envelope[envelope.len() / 2..], &mut output)),
        Some(ErrorCode::KeyDisabled)
    );
    assert_eq!(output.len(), before, "nothing came out");
    scene.kms.answer("b1", Answer::Agree);
    assert_eq!(
        code(writing.update_blocking(DATA, &mut output)),
        Some(ErrorCode::KeyDisabled),
        "a dead stream stays dead"
    );
    assert_eq!(code(reading.finish_blocking(&mut output)), Some(ErrorCode::KeyDisabled));
}

#[test]
fn who_asks_explicitly_may_ask_again_after_an_outage_and_nobody_else() {
    let scene = Scene::new("");
    let (mut patient, mut other, mut envelope) = (scene.encryptor(), scene.encryptor(), Vec::new());
    patient.update(DATA, &mut envelope).unwrap();
    other.update(DATA, &mut Vec::new()).unwrap();
    scene.clock.set(START + 60_000);
    scene.kms.answer("b1", Answer::Fail(ErrorCode::KmsUnavailable));
    assert_eq!(code(crate::runtime::block_on(patient.ask_again())), Some(ErrorCode::KmsUnavailable));
    assert_eq!(code(other.update_blocking(DATA, &mut Vec::new())), Some(ErrorCode::KmsUnavailable));
    scene.kms.answer("b1", Answer::Agree);
    patient.update_blocking(DATA, &mut envelope).unwrap();
    patient.finish(&mut envelope).unwrap();
    assert_eq!(scene.decrypt("b", &envelope).unwrap(), DATA.repeat(2));
    assert_eq!(code(other.finish_blocking(&mut Vec::new())), Some(ErrorCode::KmsUnavailable), "no envelope with a gap");
}

#[test]
fn an_answer_that_came_late_is_good_for_one_step() {
    let scene = Scene::new("[leases]\nmax_age = 1000");
    let envelope = scene.envelope();
    let (mut decryptor, mut data) = (scene.decryptor(), Vec::new());
    scene.kms.hold_replies();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| decryptor.update_blocking(&envelope[..envelope.len() / 2], &mut data));
        scene.kms.wait_for_calls(2);
        scene.clock.set(START + 5_000);
        scene.kms.release_replies();
        slow.join().unwrap().unwrap();
    });
    decryptor.update_blocking(&envelope[envelope.len() / 2..], &mut data).unwrap();
    decryptor.finish_blocking(&mut data).unwrap();
    assert_eq!(data, DATA);
}

#[test]
fn without_leases_a_stream_asks_every_second() {
    let scene = Scene::new("[leases]\nmax_age = 0");
    let (mut encryptor, mut envelope) = (scene.encryptor(), Vec::new());
    scene.clock.set(START + 999);
    encryptor.update(DATA, &mut envelope).unwrap();
    scene.clock.set(START + 1_000);
    assert_eq!(scene.calls(|| encryptor.update_blocking(DATA, &mut envelope).unwrap()), 1);
}

#[test]
fn readers_and_writers_ask_by_themselves() {
    let scene = Scene::new("");
    let mut writer = EncryptWriter::new(Vec::new(), scene.encryptor());
    writer.write_all(DATA).unwrap();
    scene.clock.set(START + 60_000);
    writer.write_all(DATA).unwrap();
    scene.clock.set(START + 120_000);
    let envelope = writer.finish().unwrap();

    let mut reader = DecryptReader::new(Cursor::new(&envelope), scene.decryptor());
    let mut piece = [0; 100];
    reader.read_exact(&mut piece).unwrap();
    scene.clock.set(START + 180_000);
    assert_eq!(scene.calls(|| assert_eq!(reader.read_at(20_000, &mut piece).unwrap(), 100)), 1);
    scene.kms.answer("b1", Answer::Fail(ErrorCode::AccessDenied));
    scene.clock.set(START + 240_000);
    assert!(reader.read_at(0, &mut piece).is_err());

    let mut cut = DecryptReader::new(Cursor::new(&envelope), scene.decryptor());
    assert!(cut.read(&mut piece).is_err());
}

#[test]
fn asynchronous_readers_and_writers_ask_by_themselves() {
    let scene = Scene::new("");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let encryptor = scene.vault.encryptor(&context("b"), None, StreamOptions::default()).await.unwrap();
        let mut writer = AsyncEncryptWriter::new(Vec::new(), encryptor);
        for minute in 1..4 {
            writer.write_all(DATA).await.unwrap();
            scene.clock.set(START + minute * 60_000);
        }
        let before = scene.kms.calls();
        writer.shutdown().await.unwrap();
        assert_eq!(scene.kms.calls(), before + 1);
        let envelope = writer.into_inner();
        let mut reader = AsyncDecryptReader::new(Slowly(&envelope, &scene, START + 180_000), scene.decryptor());
        let mut data = Vec::new();
        reader.read_to_end(&mut data).await.unwrap();
        assert_eq!(data, DATA.repeat(3));
        assert!(scene.kms.calls() > before + 3, "it asked on its way");
    });
}

/// Takes a minute for every piece.
struct Slowly<'a>(&'a [u8], &'a Scene, u64);

impl tokio::io::AsyncRead for Slowly<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        self.2 += 60_000;
        self.1.clock.set(self.2);
        let (piece, rest) = self.0.split_at(self.0.len().min(10_000));
        buffer.put_slice(piece);
        self.0 = rest;
        std::task::Poll::Ready(Ok(()))
    }
}
