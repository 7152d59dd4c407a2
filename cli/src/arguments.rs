//! What can be typed, and the help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::context::ContextArguments;

const EXIT_CODES: &str = "\
Exit codes, by the kind of error:
  0   success
  2   this command line is wrong
  3   input: what was passed in cannot be used
  4   policy: the rules that protect the data forbid the operation
  5   key: the customer's KMS refused the key
  6   unavailable: something needed could not be reached in time (worth a retry)
  7   integrity: the data, its context or its key is not what it was made with
  8   usage: the configuration is wrong or something stands in the way
  70  internal: a defect in libvault";

/// Encrypt for a customer under the customer's own key, and for everybody else under managed keys.
#[derive(Debug, Parser)]
#[command(name = "libvault", version = libvault::VERSION, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Print results on standard output and errors and warnings on standard error as JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a vault in DIR: a root key, the store of managed keys, and a configuration
    Init(InitArguments),
    /// Say which keys protect a key context; calls no KMS
    Match(MatchArguments),
    /// Encrypt a file or standard input into an envelope
    Encrypt(PayloadArguments),
    /// Decrypt an envelope; the key context must be the one it was encrypted with
    Decrypt(PayloadArguments),
    /// Show what an envelope or key bundle says about itself; needs no configuration and no keys
    Inspect(InspectArguments),
}

#[derive(Args, Debug)]
pub(crate) struct InitArguments {
    /// The directory; it is made if it does not exist
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct MatchArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
}

#[derive(Args, Debug)]
pub(crate) struct PayloadArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    /// A file of additional authenticated data: not stored, and needed again, byte for byte, to decrypt
    #[arg(long, value_name = "FILE")]
    pub(crate) aad_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigArguments {
    /// The configuration, as made by `libvault init` [env: LIBVAULT_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct InputArguments {
    /// What to read; `-` is standard input
    #[arg(long, value_name = "FILE|-", default_value = "-")]
    pub(crate) input: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct OutputArguments {
    /// What to write, whole or not at all; standard output without it. `-` writes binary data even to a terminal
    #[arg(long, value_name = "FILE|-")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

impl InputArguments {
    pub(crate) fn is_standard_input(&self) -> bool {
        self.input.as_os_str() == "-"
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
