//! One file for each command, and what they share.

mod completions;
mod data_key;
mod decrypt;
mod encrypt;
mod init;
mod inspect;
mod keygen;
mod man;
mod match_context;
mod pipe;
mod reencrypt;
mod rewrap;

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use libvault::{Config, ErrorCode, LogLevel, Vault};

use crate::arguments::{Command, ConfigArguments, VaultArguments};
use crate::report::{Failure, Reporter};

pub(crate) fn run(command: &Command, reporter: Reporter) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::run(arguments, reporter),
        Command::Keygen(arguments) => keygen::run(arguments, reporter),
        Command::Match(arguments) => match_context::run(arguments, reporter),
        Command::Encrypt(arguments) => encrypt::run(arguments, reporter),
        Command::Decrypt(arguments) => decrypt::run(arguments, reporter),
        Command::Rewrap(arguments) => rewrap::run(arguments, reporter),
        Command::Reencrypt(arguments) => reencrypt::run(arguments, reporter),
        Command::Inspect(arguments) => inspect::run(arguments, reporter),
        Command::DataKey(command) => data_key::run(command, reporter),
        Command::Completions(arguments) => completions::run(arguments, reporter),
        Command::Man(arguments) => man::run(arguments, reporter),
    }
}

/// Opens the vault that `--config` or `LIBVAULT_CONFIG` names; what its log warns of is passed on. There is no default.
fn open(arguments: &ConfigArguments, reporter: Reporter) -> Result<Vault, Failure> {
    let path = match &arguments.config {
        Some(path) => path.clone(),
        None => match env::var_os("LIBVAULT_CONFIG") {
            Some(path) if !path.is_empty() => PathBuf::from(path),
            _ => return Err(no_configuration()),
        },
    };
    let vault = Vault::open(Config::from_file(path)?)?;
    vault.set_log(Some(Arc::new(move |record| {
        if record.level == LogLevel::Warning {
            reporter.warn(&record.message);
        }
    })));
    Ok(vault)
}

fn no_configuration() -> Failure {
    let message = "no configuration was given, and there is no default key".to_owned();
    let action = "Pass --config FILE or set LIBVAULT_CONFIG; `libvault init DIR` makes one.";
    Failure::new(ErrorCode::InvalidConfig, message, action)
}

/// Opens the vault for calls as the options say, does the work, and tells on request how often keys were used, also after a failure.
fn with_vault(
    arguments: &VaultArguments,
    reporter: Reporter,
    work: impl FnOnce(&Vault) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let vault = open(&arguments.config, reporter)?.with(arguments.call_options()?);
    let result = work(&vault);
    if arguments.stats {
        reporter.stats(&vault.stats());
    }
    result
}
