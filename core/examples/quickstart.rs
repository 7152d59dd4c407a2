//! The README's quick start, which `tests/quickstart` compares with this file and runs.
#![allow(clippy::print_stdout)] // a program, not the library

use libvault::{Config, Context, ErrorCode, Vault, init};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let made = init("myvault".as_ref())?; // once; refuses to overwrite anything
    let vault = Vault::open(Config::from_file(made.config)?)?;
    let customer = Context::new([("organization_id", "org_123")])?;
    let envelope = vault.encrypt_blocking(b"attack at dawn", &customer, None)?;
    let data = vault.decrypt_blocking(&envelope, &customer, None)?;
    println!("{} bytes: {}", envelope.len(), String::from_utf8(data)?);
    match vault.decrypt_blocking(&envelope, &Context::new([("organization_id", "org_456")])?, None) {
        Err(error) if error == ErrorCode::ContextMismatch => {
            println!("org_456: {} {}", error.code().name(), error.code().number());
        }
        other => drop(other?),
    }
    Ok(())
}
