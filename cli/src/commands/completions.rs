//! `libvault completions`.

use clap::CommandFactory as _;
use serde_json::json;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &CompletionsArguments, reporter: Reporter) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "libvault", &mut script);
    let script = String::from_utf8_lossy(&script);
    if reporter.is_json() {
        return reporter.object(&json!({ "shell": arguments.shell.to_string(), "script": script }));
    }
    reporter.result(&script)
}
