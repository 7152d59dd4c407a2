//! Directories hold the names of files: a file is on disk for good only when its name is.

use std::path::Path;

/// Puts the name `path` on disk.
#[cfg(unix)]
pub(crate) fn sync_directory_of(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory)?.sync_all()
}

/// Elsewhere a directory cannot be opened as a file, and the system keeps names by itself.
#[cfg(not(unix))]
pub(crate) fn sync_directory_of(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
