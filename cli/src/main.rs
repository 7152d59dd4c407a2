//! `libvault`, the command line: makes a vault, says which keys a key context matches, encrypts, decrypts, inspects and manages data keys.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod context;
mod input;
mod output;
mod progress;
mod report;
mod table;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use signal_hook::consts::SIGXFSZ;

use crate::arguments::Arguments;
use crate::report::Reporter;

fn main() -> ExitCode {
    // A limit on the size of files is then an error like a full disk. If it cannot be had, the process ends by the signal.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
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
