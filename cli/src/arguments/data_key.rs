//! What `libvault data-key` can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DowngradeArguments, OutputArguments, VaultArguments, examples};
use crate::context::{ContextArguments, NewContextArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum DataKeyCommand {
    /// Make a data key: 32 secret bytes, and a key bundle that gives them back
    ///
    /// The key is written to a file for its owner only, or into a pipe; never to a terminal. Store the bundle with the data, and the key nowhere. Once handed
    /// out, a key is outside the reach of any revocation.
    #[command(after_long_help = examples::CREATE_DATA_KEY)]
    Create(CreateDataKeyArguments),
    /// Open the key bundle of a data key; the key context must be the one it was made with
    #[command(after_long_help = examples::OPEN_DATA_KEY)]
    Open(OpenDataKeyArguments),
    /// Move a data key to another key context: a new bundle around the same key; the old one goes on to open
    #[command(after_long_help = examples::REKEY)]
    Rekey(RekeyArguments),
}

#[derive(Args, Debug)]
pub(crate) struct CreateDataKeyArguments {
    #[command(flatten)]
    pub(crate) vault: VaultArguments,
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
    pub(crate) vault: VaultArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    /// The key bundle, as written by `data-key create`; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) output: KeyOutputArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RekeyArguments {
    #[command(flatten)]
    pub(crate) vault: VaultArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    #[command(flatten)]
    pub(crate) new_context: NewContextArguments,
    /// The key bundle, as written by `data-key create`; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    #[command(flatten)]
    pub(crate) downgrade: DowngradeArguments,
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
