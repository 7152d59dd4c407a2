//! Files that appear whole under their names, or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::directory::{directory_of, sync_directory_of};
use crate::error::{Error, ErrorCode, Result};

/// What a file holds, which decides who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileContents {
    /// Safe for anybody to read: the mode that the umask leaves of 0666.
    Envelope,
    /// Secret: mode 0600, from the first byte on.
    Plaintext,
}

/// A file that gets its name only when it is complete and on the disk; dropped without [`AtomicFile::publish`] it is gone.
///
/// Until then it has no name where the file system allows that, so that nothing is left however the process ends. Elsewhere it has another name in the same
/// directory, `.libvault-….tmp`, which a process that is killed leaves behind.
#[derive(Debug)]
#[must_use = "the file appears only after `publish`"]
pub struct AtomicFile {
    file: File,
    temporary: Option<TempPath>,
    path: PathBuf,
    replace: bool,
}

impl AtomicFile {
    /// Begins a file that is to be called `path`. With `replace` it may take the place of another file (of a link itself, not of what it leads to).
    ///
    /// # Errors
    /// `Conflict` if the name is taken and `replace` is not given; `InvalidArgument` if the name is a directory's, a device's or a pipe's, or
    /// nothing can be written there.
    pub fn create(path: impl AsRef<Path>, contents: FileContents, replace: bool) -> Result<Self> {
        let path = path.as_ref();
        match fs::symlink_metadata(path) {
            Ok(_) if !replace => return Err(taken(path)),
            Ok(metadata) if !metadata.is_file() && !metadata.is_symlink() => {
                let message = format!("{} is a directory, a device or a pipe: it cannot be replaced", path.display());
                return Err(Error::new(ErrorCode::InvalidArgument, message));
            }
            _ => {}
        }
        let directory = directory_of(path);
        let mode = match contents {
            FileContents::Envelope => 0o666,
            FileContents::Plaintext => 0o600,
        };
        let (file, temporary) = match unnamed::open(directory, mode) {
            Some(file) => (file, None),
            None => {
                let named = named(directory, mode).map_err(|error| failed("write", path, &error))?;
                (named.0, Some(named.1))
            }
        };
        Ok(Self { file, temporary, path: path.to_owned(), replace })
    }

    /// Gives the file its name, once all of its bytes are on the disk. The directory is on the disk too when this returns.
    ///
    /// # Errors
    /// `Conflict` if the name was taken meanwhile and must not be replaced; `InvalidArgument` if the disk refuses: nothing of the file is left
    /// then, unless the message says that the directory could not be synced: the file is there and complete, but its name may not survive a power cut.
    pub fn publish(self) -> Result<()> {
        let Self { file, temporary, path, replace } = self;
        file.sync_all().map_err(|error| failed("write", &path, &error))?;
        let given = match (temporary, replace) {
            (None, false) => unnamed::link(&file, &path),
            (None, true) => replace_with_link(&file, &path),
            (Some(temporary), false) => temporary.persist_noclobber(&path).map_err(|refused| refused.error),
            (Some(temporary), true) => temporary.persist(&path).map_err(|refused| refused.error),
        };
        given.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(&path),
            _ => failed("write", &path, &error),
        })?;
        // The name itself survives a power cut once the directory is on the disk. Some file systems cannot sync one: the file is there
        // and complete all the same.
        match sync_directory_of(&path) {
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                Err(failed("sync", directory_of(&path), &error))
            }
            _ => Ok(()),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn named(directory: &Path, mode: u32) -> io::Result<(File, TempPath)> {
    let mut builder = temporary_names();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    Ok(builder.tempfile_in(directory)?.into_parts())
}

fn temporary_names() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".libvault-").suffix(".tmp");
    builder
}

/// A link does not replace: the file first gets another name, which then takes the place.
fn replace_with_link(file: &File, path: &Path) -> io::Result<()> {
    let linked = temporary_names().make_in(directory_of(path), |name| unnamed::link(file, name))?;
    linked.into_temp_path().persist(path).map_err(|refused| refused.error)
}

#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags};

    /// None where the file system, the kernel or a missing /proc does not let an unnamed file have a name later; other failures show when a
    /// named one is tried.
    pub(super) fn open(directory: &Path, mode: u32) -> Option<File> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(directory, flags, Mode::from_raw_mode(mode)).ok()?);
        source(&file).exists().then_some(file)
    }

    pub(super) fn link(file: &File, name: &Path) -> io::Result<()> {
        Ok(rustix::fs::linkat(CWD, source(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
    }

    fn source(file: &File) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }
}

#[cfg(not(target_os = "linux"))]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn open(_directory: &Path, _mode: u32) -> Option<File> {
        None
    }

    pub(super) fn link(_file: &File, _name: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn taken(path: &Path) -> Error {
    Error::new(ErrorCode::Conflict, format!("the file {} exists", path.display()))
}

/// What the operating system refused; the vault's own error where one is inside.
pub(super) fn failed(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::from_io(error).unwrap_or_else(|| {
        Error::new(ErrorCode::InvalidArgument, format!("cannot {doing} {}: {error}", path.display()))
    })
}
