//! Reading files and standard input: whole, never more than a limit, or piece by piece.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use libvault::ErrorCode;
use zeroize::Zeroizing;

use crate::report::Failure;

/// The longest file that is read whole: an envelope of the one-shot form with a payload of 2^30 bytes, and room for the longest header.
pub(crate) const LONGEST_PAYLOAD: u64 = (1 << 30) + (1 << 17);

/// A file or standard input that is read piece by piece.
pub(crate) struct Input {
    name: PathBuf,
    reader: Box<dyn Read>,
    length: Option<u64>,
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let name = name_of(path);
        if path == Path::new("-") {
            return Ok(Self { name: name.to_owned(), reader: Box::new(io::stdin()), length: None });
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| Failure::from_file("read", name, &error))?;
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self { name: name.to_owned(), reader: Box::new(file), length })
    }

    /// The length of a regular file.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Reads what is there, at least one byte; 0 at the end.
    pub(crate) fn read(&mut self, piece: &mut [u8]) -> Result<usize, Failure> {
        loop {
            match self.reader.read(piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| Failure::from_file("read", &self.name, &error)),
            }
        }
    }

    /// Reads to the end; gives how much that was.
    pub(crate) fn skip(&mut self) -> Result<u64, Failure> {
        io::copy(&mut self.reader, &mut io::sink()).map_err(|error| Failure::from_file("read", &self.name, &error))
    }

    /// Reads until `piece` is full or the input ends.
    pub(crate) fn fill(&mut self, piece: &mut [u8]) -> Result<usize, Failure> {
        let mut filled = 0;
        while filled < piece.len() {
            match self.read(&mut piece[filled..])? {
                0 => break,
                length => filled += length,
            }
        }
        Ok(filled)
    }
}

/// Reads a key bundle. Of what is longer than any bundle only as much is read as shows that it is none.
pub(crate) fn read_bundle(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; libvault::INSPECTED_BYTES];
    let length = Input::open(path)?.fill(&mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads a file, or standard input for `-`, and refuses one that is longer than the limit.
///
/// The bytes are wiped when dropped. What a pipe delivers is read into a growing buffer, whose earlier places are not.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let input = Input::open(path)?;
    // One byte more than the limit tells a full input from one that is too long.
    let capacity = usize::try_from(input.length.unwrap_or(0).min(limit).saturating_add(1)).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let read = input.reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Failure::from_file("read", &input.name, &error))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::new(
            ErrorCode::LimitExceeded,
            format!("{} is longer than {limit} bytes", input.name.display()),
            "Stay within the limit; one envelope holds at most 2^30 bytes.",
        ));
    }
    Ok(bytes)
}

fn name_of(path: &Path) -> &Path {
    if path == Path::new("-") { Path::new("standard input") } else { path }
}
