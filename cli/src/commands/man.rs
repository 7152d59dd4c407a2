//! `libvault man`.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::json;

use crate::arguments::{Arguments, ManArguments};
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &ManArguments, reporter: Reporter) -> Result<(), Failure> {
    let directory = &arguments.directory;
    fs::create_dir_all(directory).map_err(|error| Failure::from_file("make", directory, &error))?;
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    write_pages(&command, directory, &mut pages)?;
    if reporter.is_json() {
        return reporter.object(&json!({ "pages": pages }));
    }
    Ok(())
}

/// One page for the program and one for each command, as `git` has it: libvault.1, libvault-encrypt.1, …
fn write_pages(command: &Command, directory: &Path, pages: &mut Vec<String>) -> Result<(), Failure> {
    // What stands after the help would come under the heading "EXTRA".
    let page = Man::new(command.clone().after_help(None).after_long_help(None))
        .source(format!("libvault {}", libvault::VERSION))
        .manual("libvault");
    let path = directory.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text)
        .and_then(|()| fs::write(&path, [text, closing_section(command).into()].concat()))
        .map_err(|error| Failure::from_file("write", &path, &error))?;
    pages.push(path.to_string_lossy().into_owned());
    command.get_subcommands().try_for_each(|command| write_pages(command, directory, pages))
}

/// Exit codes of the program, or examples of a command and where the exit codes are.
fn closing_section(command: &Command) -> String {
    let mut section = Roff::new();
    if let Some(exit_codes) = command.get_after_help() {
        as_typed(&mut section, "EXIT STATUS", &exit_codes.to_string());
        return section.render();
    }
    if let Some(examples) = command.get_after_long_help() {
        let text = examples.to_string();
        // The first line is the heading of the help text.
        as_typed(&mut section, "EXAMPLES", text.split_once('\n').map_or("", |(_, lines)| lines));
    }
    section.control("SH", ["SEE ALSO"]).text([bold("libvault"), roman("(1), also for the exit status")]);
    section.render()
}

fn as_typed(section: &mut Roff, heading: &str, text: &str) {
    section.control("SH", [heading]).control("nf", []);
    for line in text.lines() {
        section.text([roman(line)]);
    }
    section.control("fi", []);
}
