//! Throughput of streams in memory beside that of whole envelopes.
//!
//! `stream_bench CONFIG [MEGABYTES]` prints `variant<TAB>operation<TAB>median MB/s<TAB>lowest<TAB>highest` over eleven runs.

use std::io::{self, Read, Write};
use std::time::Instant;

use libvault::{Config, Context, DecryptReader, Decryptor, EncryptWriter, Encryptor, StreamOptions, Vault};

type Failure = Box<dyn std::error::Error>;

const RUNS: usize = 11;
/// What a caller hands over at once.
const PIECE: usize = 1 << 18;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (config, megabytes) = match arguments.as_slice() {
        [config] => (config, 64),
        [config, megabytes] => (config, megabytes.parse()?),
        _ => return Err("usage: stream_bench CONFIG [MEGABYTES]".into()),
    };
    let vault = Vault::open(Config::from_file(config)?)?;
    let context = Context::new([("organization_id", "org_123")])?;
    let data = vec![b'x'; megabytes * 1_000_000];
    whole(&vault, &context, &data)?;
    for frame_size in [4_096, 65_536, 1_048_576] {
        pieces(&vault, &context, &data, StreamOptions { frame_size })?;
    }
    adaptors(&vault, &context, &data)
}

fn whole(vault: &Vault, context: &Context, data: &[u8]) -> Result<(), Failure> {
    let mut envelope = vec![0; vault.encrypted_length_limit(data.len(), context)?];
    let mut output = vec![0; data.len()];
    report("one call", "encrypt", data.len(), || Ok(vault.encrypt_into_now(data, context, None, &mut envelope)?))?;
    report("one call", "decrypt", data.len(), || Ok(vault.decrypt_into_now(&envelope, context, None, &mut output)?))
}

fn pieces(vault: &Vault, context: &Context, data: &[u8], options: StreamOptions) -> Result<(), Failure> {
    let name = format!("pieces of {PIECE}, frames of {}", options.frame_size);
    let mut sealed = Vec::with_capacity(2 * PIECE);
    report(&name, "encrypt", data.len(), || {
        let mut encryptor = vault.encryptor_now(context, None, options)?;
        drive(data, &mut sealed, &mut encryptor, Encryptor::update, Encryptor::finish)
    })?;
    let mut envelope = Vec::new();
    let mut encryptor = vault.encryptor_now(context, None, options)?;
    encryptor.update(data, &mut envelope)?;
    encryptor.finish(&mut envelope)?;
    report(&name, "decrypt", data.len(), || {
        let mut decryptor = vault.decryptor(context, None)?;
        drive(&envelope, &mut sealed, &mut decryptor, Decryptor::update_now, Decryptor::finish)
    })
}

fn drive<S>(
    input: &[u8],
    output: &mut Vec<u8>,
    stream: &mut S,
    update: fn(&mut S, &[u8], &mut Vec<u8>) -> libvault::Result<()>,
    finish: fn(&mut S, &mut Vec<u8>) -> libvault::Result<()>,
) -> Result<usize, Failure> {
    let mut total = 0;
    for piece in input.chunks(PIECE) {
        output.clear();
        update(stream, piece, output)?;
        total += output.len();
    }
    output.clear();
    finish(stream, output)?;
    Ok(total + output.len())
}

fn adaptors(vault: &Vault, context: &Context, data: &[u8]) -> Result<(), Failure> {
    let options = StreamOptions::default();
    report("EncryptWriter", "encrypt", data.len(), || {
        let mut writer = EncryptWriter::new(io::sink(), vault.encryptor_now(context, None, options)?);
        writer.write_all(data)?;
        writer.finish()?;
        Ok(data.len())
    })?;
    let mut writer = EncryptWriter::new(Vec::new(), vault.encryptor_now(context, None, options)?);
    writer.write_all(data)?;
    let envelope = writer.finish()?;
    let mut buffer = vec![0; PIECE];
    report("DecryptReader", "decrypt", data.len(), || {
        let mut reader = DecryptReader::new(&envelope[..], vault.decryptor(context, None)?);
        let mut total = 0;
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(total),
                count => total += count,
            }
        }
    })
}

fn report(
    variant: &str,
    operation: &str,
    bytes: usize,
    mut run: impl FnMut() -> Result<usize, Failure>,
) -> Result<(), Failure> {
    run()?;
    let mut speeds = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let started = Instant::now();
        if run()? < bytes {
            return Err("bytes are missing".into());
        }
        speeds.push(bytes as f64 / 1e6 / started.elapsed().as_secs_f64());
    }
    speeds.sort_by(f64::total_cmp);
    let (median, lowest, highest) = (speeds[RUNS / 2], speeds[0], speeds[RUNS - 1]);
    writeln!(io::stdout(), "{variant}\t{operation}\t{median:.0}\t{lowest:.0}\t{highest:.0}")?;
    Ok(())
}
