//! What can be typed, and the help text.

mod data_key;
mod examples;
mod payload;
mod shared;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use data_key::{CreateDataKeyArguments, DataKeyCommand, OpenDataKeyArguments, RekeyArguments};
pub(crate) use payload::{FormArguments, PayloadArguments};
pub(crate) use shared::{ConfigArguments, DowngradeArguments, InputArguments, OutputArguments, VaultArguments};

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
    /// Make a key file with a random key: a customer's key for a trial or on one's own premises, without a KMS
    #[command(after_long_help = examples::KEYGEN)]
    Keygen(KeygenArguments),
    /// Say which keys protect a key context; calls no KMS
    #[command(after_long_help = examples::MATCH)]
    Match(MatchArguments),
    /// Encrypt a file or standard input into an envelope
    ///
    /// Inputs over 1 MiB are encrypted in frames and pass through in constant memory. An output file appears when it is complete, or not at all.
    #[command(after_long_help = examples::ENCRYPT)]
    Encrypt(EncryptArguments),
    /// Decrypt an envelope; the key context must be the one it was encrypted with
    ///
    /// An output file appears when everything was authenticated to its end, or not at all. A pipe gets authenticated frames as they come: that nothing is
    /// missing is known only when the exit code is 0.
    #[command(after_long_help = examples::DECRYPT)]
    Decrypt(PayloadArguments),
    /// Wrap the data key of an envelope or key bundle by the keys that match now; this revokes nothing
    ///
    /// The payload stays as it is, and so does the data key: whoever kept the older file opens it with the older keys. Where keys are left behind a rewrap is
    /// therefore refused, unless --keep-data-key is given; `libvault reencrypt` is the way there.
    #[command(after_long_help = examples::REWRAP)]
    Rewrap(RewrapArguments),
    /// Encrypt the payload of an envelope anew, with a new data key for the keys that match now
    ///
    /// Form and additional authenticated data stay. Framed envelopes pass through in constant memory. Older copies still open with the older keys.
    #[command(after_long_help = examples::REENCRYPT)]
    Reencrypt(ReencryptArguments),
    /// Show what an envelope or key bundle says about itself; needs no configuration and no keys
    #[command(after_long_help = examples::INSPECT)]
    Inspect(InspectArguments),
    /// Make and open data keys, for programs that encrypt by themselves
    #[command(subcommand)]
    DataKey(DataKeyCommand),
    /// Print a script that completes this command line in a shell
    #[command(after_long_help = examples::COMPLETIONS)]
    Completions(CompletionsArguments),
    /// Write the manual pages into a directory
    Man(ManArguments),
}

#[derive(Args, Debug)]
pub(crate) struct InitArguments {
    /// The directory; it is made if it does not exist
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct KeygenArguments {
    /// The key file; one that exists is left as it is
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct MatchArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
}

#[derive(Args, Debug)]
pub(crate) struct EncryptArguments {
    #[command(flatten)]
    pub(crate) payload: PayloadArguments,
    #[command(flatten)]
    pub(crate) form: FormArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RewrapArguments {
    #[command(flatten)]
    pub(crate) vault: VaultArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Rewrap also where the keys of older copies are left behind: they still open those, and `inspect` shows for good that it was done
    #[arg(long)]
    pub(crate) keep_data_key: bool,
    #[command(flatten)]
    pub(crate) downgrade: DowngradeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ReencryptArguments {
    #[command(flatten)]
    pub(crate) payload: PayloadArguments,
    #[command(flatten)]
    pub(crate) downgrade: DowngradeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
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
