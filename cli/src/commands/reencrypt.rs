//! `libvault reencrypt`.

use super::pipe::Pipe;
use super::with_vault;
use crate::arguments::ReencryptArguments;
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &ReencryptArguments, reporter: Reporter) -> Result<(), Failure> {
    let payload = &arguments.payload;
    let output = Output::prepare(&payload.output, Contents::Envelope)?;
    payload.refuse_two_inputs()?;
    let context = payload.context.load()?;
    with_vault(&payload.vault, reporter, |vault| {
        let aad = payload.load_aad()?;
        let aad = aad.as_deref().map(Vec::as_slice);
        let mut reencryptor = vault.reencryptor(&context, aad, arguments.downgrade.into())?;
        let mut pipe = Pipe::open(&payload.input, &output, reporter)?;
        pipe.work_on_rest(|piece, envelope| reencryptor.update_blocking(piece, envelope))?;
        output.answer(pipe.finish(|envelope| reencryptor.finish_blocking(envelope))?, reporter)
    })
}
