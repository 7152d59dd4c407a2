//! The trail as a file of JSON Lines (`docs/audit.md`): appended to by any number of processes, each event with the next sequence number.
//!
//! Writers of one process share a group: while one waits for the disk, the others' events gather and go with the next write, so that a
//! hundred threads do not pay for a hundred `fsync`s.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libvault_memory::ForkLocal;
use serde::Serialize;

use super::{AuditSink, Event};
use crate::directory::sync_directory_of;
use crate::error::{Error, ErrorCode, Result};
use crate::fork;
use crate::kms::BoxFuture;
use crate::log::Log;

/// How long another process may hold the file.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

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
    waiting: Vec<Waiting>,
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

/// An event on its way to the disk.
struct Waiting {
    event: Event,
    /// Nobody is told whether it was written, so it is tried again.
    unattended: bool,
}

/// Events that nobody waits for are kept for better times, up to so many.
const MOST_KEPT: usize = 10_000;

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
        self.append_all(vec![event])
    }

    /// Waits until these events, and all that wait already, are written.
    fn append_all(&self, events: Vec<Event>) -> Result<()> {
        let shared = self.shared();
        let mut group = shared.lock();
        group.issued += events.len() as u64;
        group.waiting.extend(events.into_iter().map(|event| Waiting { event, unattended: false }));
        let ticket = group.issued;
        while group.settled < ticket {
            if group.writing {
                group = shared.written.wait(group).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            group.writing = true;
            let (batch, last, end) = (std::mem::take(&mut group.waiting), group.issued, group.end);
            drop(group);
            let (mut is_torn, mut writing) = (false, Writing { shared, last: Some(last) });
            let outcome = self.write(&batch, end, &mut is_torn);
            writing.last = None;
            group = shared.lock();
            group.writing = false;
            group.settled = last;
            match outcome {
                Ok(end) => group.end = Some(end),
                Err(error) => {
                    group.end = None;
                    group.failed = last;
                    group.failure = Some(unavailable(&self.path, &error));
                    let room = MOST_KEPT.saturating_sub(group.waiting.len());
                    let kept: Vec<_> = batch.into_iter().filter(|waiting| waiting.unattended).take(room).collect();
                    group.issued += kept.len() as u64;
                    group.waiting.splice(0..0, kept);
                }
            }
            shared.written.notify_all();
            if is_torn {
                // Outside of everything that others wait for: the host's log may do what it likes.
                drop(group);
                self.log.warn("audit_repaired", "the last line of the audit trail was incomplete: a writer was killed");
                group = shared.lock();
            }
        }
        match &group.failure {
            // Events of a failed batch may have reached the file; their operations fail all the same.
            Some(failure) if ticket <= group.failed => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// Appends a batch under the file's lock, which other processes take too. Opening it anew each time follows a rotation of the file. A fork waits
    /// for it: a child that inherited the open file would hold its lock for as long as it lives.
    fn write(&self, batch: &[Waiting], known: Option<End>, is_torn: &mut bool) -> std::io::Result<End> {
        let _undivided = fork::undivided();
        let mut file = open_file(&self.path)?;
        lock(&file)?;
        let written = self.write_locked(&mut file, batch, known, is_torn);
        // By closing the file, too; but a child that got hold of it after all would go on holding the lock.
        let unlocked = file.unlock();
        written.and_then(|end| unlocked.map(|()| end))
    }

    fn write_locked(
        &self,
        file: &mut File,
        batch: &[Waiting],
        known: Option<End>,
        is_torn: &mut bool,
    ) -> std::io::Result<End> {
        let length = file.metadata()?.len();
        let mut text = Vec::new();
        let mut sequence = match known {
            Some(end) if end.length == length => end.next_sequence,
            _ => {
                let tail = Tail::read(file, length)?;
                *is_torn = tail.is_torn;
                if tail.is_torn {
                    text.push(b'\n');
                }
                tail.next_sequence
            }
        };
        for Waiting { event, .. } in batch {
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
        if self.durable && length == 0 {
            // A new file, perhaps after a rotation: its name has to be on disk as well.
            sync_directory_of(&self.path)?;
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
        group.waiting.push(Waiting { event, unattended: true });
        group.issued += 1;
    }

    fn flush(&self) {
        if self.shared().lock().waiting.is_empty() {
            return;
        }
        if let Err(error) = self.append_all(Vec::new()) {
            self.log.warn("audit_unavailable", error.message());
        }
    }
}

/// A batch that is being written. Should that panic, its writers hear of a failure instead of waiting for ever.
struct Writing<'a> {
    shared: &'a Shared,
    last: Option<u64>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some(last) = self.last {
            let mut group = self.shared.lock();
            group.writing = false;
            (group.settled, group.failed, group.end) = (last, last, None);
            group.failure = Some(Error::internal("writing the audit trail panicked"));
            self.shared.written.notify_all();
        }
    }
}

/// Takes the file's lock. Another process holds it for one write at a time; one that was stopped in the middle must not stop us for ever.
fn lock(file: &File) -> std::io::Result<()> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error),
            Err(_) if start.elapsed() > LOCK_PATIENCE => {
                let message = "another process has held its lock for two seconds";
                return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message));
            }
            Err(_) => std::thread::sleep(Duration::from_micros(200)),
        }
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
            let _ = self.write(&batch, end, &mut false);
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
