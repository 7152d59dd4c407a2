//! The trail as a file of JSON Lines (`docs/audit.md`): appended to by any number of processes, each event with the next sequence number.
//!
//! Writers of one process share a group: while one waits for the disk, the others' events gather and go with the next write, so that a
//! hundred threads do not pay for a hundred `fsync`s.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use libvault_memory::ForkLocal;
use serde::Serialize;

use super::{AuditSink, Event};
use crate::directory::sync_directory_of;
use crate::error::{Error, ErrorCode, Result};
use crate::fork;
use crate::kms::BoxFuture;
use crate::log::Log;

/// An event with what only the sink knows.
#[derive(Serialize)]
struct Line<'a> {
    sequence: u64,
    #[serde(flatten)]
    event: &'a Event,
}

pub(crate) struct FileSink {
    path: PathBuf,
    /// Whether `record` waits for the disk.
    durable: bool,
    log: Arc<Log>,
    /// The child of a fork begins with an empty one: what waits in its parent is the parent's to write.
    shared: ForkLocal<Shared>,
}

#[derive(Default)]
struct Shared {
    group: Mutex<Group>,
    written: Condvar,
}

/// The events of this process that wait to be written, and how far writing came.
#[derive(Default)]
struct Group {
    waiting: Vec<Event>,
    /// Tickets given out: one an event.
    issued: u64,
    /// Tickets that are on disk, or failed.
    settled: u64,
    /// Tickets up to this one failed with the last error.
    failed: u64,
    failure: Option<Error>,
    writing: bool,
    end: Option<End>,
}

/// Where this process saw the file end: if it still ends there, nobody else has written.
#[derive(Clone, Copy)]
struct End {
    length: u64,
    next_sequence: u64,
}

impl FileSink {
    /// Opens or makes the file (mode 0600).
    ///
    /// # Errors
    /// `AuditUnavailable` if it cannot be opened for appending.
    pub(crate) fn open(path: &Path, durable: bool, log: Arc<Log>) -> Result<Self> {
        // The name is on disk before anybody relies on what stands under it.
        open_file(path).and_then(|_| sync_directory_of(path)).map_err(|error| unavailable(path, &error))?;
        Ok(Self { path: path.to_owned(), durable, log, shared: ForkLocal::new() })
    }

    pub(crate) fn is_for(&self, path: &Path, durable: bool) -> bool {
        self.path == path && self.durable == durable
    }

    fn append(&self, event: Event) -> Result<()> {
        let shared = self.shared();
        let mut group = shared.lock();
        group.waiting.push(event);
        group.issued += 1;
        let ticket = group.issued;
        while group.settled < ticket {
            if group.writing {
                group = shared.written.wait(group).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            group.writing = true;
            let (batch, last, end) = (std::mem::take(&mut group.waiting), group.issued, group.end);
            drop(group);
            let outcome = self.write(&batch, end);
            group = shared.lock();
            group.writing = false;
            group.settled = last;
            match outcome {
                Ok(end) => group.end = Some(end),
                Err(error) => {
                    group.end = None;
                    group.failed = last;
                    group.failure = Some(unavailable(&self.path, &error));
                }
            }
            shared.written.notify_all();
        }
        match &group.failure {
            // Events of a failed batch may have reached the file; their operations fail all the same.
            Some(failure) if ticket <= group.failed => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// Appends a batch under the file's lock, which other processes take too. Opening it anew each time follows a rotation of the file. A fork waits
    /// for it: a child that inherited the open file would hold its lock for as long as it lives.
    fn write(&self, batch: &[Event], known: Option<End>) -> std::io::Result<End> {
        let mut is_torn = false;
        let written = {
            let _undivided = fork::undivided();
            self.write_locked(batch, known, &mut is_torn)
        };
        if is_torn {
            self.log.warn("audit_repaired", "the last line of the audit trail was incomplete: a writer was killed");
        }
        written
    }

    fn write_locked(&self, batch: &[Event], known: Option<End>, is_torn: &mut bool) -> std::io::Result<End> {
        let mut file = open_file(&self.path)?;
        file.lock()?;
        let length = file.metadata()?.len();
        let mut text = Vec::new();
        let mut sequence = match known {
            Some(end) if end.length == length => end.next_sequence,
            _ => {
                let tail = Tail::read(&mut file, length)?;
                *is_torn = tail.is_torn;
                if tail.is_torn {
                    text.push(b'\n');
                }
                tail.next_sequence
            }
        };
        for event in batch {
            serde_json::to_writer(&mut text, &Line { sequence, event })?;
            text.push(b'\n');
            sequence += 1;
        }
        let written = file.write_all(&text).and_then(|()| if self.durable { file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // A half line would be taken for the trace of a killed writer, a whole one for an operation that was done.
            let _ = file.set_len(length);
            return Err(error);
        }
        Ok(End { length: length + text.len() as u64, next_sequence: sequence })
    }

    fn shared(&self) -> &Shared {
        self.shared.get_or_make(|_| Shared::default())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSink for FileSink {
    fn blocks(&self) -> bool {
        true
    }

    fn record(&self, event: Event) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(self.append(event)))
    }

    fn enqueue(&self, event: Event) {
        let mut group = self.shared().lock();
        group.waiting.push(event);
        group.issued += 1;
    }
}

/// What was enqueued last is written when the vault goes.
impl Drop for FileSink {
    fn drop(&mut self) {
        let (batch, end) = {
            let mut group = self.shared().lock();
            (std::mem::take(&mut group.waiting), group.end)
        };
        if !batch.is_empty() {
            let _ = self.write(&batch, end);
        }
    }
}

/// The end of a trail that someone else may have written.
struct Tail {
    next_sequence: u64,
    is_torn: bool,
}

impl Tail {
    /// Lines are far shorter than this.
    const WINDOW: u64 = 1 << 18;

    fn read(file: &mut File, length: u64) -> std::io::Result<Self> {
        let start = length.saturating_sub(Self::WINDOW);
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.take(Self::WINDOW).read_to_end(&mut text)?;
        let is_torn = text.last().is_some_and(|byte| *byte != b'\n');
        let whole = text.rsplit(|byte| *byte == b'\n').skip(1);
        let last = whole
            .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
            .find_map(|line| line["sequence"].as_u64());
        if last.is_none() && length > 0 && (start > 0 || !is_torn) {
            let message = "its last lines are not events of libvault";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
        }
        Ok(Self { next_sequence: last.map_or(1, |sequence| sequence + 1), is_torn })
    }
}

fn open_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn unavailable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorCode::AuditUnavailable, format!("the audit trail {} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests;
