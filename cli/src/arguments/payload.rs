//! What commands that read and write payloads can be told.

use std::path::PathBuf;

use clap::Args;
use libvault::StreamOptions;
use zeroize::Zeroizing;

use super::{InputArguments, OutputArguments, VaultArguments};
use crate::context::ContextArguments;
use crate::input::{self, LONGEST_PAYLOAD};
use crate::report::Failure;

#[derive(Args, Debug)]
pub(crate) struct PayloadArguments {
    #[command(flatten)]
    pub(crate) vault: VaultArguments,
    #[command(flatten)]
    pub(crate) context: ContextArguments,
    /// A file of additional authenticated data: not stored, and needed again, byte for byte, to decrypt
    #[arg(long, value_name = "FILE")]
    pub(crate) aad_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Args, Debug)]
pub(crate) struct FormArguments {
    /// Encrypt in frames of BYTES from the first byte on: a power of two from 4096 to 1048576. Without it an input of at most 1 MiB is encrypted
    /// in one piece, which is smaller, and a longer one in frames of 65536
    #[arg(long, value_name = "BYTES")]
    pub(crate) frame_size: Option<usize>,
}

impl PayloadArguments {
    pub(crate) fn refuse_two_inputs(&self) -> Result<(), Failure> {
        if self.context.reads_standard_input() && self.input.is_standard_input() {
            return Err(Failure::two_inputs("--context-json", "--input"));
        }
        Ok(())
    }

    pub(crate) fn load_aad(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        self.aad_file.as_deref().map(|path| input::read(path, LONGEST_PAYLOAD)).transpose()
    }
}

impl FormArguments {
    /// The framed form, where it is asked for.
    pub(crate) fn stream_options(&self) -> Option<StreamOptions> {
        self.frame_size.map(|frame_size| StreamOptions { frame_size })
    }
}
