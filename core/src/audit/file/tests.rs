use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;

use super::*;
use crate::audit::{Operation, Trail};
use crate::context::Context;
use crate::secret::Secret;
use crate::stats::Counters;

fn event() -> Event {
    Event {
        time: "2026-01-01T00:00:00.000Z".to_owned(),
        actor: None,
        operation: Operation::Encrypt,
        outcome: "ok",
        detail: None,
        policy: None,
        data_key: None,
        old_data_key: None,
        context: Default::default(),
        new_context: None,
        downgrade: false,
        messages: None,
        uses: Vec::new(),
    }
}

fn sequences(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_u64().unwrap();
    text.lines().map(line).collect()
}

fn open(path: &Path) -> FileSink {
    FileSink::open(path, true, Arc::default()).unwrap()
}

#[test]
fn writers_of_many_threads_and_sinks_share_one_sequence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    // Two sinks on one file stand for two processes: each sees only the file.
    let (sinks, start) = ([open(&path), open(&path)], Barrier::new(8));
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (sink, start) = (&sinks[number % 2], &start);
            scope.spawn(move || {
                start.wait();
                (0..25).for_each(|_| sink.append(event()).unwrap());
            });
        }
    });
    assert_eq!(sequences(&path), (1..=200).collect::<Vec<_>>());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_torn_line_is_closed_off_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    open(&path).append(event()).unwrap();
    let mut text = fs::read(&path).unwrap();
    text.extend_from_slice(br#"{"sequence":2,"ti"#);
    fs::write(&path, text).unwrap();
    let log = Arc::new(Log::default());
    FileSink::open(&path, true, Arc::clone(&log)).unwrap().append(event()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with(r#"{"sequence":2,"time""#), "{}", lines[2]);
    assert_eq!(log.waiting_warnings().len(), 1);
}

#[test]
fn a_file_of_something_else_is_not_continued() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    fs::write(&path, "dear diary\n").unwrap();
    assert_eq!(open(&path).append(event()).unwrap_err(), ErrorCode::AuditUnavailable);
    assert_eq!(fs::read_to_string(&path).unwrap(), "dear diary\n");
}

#[test]
fn every_writer_of_a_batch_hears_of_its_failure() {
    let sink = FileSink::open(Path::new("/dev/full"), true, Arc::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(sink.append(event()).unwrap_err(), ErrorCode::AuditUnavailable));
        }
    });
}

#[test]
fn a_call_that_was_dropped_is_recorded_by_the_next_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let sink = Arc::new(open(&path));
    let audit = crate::audit::Audit::new(Arc::clone(&sink) as _, Secret::zero(), Arc::new(Counters::default()), false);
    let context = Context::new([("organization_id", "org_123")]).unwrap();
    let mut trail = Trail::begin(Some(&audit), Operation::Decrypt, None, &context);
    trail.key_use(|| crate::audit::KeyUse::managed(crate::audit::Use::Unwrap, &[7; 16], None));
    drop(trail);
    // Without a use there is nothing to record.
    drop(Trail::begin(Some(&audit), Operation::Decrypt, None, &context));
    sink.append(event()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(sequences(&path), [1, 2]);
    assert!(text.lines().next().unwrap().contains(r#""outcome":"Cancelled""#));
    assert!(!text.contains("org_123"), "values are hashed");
}
