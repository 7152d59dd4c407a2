//! Directories hold the names of files: a file is on disk for good only when its name is.

use std::path::Path;

/// The directory that holds the name `path`.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts the name `path` on disk.
#[cfg(unix)]
pub(crate) fn sync_directory_of(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(directory_of(path))?.sync_all()
}

/// Elsewhere a directory cannot be opened as a file, and the system keeps names by itself.
#[cfg(not(unix))]
pub(crate) fn sync_directory_of(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
