//! `libvault encrypt`.

use super::Job;
use crate::arguments::PayloadArguments;
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &PayloadArguments, reporter: Reporter) -> Result<(), Failure> {
    let output = Output::prepare(&arguments.output, Contents::Envelope)?;
    let job = Job::load(arguments, reporter)?;
    let envelope = job.vault.encrypt_blocking(&job.input, &job.context, job.aad())?;
    output.write(&envelope)?;
    output.answer(envelope.len(), reporter)
}
