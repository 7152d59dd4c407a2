//! Writing results: to standard output, or to a file that appears whole or not at all.

mod sink;

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use libvault::{AtomicFile, Error, ErrorCode, FileContents};
use serde_json::json;

pub(crate) use self::sink::Sink;
use crate::arguments::OutputArguments;
use crate::report::{CHECK_FILE, Failure, Reporter};

/// What is written, which decides who may read the file and what a terminal is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Binary, and safe for anybody to read: files get the mode that the umask leaves of 0666.
    Envelope,
    /// Secret: files get mode 0600, from the first byte on. A terminal is shown text only.
    Plaintext,
    /// As a plaintext, and never for a terminal.
    Key,
}

impl Contents {
    fn refuse_terminal(self, is_terminal: bool, even_to_terminal: bool) -> Result<(), Failure> {
        match self {
            Self::Key if is_terminal => Err(key_on_terminal()),
            Self::Envelope if is_terminal && !even_to_terminal => Err(binary_on_terminal()),
            _ => Ok(()),
        }
    }
}

/// Where a result goes, checked before anything is read, asked of a KMS or decrypted.
#[derive(Debug)]
pub(crate) struct Output {
    contents: Contents,
    target: Target,
}

#[derive(Debug)]
enum Target {
    StandardOutput {
        even_to_terminal: bool,
    },
    /// Written under another name or none, then given this one.
    File {
        path: PathBuf,
        replace: bool,
    },
    /// A device or a pipe: written in place, since it cannot be replaced.
    Special(PathBuf),
}

impl Output {
    /// Refuses what is known to be refused later: a file that exists, a missing directory, envelopes on a terminal.
    pub(crate) fn prepare(arguments: &OutputArguments, contents: Contents) -> Result<Self, Failure> {
        let target = match &arguments.output {
            None => Target::StandardOutput { even_to_terminal: false },
            Some(path) if path.as_os_str() == "-" => Target::StandardOutput { even_to_terminal: true },
            Some(path) => Target::of_path(path, arguments.force)?,
        };
        // Whether a device is a terminal shows when it is open.
        if let Target::StandardOutput { even_to_terminal } = target {
            contents.refuse_terminal(io::stdout().is_terminal(), even_to_terminal)?;
        }
        Ok(Self { contents, target })
    }

    /// Whether it is a file, and neither standard output nor a device.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.target, Target::File { .. })
    }

    /// Begins to write. Under the name of a file nothing appears before [`Sink::finish`].
    pub(crate) fn open(&self) -> Result<Sink, Failure> {
        match &self.target {
            Target::StandardOutput { even_to_terminal } => {
                Ok(Sink::to_standard_output(io::stdout().is_terminal(), *even_to_terminal))
            }
            Target::Special(path) => {
                let device = fs::OpenOptions::new().write(true).open(path);
                let device = device.map_err(|error| Failure::from_write(&error, &path.display().to_string()))?;
                self.contents.refuse_terminal(device.is_terminal(), false)?;
                Ok(Sink::to_device(device, path))
            }
            Target::File { path, replace } => {
                let contents = match self.contents {
                    Contents::Envelope => FileContents::Envelope,
                    Contents::Plaintext | Contents::Key => FileContents::Plaintext,
                };
                let file = AtomicFile::create(path, contents, *replace).map_err(|error| not_written(&error, path))?;
                Ok(Sink::to_file(file, path))
            }
        }
    }

    /// Writes everything, or leaves nothing under the output's name.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut sink = self.open()?;
        sink.write(bytes)?;
        sink.finish().map(|_| ())
    }

    /// With `--json`, a file that was written is answered with its name and length.
    pub(crate) fn answer(&self, bytes: u64, reporter: Reporter) -> Result<(), Failure> {
        match &self.target {
            Target::File { path, .. } if reporter.is_json() => {
                reporter.object(&json!({ "output": path.to_string_lossy(), "bytes": bytes }))
            }
            _ => Ok(()),
        }
    }

    /// Removes a new file again, since what belongs to it could not be written. The file it may have replaced is gone.
    pub(crate) fn take_back(&self) {
        if let Target::File { path, .. } = &self.target {
            // There is another failure to report already.
            let _ = fs::remove_file(path);
        }
    }
}

impl Target {
    fn of_path(path: &Path, force: bool) -> Result<Self, Failure> {
        // A link to a device, such as /dev/stdout, is a device; a link to a file, or to nothing, is a name that is taken.
        let followed = fs::metadata(path);
        if followed.as_ref().is_ok_and(fs::Metadata::is_dir) {
            let message = format!("the output {} is a directory", path.display());
            return Err(Failure::new(ErrorCode::InvalidArgument, message, "Give the name of a file in it."));
        }
        if followed.is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Special(path.to_owned()));
        }
        if !force && fs::symlink_metadata(path).is_ok() {
            return Err(already_exists(path));
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !directory.is_dir() {
            let message = format!("the directory of the output, {}, does not exist", directory.display());
            return Err(Failure::new(ErrorCode::InvalidArgument, message, "Make the directory first."));
        }
        Ok(Self::File { path: path.to_owned(), replace: force })
    }
}

fn binary_on_terminal() -> Failure {
    Failure::new(
        ErrorCode::InvalidArgument,
        "binary data is not written to a terminal".to_owned(),
        "Give --output FILE, or --output - to write it to the terminal all the same.",
    )
}

fn key_on_terminal() -> Failure {
    Failure::new(
        ErrorCode::InvalidArgument,
        "a key is not written to a terminal".to_owned(),
        "Give --output FILE, or pipe the key into the program that needs it.",
    )
}

fn not_written(error: &Error, path: &Path) -> Failure {
    match error.code() {
        ErrorCode::Conflict => already_exists(path),
        code => Failure::new(code, error.message().to_owned(), CHECK_FILE),
    }
}

fn already_exists(path: &Path) -> Failure {
    let message = format!("the output {} exists", path.display());
    Failure::new(ErrorCode::Conflict, message, "Give another name, or --force to replace it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_appears_meanwhile_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("out");
        let arguments = OutputArguments { output: Some(path.clone()), force: false };
        let output = Output::prepare(&arguments, Contents::Plaintext).expect("the name is free");
        fs::write(&path, "another program's").expect("the directory is writable");
        let failure = output.write(b"ours").expect_err("the name is taken");
        assert!(matches!(failure, Failure::Error { error, .. } if error.code() == ErrorCode::Conflict));
        assert_eq!(fs::read(&path).expect("it is still there"), b"another program's");
        assert_eq!(fs::read_dir(directory.path()).expect("it can be listed").count(), 1);
    }
}
