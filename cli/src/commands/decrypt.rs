//! `libvault decrypt`.

use super::pipe::Pipe;
use super::with_vault;
use crate::arguments::PayloadArguments;
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

/// What is written was authenticated. That nothing is missing is known at the end only: a file appears then, and a reader of a pipe has to
/// look at the exit code.
pub(super) fn run(arguments: &PayloadArguments, reporter: Reporter) -> Result<(), Failure> {
    let output = Output::prepare(&arguments.output, Contents::Plaintext)?;
    arguments.refuse_two_inputs()?;
    let context = arguments.context.load()?;
    with_vault(&arguments.vault, reporter, |vault| {
        let aad = arguments.load_aad()?;
        let mut decryptor = vault.decryptor(&context, aad.as_deref().map(Vec::as_slice))?;
        let mut pipe = Pipe::open(&arguments.input, &output, reporter)?;
        pipe.work_on_rest(|piece, plaintext| decryptor.update_blocking(piece, plaintext))?;
        output.answer(pipe.finish(|plaintext| decryptor.finish_blocking(plaintext))?, reporter)
    })
}
