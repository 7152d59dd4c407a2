//! What several commands can be told.

use std::path::{Path, PathBuf};

use clap::Args;

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
        self.input == Path::new("-")
    }
}
