//! From an input to an output, piece by piece.

use zeroize::Zeroizing;

use crate::arguments::InputArguments;
use crate::input::Input;
use crate::output::{Output, Sink};
use crate::progress::Progress;
use crate::report::{Failure, Reporter};

/// Bytes that are worked on at a time.
const PIECE: usize = 256 * 1024;

/// Both ends are open before the work begins; what has been written of a file never appears unless the work is finished.
pub(super) struct Pipe {
    input: Input,
    sink: Sink,
    progress: Progress,
    /// What the work gave and is not written yet; it may be plaintext.
    results: Zeroizing<Vec<u8>>,
}

impl Pipe {
    pub(super) fn open(input: &InputArguments, output: &Output, reporter: Reporter) -> Result<Self, Failure> {
        let input = Input::open(&input.input)?;
        let sink = output.open()?;
        let progress = Progress::new(input.length(), !reporter.is_json() && !sink.is_terminal());
        Ok(Self { input, sink, progress, results: Zeroizing::default() })
    }

    /// Reads up to so many bytes, all at once.
    pub(super) fn read(&mut self, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut bytes = Zeroizing::new(vec![0; limit]);
        let length = self.input.fill(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Works on one piece and writes what it gives.
    pub(super) fn work(
        &mut self,
        piece: &[u8],
        work: impl FnOnce(&[u8], &mut Vec<u8>) -> libvault::Result<()>,
    ) -> Result<(), Failure> {
        work(piece, &mut self.results)?;
        self.sink.write(&self.results)?;
        self.results.clear();
        self.progress.advance(piece.len());
        Ok(())
    }

    /// Works on the rest of the input, as it comes.
    pub(super) fn work_on_rest(
        &mut self,
        mut work: impl FnMut(&[u8], &mut Vec<u8>) -> libvault::Result<()>,
    ) -> Result<(), Failure> {
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        loop {
            match self.input.read(&mut piece)? {
                0 => return Ok(()),
                length => self.work(&piece[..length], &mut work)?,
            }
        }
    }

    /// Writes what comes at the very end, and publishes the output; gives its length.
    pub(super) fn finish(mut self, end: impl FnOnce(&mut Vec<u8>) -> libvault::Result<()>) -> Result<u64, Failure> {
        self.work(&[], |_, results| end(results))?;
        self.sink.finish()
    }
}
