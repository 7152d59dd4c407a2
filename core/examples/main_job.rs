//! The main job once, for each kind of keys, with everything in hand until told to let go: `tests/memory` looks into its memory.
//!
//! `main_job CONFIG DIRECTORY KIND...` does it for the contexts `organization_id: org_KIND`, leaves what it made in DIRECTORY, prints `held LOCKED UNLOCKED` (bytes of secret memory) and waits for a line, drops and
//! closes everything, prints `closed` and waits for another. Its own copies of the plaintext it wipes itself, so that what is found afterwards is the
//! library's.

use std::io::Write as _;
use std::path::Path;

use libvault::{Config, Context, ErrorCode, StreamOptions, Vault, WipedBytes, wipe};

type Failure = Box<dyn std::error::Error>;

const SHORT: usize = 100;
const LONG: usize = 100_000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, directory, kinds @ ..] = arguments.as_slice() else {
        return Err("usage: main_job CONFIG DIRECTORY KIND...".into());
    };
    let directory = Path::new(directory);
    let vault = Vault::open(Config::from_file(config)?)?;
    let mut held = Vec::new();
    for (kind, seed) in kinds.iter().zip((1..).step_by(2)) {
        let context = Context::new([("organization_id", format!("org_{kind}"))])?;
        message(&vault, &context, &directory.join(format!("{kind}-short.envelope")), SHORT, seed)?;
        message(&vault, &context, &directory.join(format!("{kind}-long.envelope")), LONG, seed + 1)?;
        let created = vault.create_data_key_blocking(&context)?;
        std::fs::write(directory.join(format!("{kind}.bundle")), &created.bundle)?;
        let opened = vault.decrypt_data_key_blocking(&created.bundle, &context)?;
        // A stream in the middle: it has its key, and holds back what may be the last frame.
        let mut encryptor = vault.encryptor_blocking(&context, None, StreamOptions::default())?;
        encryptor.update(&plaintext(SHORT, seed), &mut Vec::new())?;
        held.push((created, opened, encryptor));
        stream(&vault, &context, &directory.join(format!("{kind}-framed.envelope")), seed + 1)?;
    }
    let stats = vault.stats();
    wait_for_line(&format!("held {} {}", stats.memory_locked_bytes, stats.memory_unlocked_bytes))?;
    drop(held);
    drop(vault);
    wait_for_line("closed")
}

/// Bytes that stand in no file: the test computes them, too.
fn plaintext(length: usize, seed: u64) -> WipedBytes {
    let mut state = seed;
    let mut bytes = WipedBytes::with_capacity(LONG);
    bytes.extend((0..length).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    }));
    bytes
}

/// Encrypts and decrypts, also what was altered.
fn message(vault: &Vault, context: &Context, path: &Path, length: usize, seed: u64) -> Result<(), Failure> {
    let data = plaintext(length, seed);
    let mut envelope = vault.encrypt_blocking(&data, context, None)?;
    let again = WipedBytes::new(vault.decrypt_blocking(&envelope, context, None)?);
    if *again != *data {
        return Err("the data did not come back".into());
    }
    std::fs::write(path, &envelope)?;
    if let Some(last) = envelope.last_mut() {
        *last ^= 1;
    }
    let mut room = vec![0; length];
    match vault.decrypt_into_blocking(&envelope, context, None, &mut room) {
        Err(error) if error.code() == ErrorCode::AuthenticationFailed => Ok(()),
        _ => Err("an altered envelope was accepted".into()),
    }
}

fn stream(vault: &Vault, context: &Context, path: &Path, seed: u64) -> Result<(), Failure> {
    let data = plaintext(LONG, seed);
    let (mut envelope, mut again) = (Vec::new(), Vec::with_capacity(LONG));
    let mut encryptor = vault.encryptor_blocking(context, None, StreamOptions::default())?;
    data.chunks(30_000).try_for_each(|chunk| encryptor.update(chunk, &mut envelope))?;
    encryptor.finish(&mut envelope)?;
    let mut decryptor = vault.decryptor(context, None)?;
    envelope.chunks(30_000).try_for_each(|chunk| decryptor.update_blocking(chunk, &mut again))?;
    decryptor.finish(&mut again)?;
    let same = again == **data;
    wipe(&mut again);
    std::fs::write(path, &envelope)?;
    if same { Ok(()) } else { Err("the data did not come back".into()) }
}

fn wait_for_line(said: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{said}")?;
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
