//! `libvault rewrap`.

use libvault::RewrapOptions;

use super::with_vault;
use crate::arguments::RewrapArguments;
use crate::input::{self, LONGEST_PAYLOAD};
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &RewrapArguments, reporter: Reporter) -> Result<(), Failure> {
    let output = Output::prepare(&arguments.output, Contents::Envelope)?;
    if arguments.context.reads_standard_input() && arguments.input.is_standard_input() {
        return Err(Failure::two_inputs("--context-json", "--input"));
    }
    let context = arguments.context.load()?;
    let options = RewrapOptions { keep_data_key: arguments.keep_data_key, downgrade: arguments.downgrade.into() };
    with_vault(&arguments.vault, reporter, |vault| {
        let old = input::read(&arguments.input.input, LONGEST_PAYLOAD)?;
        let new = vault.rewrap_blocking(&old, &context, options)?;
        output.write(&new)?;
        output.answer(new.len() as u64, reporter)
    })
}
