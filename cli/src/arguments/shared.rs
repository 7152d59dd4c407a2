//! What several commands can be told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use libvault::{CallOptions, Downgrade};

use crate::report::Failure;

#[derive(Args, Debug)]
pub(crate) struct ConfigArguments {
    /// The configuration, as made by `libvault init` [env: LIBVAULT_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// For commands that use keys.
#[derive(Args, Debug)]
pub(crate) struct VaultArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// How long to wait for KMSs in all, retries included, instead of the configured time; such as 2.5
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Who does this, for the audit trail: 1 to 200 characters
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Print on standard error how often keys were used
    #[arg(long)]
    pub(crate) stats: bool,
}

impl VaultArguments {
    pub(crate) fn call_options(&self) -> Result<CallOptions, Failure> {
        let mut options = CallOptions::default();
        if let Some(timeout) = self.timeout {
            options = options.timeout(timeout);
        }
        match &self.actor {
            Some(actor) => Ok(options.try_actor(actor)?),
            None => Ok(options),
        }
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct DowngradeArguments {
    /// Allow a result that is easier to open than the input: without an owner whose agreement was needed, or without the managed keys beside it
    #[arg(long)]
    allow_downgrade: bool,
}

impl From<DowngradeArguments> for Downgrade {
    fn from(arguments: DowngradeArguments) -> Self {
        if arguments.allow_downgrade { Self::Allow } else { Self::Refuse }
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be more than 0".to_owned()),
    }
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
