//! A file that appears under its name whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::TempPath;

/// Where the file system has files without a name, it has none until it is complete, so that nothing is left however the process ends. Elsewhere
/// it has another name in the same directory, `.libvault-….tmp`, which a process that is killed leaves behind.
pub(super) struct AtomicFile {
    file: File,
    temporary: Option<TempPath>,
    path: PathBuf,
    directory: PathBuf,
    replace: bool,
}

impl AtomicFile {
    pub(super) fn create(path: &Path, mode: u32, replace: bool) -> io::Result<Self> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let (file, temporary) = match open_unnamed(&directory, mode) {
            Some(file) => (file, None),
            None => {
                let (file, temporary) =
                    temporary_names().permissions(Permissions::from_mode(mode)).tempfile_in(&directory)?.into_parts();
                (file, Some(temporary))
            }
        };
        Ok(Self { file, temporary, path: path.to_owned(), directory, replace })
    }

    /// Gives the file its name, once all of its bytes are on the disk.
    pub(super) fn publish(self) -> io::Result<()> {
        let Self { file, temporary, path, directory, replace } = self;
        file.sync_all()?;
        match (temporary, replace) {
            (None, false) => link(&file, &path)?,
            (None, true) => {
                let linked = temporary_names().make_in(&directory, |name| link(&file, name))?;
                linked.into_temp_path().persist(&path)?;
            }
            (Some(temporary), false) => temporary.persist_noclobber(&path)?,
            (Some(temporary), true) => temporary.persist(&path)?,
        }
        // The name itself survives a power cut once the directory is on the disk. Some file systems cannot sync one: the file is there
        // and complete all the same.
        match File::open(directory).and_then(|directory| directory.sync_all()) {
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
            _ => Ok(()),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn temporary_names() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".libvault-").suffix(".tmp");
    builder
}

/// None where the file system, the kernel or a missing /proc does not let an unnamed file have a name later; other failures show when a named one is tried.
fn open_unnamed(directory: &Path, mode: u32) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(directory, flags, Mode::from_raw_mode(mode)).ok()?);
    link_source(&file).exists().then_some(file)
}

fn link(file: &File, name: &Path) -> io::Result<()> {
    Ok(rustix::fs::linkat(CWD, link_source(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

fn link_source(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
