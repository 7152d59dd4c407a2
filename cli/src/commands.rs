//! One file for each command, and what they share.

mod completions;
mod data_key;
mod decrypt;
mod encrypt;
mod init;
mod inspect;
mod man;
mod match_context;

use std::env;
use std::path::PathBuf;

use libvault::{Config, Context, Vault};
use zeroize::Zeroizing;

use crate::arguments::{Command, ConfigArguments, PayloadArguments};
use crate::input::{self, LONGEST_PAYLOAD};
use crate::report::{Failure, Reporter};

pub(crate) fn run(command: &Command, reporter: Reporter) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::run(arguments, reporter),
        Command::Match(arguments) => match_context::run(arguments, reporter),
        Command::Encrypt(arguments) => encrypt::run(arguments, reporter),
        Command::Decrypt(arguments) => decrypt::run(arguments, reporter),
        Command::Inspect(arguments) => inspect::run(arguments, reporter),
        Command::DataKey(command) => data_key::run(command, reporter),
        Command::Completions(arguments) => completions::run(arguments, reporter),
        Command::Man(arguments) => man::run(arguments, reporter),
    }
}

/// Opens the vault that `--config` or `LIBVAULT_CONFIG` names and passes its warnings on. There is no default.
fn open(arguments: &ConfigArguments, reporter: Reporter) -> Result<Vault, Failure> {
    let path = match &arguments.config {
        Some(path) => path.clone(),
        None => match env::var_os("LIBVAULT_CONFIG") {
            Some(path) if !path.is_empty() => PathBuf::from(path),
            _ => return Err(libvault::no_config_error().into()),
        },
    };
    let vault = Vault::open(Config::from_file(path)?)?;
    for warning in vault.warnings() {
        reporter.warn(&warning);
    }
    Ok(vault)
}

/// What `encrypt` and `decrypt` work on.
struct Job {
    vault: Vault,
    context: Context,
    aad: Option<Zeroizing<Vec<u8>>>,
    input: Zeroizing<Vec<u8>>,
}

impl Job {
    /// The input comes last: nobody should have to type or pipe it only to learn that the configuration is wrong.
    fn load(arguments: &PayloadArguments, reporter: Reporter) -> Result<Self, Failure> {
        if arguments.context.reads_standard_input() && arguments.input.is_standard_input() {
            return Err(Failure::two_inputs("--context-json", "--input"));
        }
        let context = arguments.context.load()?;
        let vault = open(&arguments.config, reporter)?;
        let aad = arguments.aad_file.as_deref().map(|path| input::read(path, LONGEST_PAYLOAD)).transpose()?;
        let input = input::read(&arguments.input.input, LONGEST_PAYLOAD)?;
        Ok(Self { vault, context, aad, input })
    }

    fn aad(&self) -> Option<&[u8]> {
        self.aad.as_ref().map(|aad| aad.as_slice())
    }
}
