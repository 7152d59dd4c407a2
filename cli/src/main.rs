//! `libvault`, the command line: makes a vault, says which keys a key context matches, encrypts, decrypts and inspects.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod context;
mod input;
mod output;
mod report;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::report::Reporter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let reporter = Reporter::new(arguments.json);
    match commands::run(&arguments.command, reporter) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => reporter.fail(&failure),
    }
}
