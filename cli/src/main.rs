//! `libvault`, the command line: makes a vault, says which keys a key context matches, encrypts, decrypts, inspects and manages data keys.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod context;
mod input;
mod output;
mod report;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::report::Reporter;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return report::refuse_command_line(&error),
    };
    let reporter = Reporter::new(arguments.json);
    match commands::run(&arguments.command, reporter) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => reporter.fail(&failure),
    }
}
