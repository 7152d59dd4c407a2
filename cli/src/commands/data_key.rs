//! `libvault data-key`.

use std::path::Path;

use libvault::{DataKey, ErrorCode};
use serde_json::json;

use super::with_vault;
use crate::arguments::{CreateDataKeyArguments, DataKeyCommand, OpenDataKeyArguments, OutputArguments, RekeyArguments};
use crate::input;
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

pub(super) fn run(command: &DataKeyCommand, reporter: Reporter) -> Result<(), Failure> {
    match command {
        DataKeyCommand::Create(arguments) => create(arguments, reporter),
        DataKeyCommand::Open(arguments) => open_bundle(arguments, reporter),
        DataKeyCommand::Rekey(arguments) => rekey(arguments, reporter),
    }
}

/// Both are written before either gets its name, so that a disk that is full costs no file that was there. The key gets its name first: a key that it
/// replaces can be had again from its bundle, but a bundle that is replaced is gone.
fn create(arguments: &CreateDataKeyArguments, reporter: Reporter) -> Result<(), Failure> {
    let (key_arguments, bundle) = (&arguments.output, &arguments.bundle);
    if key_arguments.output.as_deref().is_some_and(|output| is_same_name(output, bundle)) {
        return Err(same_name(bundle));
    }
    let bundle_arguments = OutputArguments { output: Some(bundle.clone()), force: key_arguments.force };
    let bundle_output = Output::prepare(&bundle_arguments, Contents::Envelope)?;
    if !bundle_output.is_file() {
        return Err(bundle_is_no_file(bundle));
    }
    let key_output = Output::prepare(&key_arguments.to_output(), Contents::Key)?;
    let context = arguments.context.load()?;
    with_vault(&arguments.vault, reporter, |vault| {
        let (mut bundle_sink, mut key_sink) = (bundle_output.open()?, key_output.open()?);
        let data_key = vault.create_data_key_blocking(&context)?;
        bundle_sink.write(&data_key.bundle)?;
        key_sink.write(data_key.key())?;
        key_sink.finish()?;
        // Nobody could ever have that key again.
        bundle_sink.finish().inspect_err(|_| key_output.take_back())?;
        answer(&data_key, bundle, key_arguments.output.as_deref(), reporter)
    })
}

/// Whether two paths name one file, through whatever directories they lead.
fn is_same_name(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some((directory.canonicalize().ok()?, path.file_name()?.to_owned()))
    };
    one == other || resolved(one).is_some_and(|name| Some(name) == resolved(other))
}

fn open_bundle(arguments: &OpenDataKeyArguments, reporter: Reporter) -> Result<(), Failure> {
    if arguments.context.reads_standard_input() && arguments.bundle == Path::new("-") {
        return Err(Failure::two_inputs("--context-json", "--bundle"));
    }
    let output = Output::prepare(&arguments.output.to_output(), Contents::Key)?;
    let context = arguments.context.load()?;
    with_vault(&arguments.vault, reporter, |vault| {
        let bundle = input::read_bundle(&arguments.bundle)?;
        let data_key = vault.decrypt_data_key_blocking(&bundle, &context)?;
        output.write(data_key.key())?;
        answer(&data_key, &arguments.bundle, arguments.output.output.as_deref(), reporter)
    })
}

fn rekey(arguments: &RekeyArguments, reporter: Reporter) -> Result<(), Failure> {
    let readers = [
        ("--context-json", arguments.context.reads_standard_input()),
        ("--new-context-json", arguments.new_context.reads_standard_input()),
        ("--bundle", arguments.bundle == Path::new("-")),
    ];
    if let [one, other, ..] = readers.iter().filter(|(_, reads)| *reads).collect::<Vec<_>>()[..] {
        return Err(Failure::two_inputs(one.0, other.0));
    }
    let output = Output::prepare(&arguments.output, Contents::Envelope)?;
    let (old_context, new_context) = (arguments.context.load()?, arguments.new_context.load()?);
    with_vault(&arguments.vault, reporter, |vault| {
        let bundle = input::read_bundle(&arguments.bundle)?;
        let moved = vault.rekey_blocking(&bundle, &old_context, &new_context, arguments.downgrade.into())?;
        output.write(&moved)?;
        output.answer(moved.len() as u64, reporter)
    })
}

/// With `--json`, a key file is answered with the names of the two files.
fn answer(data_key: &DataKey, bundle: &Path, output: Option<&Path>, reporter: Reporter) -> Result<(), Failure> {
    match output {
        Some(output) if reporter.is_json() => reporter.object(&json!({
            "output": output.to_string_lossy(),
            "bytes": data_key.key().len(),
            "bundle": bundle.to_string_lossy(),
        })),
        _ => Ok(()),
    }
}

fn bundle_is_no_file(path: &Path) -> Failure {
    Failure::new(
        ErrorCode::InvalidArgument,
        format!("--bundle {} is not the name of a file", path.display()),
        "Give the bundle a file of its own: on standard output or a device it would stand beside the key, or be lost.",
    )
}

fn same_name(path: &Path) -> Failure {
    Failure::new(
        ErrorCode::InvalidArgument,
        format!("--bundle and --output both name {}", path.display()),
        "Give the key and its bundle two names.",
    )
}
