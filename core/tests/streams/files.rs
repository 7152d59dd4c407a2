//! Files that appear whole or not at all, whatever happens meanwhile.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libvault::{AtomicFile, CallOptions, CancelToken, ErrorCode, FileContents};

use super::{Fixture, config, data};

const LENGTH: usize = 3_000_000;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Everything in a directory but what the test put there.
fn leftovers(directory: &Path, known: &[&str]) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "vault" && !known.contains(&name.as_str())).collect()
}

#[test]
fn a_file_goes_there_and_back() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    let [plain, sealed, opened] = ["plain", "sealed", "opened"].map(|name| directory.join(name));
    for length in [0, 1, 65_536, LENGTH] {
        fs::write(&plain, data(length)).unwrap();
        fixture.vault.encrypt_file_blocking(&plain, &sealed, &fixture.context, Some(b"aad"), true).unwrap();
        fixture.vault.decrypt_file_blocking(&sealed, &opened, &fixture.context, Some(b"aad"), true).unwrap();
        assert!(fs::read(&opened).unwrap() == data(length));
        assert!(fixture.decrypt_whole(&fs::read(&sealed).unwrap()).unwrap() == data(length));
    }
    assert_eq!(mode(&opened), 0o600, "plaintext is for its owner");
    assert_eq!(mode(&sealed), mode(&plain), "envelopes are as files are");
    // A file may replace itself.
    fixture.vault.encrypt_file_now(&plain, &plain, &fixture.context, None, true).unwrap();
    fixture.vault.decrypt_file_now(&plain, &plain, &fixture.context, None, true).unwrap();
    assert!(fs::read(&plain).unwrap() == data(LENGTH));
    assert_eq!(leftovers(directory, &["plain", "sealed", "opened"]), [""; 0]);
}

#[test]
fn a_name_that_is_taken_stays_as_it_is() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    let [plain, taken, link] = ["plain", "taken", "link"].map(|name| directory.join(name));
    fs::write(&plain, "data").unwrap();
    fs::write(&taken, "another program's").unwrap();
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    for target in [&taken, &link] {
        let refused = fixture.vault.encrypt_file_now(&plain, target, &fixture.context, None, false).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Conflict);
    }
    assert_eq!(fixture.vault.stats().managed_wraps, 0, "it is refused before a key is used");
    assert_eq!(fs::read(&taken).unwrap(), b"another program's");

    // The name is taken while the file is being made.
    let late = directory.join("late");
    let mut file = AtomicFile::create(&late, FileContents::Plaintext, false).unwrap();
    file.write_all(b"ours").unwrap();
    fs::write(&late, "another program's").unwrap();
    assert_eq!(file.publish().unwrap_err().code(), ErrorCode::Conflict);
    assert_eq!(fs::read(&late).unwrap(), b"another program's");
    assert_eq!(leftovers(directory, &["plain", "taken", "link", "late"]), [""; 0]);
}

#[test]
fn what_is_no_file_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    for target in [directory.path(), Path::new("/dev/full"), Path::new("/dev/null"), &directory.path().join("no/file")]
    {
        let refused = AtomicFile::create(target, FileContents::Envelope, true).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{}", target.display());
    }
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let mut atomic = AtomicFile::create(&link, FileContents::Plaintext, true).unwrap();
    atomic.write_all(b"new").unwrap();
    assert_eq!(fs::read(&link).unwrap(), b"old", "nothing is to be seen before it is complete");
    atomic.publish().unwrap();
    assert_eq!((fs::read(&file).unwrap(), fs::read(&link).unwrap()), (b"old".to_vec(), b"new".to_vec()));
}

#[test]
fn a_damaged_envelope_leaves_no_file() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    let [sealed, opened] = ["sealed", "opened"].map(|name| directory.join(name));
    let data = data(LENGTH);
    let envelope = fixture.encrypt(65_536, [&data[..]]);
    let mut altered = envelope.clone();
    altered[LENGTH / 2] ^= 1;
    let full_frames = envelope.len() - (LENGTH % 65_536 + 16);
    for damaged in [&envelope[..full_frames], &envelope[..full_frames + 5], &envelope[..10], &[], &altered] {
        fs::write(&sealed, damaged).unwrap();
        let refused = fixture.vault.decrypt_file_now(&sealed, &opened, &fixture.context, Some(b"aad"), false);
        assert!(matches!(refused.unwrap_err().code(), ErrorCode::Malformed | ErrorCode::AuthenticationFailed));
        assert_eq!(leftovers(directory, &["sealed"]), [""; 0]);
    }
}

