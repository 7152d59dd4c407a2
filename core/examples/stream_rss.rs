//! Peak memory of streams in Rust: one process for each operation and input, one line of JSON for each.
//!
//! `stream_rss DIRECTORY INPUT...` encrypts and decrypts every input in every way, with the vault and its files in `DIRECTORY` (which has to be empty), and prints
//! `{"language": "rust", "operation": "encrypt_stream", "bytes": 50000000, "peak_rss": 9000000}`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Command;

use libvault::{Config, Context, DecryptReader, EncryptWriter, StreamOptions, Vault};

type Failure = Box<dyn std::error::Error>;

/// Each encryption with what is done with its result.
const OPERATIONS: [&str; 5] = ["encrypt_stream", "decrypt_stream", "read_at", "encrypt_file", "decrypt_file"];

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--one", operation, config, source, target] => one(operation, config, Path::new(source), Path::new(target)),
        [directory, ref inputs @ ..] if !inputs.is_empty() => all(Path::new(directory), inputs),
        _ => Err("usage: stream_rss DIRECTORY INPUT...".into()),
    }
}

fn all(directory: &Path, inputs: &[&str]) -> Result<(), Failure> {
    let config = libvault::init(directory)?.config;
    let [envelope, output] = ["envelope", "output"].map(|name| directory.join(name));
    for input in inputs {
        for operation in OPERATIONS {
            let encrypts = operation.starts_with("encrypt");
            let (source, target) = if encrypts { (Path::new(input), &envelope) } else { (&*envelope, &output) };
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--one", operation]).arg(&config).arg(source).arg(target);
            if !command.status()?.success() {
                return Err(format!("{operation} of {input} failed").into());
            }
            if operation.starts_with("decrypt") {
                if fs::metadata(&output)?.len() != fs::metadata(input)?.len() {
                    return Err("the output has another size than the input".into());
                }
                fs::remove_file(&output)?;
            }
            if operation == "read_at" || operation == "decrypt_file" {
                fs::remove_file(&envelope)?;
            }
        }
    }
    Ok(())
}

fn one(operation: &str, config: &str, source: &Path, target: &Path) -> Result<(), Failure> {
    let vault = Vault::open(Config::from_file(config)?)?;
    let context = Context::new([("organization_id", "org_123")])?;
    let bytes = match operation {
        "encrypt_stream" => {
            let encryptor = vault.encryptor_blocking(&context, None, StreamOptions::default())?;
            let mut writer = EncryptWriter::new(File::create(target)?, encryptor);
            let bytes = io::copy(&mut File::open(source)?, &mut writer)?;
            writer.finish()?;
            bytes
        }
        "decrypt_stream" => {
            let mut reader = DecryptReader::new(File::open(source)?, vault.decryptor(&context, None)?);
            io::copy(&mut reader, &mut File::create(target)?)?
        }
        "read_at" => read_everywhere(DecryptReader::new(File::open(source)?, vault.decryptor(&context, None)?))?,
        "encrypt_file" => {
            vault.encrypt_file_blocking(source, target, &context, None, true)?;
            fs::metadata(source)?.len()
        }
        "decrypt_file" => {
            vault.decrypt_file_blocking(source, target, &context, None, true)?;
            fs::metadata(target)?.len()
        }
        _ => return Err("no such operation".into()),
    };
    let peak = peak_rss()?;
    writeln!(
        io::stdout(),
        r#"{{"language": "rust", "operation": "{operation}", "bytes": {bytes}, "peak_rss": {peak}}}"#
    )?;
    Ok(())
}

/// Some bytes at a thousand places.
fn read_everywhere(mut reader: DecryptReader<File>) -> Result<u64, Failure> {
    let length = reader.payload_length()?;
    let mut buffer = [0; 1_000];
    for place in 0..1_000 {
        reader.read_at(length / 1_000 * place, &mut buffer)?;
    }
    Ok(length)
}

fn peak_rss() -> Result<u64, Failure> {
    let mut status = String::new();
    File::open("/proc/self/status")?.read_to_string(&mut status)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel gives no peak")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1_024)
}
