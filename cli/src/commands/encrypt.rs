//! `libvault encrypt`.

use libvault::{Context, StreamOptions, Vault};

use super::pipe::Pipe;
use super::with_vault;
use crate::arguments::EncryptArguments;
use crate::output::{Contents, Output};
use crate::report::{Failure, Reporter};

/// The longest payload that becomes an envelope in the one-shot form, unless a frame size is given; it is smaller than the framed one, but
/// has to be held in memory as a whole.
const LONGEST_ONE_SHOT: usize = 1 << 20;

pub(super) fn run(arguments: &EncryptArguments, reporter: Reporter) -> Result<(), Failure> {
    let payload = &arguments.payload;
    let output = Output::prepare(&payload.output, Contents::Envelope)?;
    payload.refuse_two_inputs()?;
    let context = payload.context.load()?;
    with_vault(&payload.vault, reporter, |vault| {
        let aad = payload.load_aad()?;
        let aad = aad.as_deref().map(Vec::as_slice);
        let pipe = Pipe::open(&payload.input, &output, reporter)?;
        let length = match arguments.form.stream_options() {
            Some(options) => encrypt_frames(vault, &context, aad, options, &[], pipe)?,
            None => encrypt(vault, &context, aad, pipe)?,
        };
        output.answer(length, reporter)
    })
}

/// In the form that fits the length of the input.
fn encrypt(vault: &Vault, context: &Context, aad: Option<&[u8]>, mut pipe: Pipe) -> Result<u64, Failure> {
    let begun = pipe.read(LONGEST_ONE_SHOT + 1)?;
    if begun.len() > LONGEST_ONE_SHOT {
        return encrypt_frames(vault, context, aad, StreamOptions::default(), &begun, pipe);
    }
    pipe.work(&begun, |data, envelope| {
        *envelope = vault.encrypt_blocking(data, context, aad)?;
        Ok(())
    })?;
    pipe.finish(|_| Ok(()))
}

/// `begun` has been read already.
fn encrypt_frames(
    vault: &Vault,
    context: &Context,
    aad: Option<&[u8]>,
    options: StreamOptions,
    begun: &[u8],
    mut pipe: Pipe,
) -> Result<u64, Failure> {
    let mut encryptor = vault.encryptor_blocking(context, aad, options)?;
    pipe.work(begun, |piece, envelope| encryptor.update_blocking(piece, envelope))?;
    pipe.work_on_rest(|piece, envelope| encryptor.update_blocking(piece, envelope))?;
    pipe.finish(|envelope| encryptor.finish_blocking(envelope))
}
