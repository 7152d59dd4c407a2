//! `libvault decrypt`.

use zeroize::Zeroizing;

use super::Job;
use crate::arguments::PayloadArguments;
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &PayloadArguments, reporter: Reporter) -> Result<(), Failure> {
    let output = Output::prepare(&arguments.output, Contents::Plaintext)?;
    let job = Job::load(arguments, reporter)?;
    let plaintext = Zeroizing::new(job.vault.decrypt_blocking(&job.input, &job.context, job.aad())?);
    output.write(&plaintext)?;
    output.answer(plaintext.len(), reporter)
}
