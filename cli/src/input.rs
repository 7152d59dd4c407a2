//! Reading files and standard input, never more than a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use libvault::ErrorCode;
use zeroize::Zeroizing;

use crate::report::Failure;

/// The longest payload of the one-shot form, 2^30 bytes, with room for the longest envelope around it.
pub(crate) const LONGEST_PAYLOAD: u64 = (1 << 30) + (1 << 17);

/// A key bundle has at most 64 KiB; one byte more shows that an input is none.
pub(crate) const LONGEST_BUNDLE: u64 = (1 << 16) + 1;

/// Reads a file, or standard input for `-`, and refuses one that is longer than the limit.
///
/// The bytes are wiped when dropped. What a pipe delivers is read into a growing buffer, whose earlier places are not.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = if path == Path::new("-") {
        read_up_to(limit, 0, io::stdin().lock())
    } else {
        File::open(path).and_then(|file| {
            let length = file.metadata()?.len();
            read_up_to(limit, length, file)
        })
    };
    let bytes = bytes.map_err(|error| Failure::from_file("read", name_of(path), &error))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::new(
            ErrorCode::LimitExceeded,
            format!("{} is longer than {limit} bytes", name_of(path).display()),
            "Stay within the limit; one envelope holds at most 2^30 bytes.",
        ));
    }
    Ok(bytes)
}

fn name_of(path: &Path) -> &Path {
    if path == Path::new("-") { Path::new("standard input") } else { path }
}

/// Reads one byte more than the limit, so that the caller can tell a full input from one that is too long.
fn read_up_to(limit: u64, expected_length: u64, source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let capacity = usize::try_from(expected_length.min(limit).saturating_add(1)).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
