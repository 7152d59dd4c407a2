//! What can be typed, and the help text.

mod shared;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use shared::{ConfigArguments, InputArguments, OutputArguments};

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
    /// Make and open data keys, for programs that encrypt by themselves
    #[command(subcommand)]
    DataKey(DataKeyCommand),
    /// Print a script that completes this command line in a shell
    Completions(CompletionsArguments),
    /// Write the manual pages into a directory
    Man(ManArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataKeyCommand {
    /// Make a data key: 32 secret bytes, and a key bundle that gives them back
    Create(CreateDataKeyArguments),
    /// Open the key bundle of a data key; the key context must be the one it was made with
    Open(OpenDataKeyArguments),
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
pub(crate) struct CreateDataKeyArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    /// Where the key bundle goes. It is no secret; keep it with the data, since only it gives the key back
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) output: KeyOutputArguments,
}

#[derive(Args, Debug)]
pub(crate) struct OpenDataKeyArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    /// The key bundle, as written by `data-key create`; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) output: KeyOutputArguments,
}

#[derive(Args, Debug)]
pub(crate) struct KeyOutputArguments {
    /// Where the 32 bytes of the key go, with mode 0600; standard output without it, unless that is a terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

impl KeyOutputArguments {
    pub(crate) fn to_output(&self) -> OutputArguments {
        OutputArguments { output: self.output.clone(), force: self.force }
    }
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// The directory; it is made if it does not exist
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
