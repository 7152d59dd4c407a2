//! What the adaptors to streams of bytes share.

use std::io::{self, ErrorKind};

use crate::error::{Error, ErrorCode};

/// Bytes that an adaptor moves at once: some frames of the default size, so that most of them are not copied once more.
pub(super) const PIECE: usize = 1 << 18;

/// The error is kept inside: [`Error::from_io`] gives it back.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        use ErrorCode::{AuthenticationFailed, LimitExceeded, Malformed, UnsupportedFormat};
        let kind = match error.code() {
            Malformed | UnsupportedFormat | LimitExceeded | AuthenticationFailed => ErrorKind::InvalidData,
            ErrorCode::Timeout => ErrorKind::TimedOut,
            // `WouldBlock` among them: to an executor that kind would mean that the file is not ready.
            _ => ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl Error {
    /// The vault's error inside an error of [`std::io`], if that is what it is.
    pub fn from_io(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().cloned()
    }
}

/// Reads once, whatever signals come meanwhile.
pub(super) fn read_piece(input: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
