//! Writing results: to standard output, or to a file that appears whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libvault::ErrorCode;
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use tempfile::{NamedTempFile, TempPath};

use crate::arguments::OutputArguments;
use crate::report::{Failure, Reporter};

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
    /// Written under another name beside it, then renamed.
    File {
        path: PathBuf,
        directory: PathBuf,
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
        let output = Self { contents, target };
        if contents != Contents::Plaintext {
            output.refuse_terminal()?;
        }
        Ok(output)
    }

    /// Writes everything, or leaves nothing under the output's name.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        match &self.target {
            Target::StandardOutput { .. } => {
                if std::str::from_utf8(bytes).map_or(true, has_unprintable) {
                    self.refuse_terminal()?;
                }
                let mut stdout = io::stdout().lock();
                stdout
                    .write_all(bytes)
                    .and_then(|()| stdout.flush())
                    .map_err(|error| Failure::from_write(&error, "standard output"))
            }
            Target::Special(path) => {
                let failed = |error| Failure::from_write(&error, &path.display().to_string());
                let mut device = OpenOptions::new().write(true).open(path).map_err(failed)?;
                if self.contents == Contents::Key && device.is_terminal() {
                    return Err(key_on_terminal());
                }
                device.write_all(bytes).map_err(failed)
            }
            Target::File { path, directory, replace } => write_file(path, directory, *replace, self.contents, bytes),
        }
    }

    /// With `--json`, a file that was written is answered with its name and length.
    pub(crate) fn answer(&self, bytes: usize, reporter: Reporter) -> Result<(), Failure> {
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

    fn refuse_terminal(&self) -> Result<(), Failure> {
        match &self.target {
            Target::StandardOutput { .. } if self.contents == Contents::Key && io::stdout().is_terminal() => {
                Err(key_on_terminal())
            }
            Target::StandardOutput { even_to_terminal: false } if io::stdout().is_terminal() => Err(Failure::new(
                ErrorCode::InvalidArgument,
                "binary data is not written to a terminal".to_owned(),
                "Give --output FILE, or --output - to write it to the terminal all the same.",
            )),
            _ => Ok(()),
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
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if !directory.is_dir() {
            let message = format!("the directory of the output, {}, does not exist", directory.display());
            return Err(Failure::new(ErrorCode::InvalidArgument, message, "Make the directory first."));
        }
        Ok(Self::File { path: path.to_owned(), directory, replace: force })
    }
}

fn key_on_terminal() -> Failure {
    Failure::new(
        ErrorCode::InvalidArgument,
        "a key is not written to a terminal".to_owned(),
        "Give --output FILE, or pipe the key into the program that needs it.",
    )
}

fn already_exists(path: &Path) -> Failure {
    let message = format!("the output {} exists", path.display());
    Failure::new(ErrorCode::Conflict, message, "Give another name, or --force to replace it.")
}

/// Anything but text could also be an instruction to the terminal.
fn has_unprintable(text: &str) -> bool {
    text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
}

/// The name appears in the directory only when all bytes are on the disk; until then, and after any failure, it does not.
fn write_file(path: &Path, directory: &Path, replace: bool, contents: Contents, bytes: &[u8]) -> Result<(), Failure> {
    let interruption = Interruption::watch().map_err(|error| Failure::from_file("write", path, &error))?;
    let (mut file, temporary) =
        create_temporary(directory, contents).map_err(|error| Failure::from_file("write", path, &error))?.into_parts();
    for part in bytes.chunks(1 << 20) {
        interruption.check()?;
        file.write_all(part).map_err(|error| Failure::from_file("write", path, &error))?;
    }
    file.sync_all().map_err(|error| Failure::from_file("write", path, &error))?;
    interruption.check()?;
    publish(temporary, path, directory, replace)
}

fn create_temporary(directory: &Path, contents: Contents) -> io::Result<NamedTempFile> {
    let mode = match contents {
        Contents::Envelope => 0o666,
        Contents::Plaintext | Contents::Key => 0o600,
    };
    tempfile::Builder::new()
        .prefix(".libvault-")
        .suffix(".tmp")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)
}

fn publish(temporary: TempPath, path: &Path, directory: &Path, replace: bool) -> Result<(), Failure> {
    let renamed = if replace { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    renamed.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => already_exists(path),
        _ => Failure::from_file("write", path, &failed.error),
    })?;
    // The rename itself survives a power cut once the directory is on the disk. Some file systems cannot sync one:
    // the file is there and complete all the same.
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(Failure::from_file("sync", directory, &error)),
        _ => Ok(()),
    }
}

/// Signals that would end the process while a temporary file exists; they are kept until the file has been removed.
/// `SIGXFSZ` is among them so that a limit on the size of files is an error like a full disk.
struct Interruption(Arc<AtomicUsize>);

impl Interruption {
    fn watch() -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        for signal in [SIGHUP, SIGINT, SIGTERM, SIGXFSZ] {
            signal_hook::flag::register_usize(signal, Arc::clone(&received), signal.unsigned_abs() as usize)?;
        }
        Ok(Self(received))
    }

    fn check(&self) -> Result<(), Failure> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Failure::Signal(i32::try_from(signal).unwrap_or(SIGTERM))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// A signal reaches the whole process, so a test that raises one and a test that writes a file take turns.
    static TURN: Mutex<()> = Mutex::new(());

    #[test]
    fn a_signal_is_kept_and_then_obeyed() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let interruption = Interruption::watch().expect("handlers can be installed");
        assert!(interruption.check().is_ok());
        signal_hook::low_level::raise(SIGTERM).expect("a process may signal itself");
        assert!(matches!(interruption.check(), Err(Failure::Signal(SIGTERM))));
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_left_alone() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
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

    #[test]
    fn only_text_is_printable() {
        assert!(!has_unprintable("gr\u{fc}\u{df}e\r\n\tfrom us"));
        assert!(has_unprintable("\u{1b}[2J"));
        assert!(has_unprintable("\u{9b}2J"));
    }
}
