//! An output that is being written.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use libvault::AtomicFile;

use super::{binary_on_terminal, not_written};
use crate::report::Failure;

/// Takes the output piece by piece. Without [`Sink::finish`] a file never appears under its name.
pub(crate) struct Sink {
    destination: Destination,
    is_terminal: bool,
    /// Only text goes to a terminal, unless more was asked for.
    text: Option<Text>,
    written: u64,
}

enum Destination {
    Stream { stream: Box<dyn Write>, name: String },
    File { file: AtomicFile, path: PathBuf },
}

impl Sink {
    pub(super) fn to_standard_output(is_terminal: bool, even_to_terminal: bool) -> Self {
        let stream = Destination::Stream { stream: Box::new(io::stdout()), name: "standard output".into() };
        Self::new(stream, is_terminal, is_terminal && !even_to_terminal)
    }

    pub(super) fn to_device(device: File, path: &Path) -> Self {
        let is_terminal = device.is_terminal();
        let stream = Destination::Stream { stream: Box::new(device), name: path.display().to_string() };
        Self::new(stream, is_terminal, is_terminal)
    }

    pub(super) fn to_file(file: AtomicFile, path: &Path) -> Self {
        Self::new(Destination::File { file, path: path.to_owned() }, false, false)
    }

    fn new(destination: Destination, is_terminal: bool, only_text: bool) -> Self {
        Self { destination, is_terminal, text: only_text.then(Text::default), written: 0 }
    }

    /// Whether it goes to a terminal, where nothing else should be drawn meanwhile.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.written += bytes.len() as u64;
        match &mut self.text {
            None => self.destination.write(bytes),
            Some(text) => {
                let checked = text.check(bytes)?;
                self.destination.write(checked.as_bytes())
            }
        }
    }

    /// Publishes the output and gives its length.
    pub(crate) fn finish(self) -> Result<u64, Failure> {
        if self.text.is_some_and(|text| !text.is_complete()) {
            return Err(binary_on_terminal());
        }
        match self.destination {
            Destination::Stream { mut stream, name } => {
                stream.flush().map_err(|error| Failure::from_write(&error, &name))?;
            }
            Destination::File { file, path } => file.publish().map_err(|error| not_written(&error, &path))?,
        }
        Ok(self.written)
    }
}

impl Destination {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stream { stream, name } => stream.write_all(bytes).map_err(|error| Failure::from_write(&error, name)),
            Self::File { file, path } => {
                file.write_all(bytes).map_err(|error| Failure::from_file("write", path, &error))
            }
        }
    }
}

/// Lets text through; anything else could also be an instruction to the terminal.
#[derive(Default)]
struct Text {
    /// The first bytes of a character whose last ones are still to come.
    begun: Vec<u8>,
}

impl Text {
    fn check(&mut self, bytes: &[u8]) -> Result<String, Failure> {
        self.begun.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(&self.begun) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(binary_on_terminal()),
        };
        let rest = self.begun.split_off(complete);
        let text = String::from_utf8(std::mem::replace(&mut self.begun, rest)).map_err(|_| binary_on_terminal())?;
        if has_unprintable(&text) { Err(binary_on_terminal()) } else { Ok(text) }
    }

    fn is_complete(&self) -> bool {
        self.begun.is_empty()
    }
}

fn has_unprintable(text: &str) -> bool {
    text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_printable() {
        assert!(!has_unprintable("gr\u{fc}\u{df}e\r\n\tfrom us"));
        assert!(has_unprintable("\u{1b}[2J"));
        assert!(has_unprintable("\u{9b}2J"));
    }

    #[test]
    fn a_character_may_come_in_two_pieces() {
        let mut text = Text::default();
        assert_eq!(text.check(b"gr\xc3").expect("it may become text"), "gr");
        assert!(!text.is_complete());
        assert_eq!(text.check(b"\xbc").expect("it became text"), "\u{fc}");
        assert!(text.is_complete());
        assert!(text.check(b"\xff").is_err());
    }
}
