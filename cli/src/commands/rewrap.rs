//! `libvault rewrap`.

use libvault::{INSPECTED_BYTES, RewrapOptions};

use super::pipe::Pipe;
use super::with_vault;
use crate::arguments::RewrapArguments;
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

/// The keys are in the start of an envelope; what comes behind it passes through as it is.
pub(super) fn run(arguments: &RewrapArguments, reporter: Reporter) -> Result<(), Failure> {
    let output = Output::prepare(&arguments.output, Contents::Envelope)?;
    if arguments.context.reads_standard_input() && arguments.input.is_standard_input() {
        return Err(Failure::two_inputs("--context-json", "--input"));
    }
    let context = arguments.context.load()?;
    let options = RewrapOptions { keep_data_key: arguments.keep_data_key, downgrade: arguments.downgrade.into() };
    with_vault(&arguments.vault, reporter, |vault| {
        let mut pipe = Pipe::open(&arguments.input, &output, reporter)?;
        let start = pipe.read(INSPECTED_BYTES)?;
        pipe.work(&start, |start, rewrapped| {
            // What is whole is judged as a whole.
            *rewrapped = match start.len() {
                INSPECTED_BYTES => vault.rewrap_start_blocking(start, &context, options)?,
                _ => vault.rewrap_blocking(start, &context, options)?,
            };
            Ok(())
        })?;
        pipe.work_on_rest(|piece, same| {
            same.extend_from_slice(piece);
            Ok(())
        })?;
        output.answer(pipe.finish(|_| Ok(()))?, reporter)
    })
}