#[test]
fn a_cancelled_or_interrupted_copy_leaves_no_file() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    let [plain, sealed] = ["plain", "sealed"].map(|name| directory.join(name));
    fs::write(&plain, data(LENGTH)).unwrap();
    let cancel = CancelToken::default();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let interrupt = Arc::new(move || count.fetch_add(1, Ordering::Relaxed) == 0);
    let interrupted = fixture.vault.with(CallOptions::default().interrupt(interrupt));
    let cancelled = fixture.vault.with(CallOptions::default().cancel(&cancel));
    cancel.cancel();
    for vault in [interrupted, cancelled] {
        let refused = vault.encrypt_file_blocking(&plain, &sealed, &fixture.context, None, false).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Cancelled);
        assert_eq!(leftovers(directory, &["plain"]), [""; 0]);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the caller was asked");
}

/// The other half of the tests below: this process encrypts a file as its environment says.
#[test]
fn as_a_child() {
    let Ok(directory) = std::env::var("LIBVAULT_TEST_CHILD") else { return };
    let directory = Path::new(&directory);
    let vault = libvault::Vault::open(config(directory, "")).unwrap();
    let context = libvault::Context::new([("organization_id", "org_123")]).unwrap();
    let outcome = vault.encrypt_file_blocking(directory.join("in"), directory.join("out"), &context, None, true);
    fs::write(directory.join("outcome"), outcome.map_or_else(|error| error.to_string(), |()| "ok".to_owned())).unwrap();
}

/// This test's program, as a child in a shell that runs `before`.
fn child(directory: &Path, before: &str) -> Command {
    let mut command = Command::new("sh");
    command
        // Signals that whoever runs the tests ignores would be ignored here, too.
        .args([
            "-c",
            &format!(r#"exec env --default-signal=INT,TERM sh -c '{before} exec "$0" --exact files::as_a_child' "$0""#),
        ])
        .arg(std::env::current_exe().unwrap())
        .env("LIBVAULT_TEST_CHILD", directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Waits until the child has a file open, with or without a name, that is longer than anything else it has.
fn wait_until_written(child: u32) {
    let is_written =
        |entry: fs::DirEntry| fs::metadata(entry.path()).is_ok_and(|file| file.is_file() && file.size() > 1_000_000);
    let open_files = Path::new("/proc").join(child.to_string()).join("fd");
    for _ in 0..10_000 {
        if fs::read_dir(&open_files).is_ok_and(|entries| entries.flatten().any(is_written)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the child writes nothing");
}

#[test]
fn a_killed_process_leaves_nothing_under_the_name() {
    for signal in ["KILL", "TERM", "INT"] {
        let fixture = Fixture::new();
        let directory = fixture.directory.path();
        let [source, target] = ["in", "out"].map(|name| directory.join(name));
        assert!(Command::new("mkfifo").arg(&source).status().unwrap().success());
        fs::write(&target, "what was there").unwrap();
        let mut child = child(directory, "").spawn().unwrap();
        // The child reads from a pipe that stays open: it is in the middle of the file for as long as we like.
        let mut pipe = File::create(&source).unwrap();
        pipe.write_all(&data(LENGTH)).unwrap();
        wait_until_written(child.id());
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        assert!(!child.wait().unwrap().success());
        assert_eq!(fs::read(&target).unwrap(), b"what was there", "SIG{signal}");
        // Under another name at most, and that is no envelope.
        for left in leftovers(directory, &["in", "out"]) {
            fixture.decrypt_whole(&fs::read(directory.join(left)).unwrap()).unwrap_err();
        }
    }
}

/// A limit on the size of files stands for a full disk: the write fails in the middle. Some hosts ignore the signal that comes with it.
#[test]
fn a_full_disk_leaves_nothing() {
    for (before, survives) in [(r#"ulimit -f 1000; trap "" XFSZ;"#, true), ("ulimit -f 1000;", false)] {
        let fixture = Fixture::new();
        let directory = fixture.directory.path();
        fs::write(directory.join("in"), data(LENGTH)).unwrap();
        let status = child(directory, before).status().unwrap();
        assert_eq!(status.success(), survives);
        assert!(!directory.join("out").exists());
        if survives {
            let mut outcome = String::new();
            File::open(directory.join("outcome")).unwrap().read_to_string(&mut outcome).unwrap();
            assert!(outcome.starts_with("InvalidArgument: cannot write"), "{outcome}");
            assert_eq!(leftovers(directory, &["in", "outcome"]), [""; 0], "and nothing under another name");
        }
    }
}
