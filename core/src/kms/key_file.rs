//! Key files (`docs/store.md`): the root key, and `local` customer keys.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use libvault_memory::WipedBytes;

use super::derived;
use crate::aead::{Hkdf, Random};
use crate::envelope::{MANAGED_BLOB, WRAP_PLAINTEXT};
use crate::error::{Error, ErrorCode, Result};
use crate::secret::Secret;

const FIRST_LINE: &str = "libvault key file v1";
const FORM: &str = "a key file has the line `libvault key file v1` and then lines `VERSION 64-hex-digits`, and `libvault keygen` makes one";
const MAX_VERSIONS: usize = 1_000;
const MAX_FILE_BYTES: u64 = 128 * 1024;
const VERSION_LENGTH: usize = 4;

/// Bytes of a wrap: the key's version, and a derived wrap.
pub(crate) const BLOB_LENGTH: usize = VERSION_LENGTH + MANAGED_BLOB;

/// The keys of a key file by version: the last wraps, every one unwraps.
pub(crate) struct KeyFile {
    versions: Vec<(u32, Hkdf)>,
}

impl KeyFile {
    /// Reads a key file that nobody but its owner can read.
    ///
    /// # Errors
    /// `InvalidConfig` with `field` as the path of the setting that named the file.
    pub(crate) fn read(path: &Path, field: &str) -> Result<Self> {
        let refuse = |why: String| Error::config(field, format_args!("key file {}: {why}", path.display()));
        let file = File::open(path).map_err(|error| refuse(format!("cannot be opened: {error}")))?;
        check_access(&file).map_err(refuse)?;
        // Room for the whole file, so that reading leaves no copies of keys in outgrown buffers.
        let mut text = WipedBytes::with_capacity(MAX_FILE_BYTES as usize + 1);
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|error| refuse(format!("cannot be read: {error}")))?;
        Self::parse(&text).map_err(|why| refuse(format!("is malformed: {why}; {FORM}")))
    }

    /// Makes a key file with one random version. An existing file is never touched.
    pub(crate) fn create(path: &Path, random: &dyn Random) -> Result<()> {
        use std::io::Write as _;
        let mut key = Secret::<32>::zero();
        random.fill(&mut *key)?;
        let mut text = WipedBytes::with_capacity(FIRST_LINE.len() + 80);
        text.extend_from_slice(FIRST_LINE.as_bytes());
        text.extend_from_slice(b"\n1 ");
        text.extend(
            key.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| b"0123456789abcdef"[usize::from(digit)]),
        );
        text.push(b'\n');
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::new(ErrorCode::Conflict, format!("{} exists already and is left as it is", path.display()))
            }
            _ => Error::new(ErrorCode::InvalidConfig, format!("{} cannot be made: {error}", path.display())),
        })
    }

    /// Whether one of the keys is in the other file too, under whatever version.
    pub(crate) fn shares_a_key_with(&self, other: &Self) -> bool {
        other.versions.iter().any(|(_, key)| self.versions.iter().any(|(_, own)| own.is_same_as(key)))
    }

    fn parse(text: &[u8]) -> Result<Self, &'static str> {
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err("it is too long");
        }
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
        let body = text.strip_suffix('\n').ok_or("the last line has no end")?;
        let mut lines = body.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err("the first line is not `libvault key file v1`");
        }
        let mut versions: Vec<(u32, Hkdf)> = Vec::new();
        for line in lines {
            let (version, key) = line.split_once(' ').ok_or("a line is not a version and a key")?;
            let version = parse_version(version).ok_or("a version is not a number from 1 to 4294967295")?;
            if versions.last().is_some_and(|(last, _)| version <= *last) {
                return Err("the versions are not in ascending order");
            }
            let key = parse_key(key).ok_or("a key is not 64 lower-case hexadecimal digits")?;
            versions.push((version, Hkdf::extract(b"libvault/v1/local", &*key)));
        }
        match versions.len() {
            0 => Err("it holds no key"),
            1..=MAX_VERSIONS => Ok(Self { versions }),
            _ => Err("it holds more than 1,000 versions"),
        }
    }

    /// version(4) ‖ a wrap under the last version.
    pub(crate) fn wrap(
        &self,
        random: &dyn Random,
        bind: &[u8; 32],
        plaintext: &Secret<WRAP_PLAINTEXT>,
    ) -> Result<[u8; BLOB_LENGTH]> {
        let (version, key) = self.versions.last().ok_or_else(|| Error::internal("a key file without a key"))?;
        let mut blob = [0; BLOB_LENGTH];
        blob[..VERSION_LENGTH].copy_from_slice(&version.to_be_bytes());
        blob[VERSION_LENGTH..].copy_from_slice(&derived::wrap(key, random, bind, plaintext)?);
        Ok(blob)
    }

    /// The plaintext, or nothing if no version of this file made the wrap for `bind`.
    pub(crate) fn unwrap(&self, bind: &[u8; 32], blob: &[u8]) -> Option<Secret<WRAP_PLAINTEXT>> {
        let (version, wrap) = blob.split_first_chunk::<VERSION_LENGTH>()?;
        let version = u32::from_be_bytes(*version);
        let index = self.versions.binary_search_by_key(&version, |(version, _)| *version).ok()?;
        derived::unwrap(&self.versions[index].1, bind, wrap)
    }
}

fn parse_version(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

fn parse_key(text: &str) -> Option<Secret<32>> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut key = Secret::zero();
    for (byte, pair) in key.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(key)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Checked on the open file, so that it cannot be swapped in between.
#[cfg(unix)]
fn check_access(file: &File) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mode = metadata.mode() & 0o7777;
    if mode & !0o600 != 0 {
        return Err(format!("has mode {mode:04o}, looser than 0600: run `chmod 600` on it"));
    }
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user && user != 0 {
        return Err(format!("belongs to user {}, not to user {user} who runs this program", metadata.uid()));
    }
    Ok(())
}

/// Windows has no mode: the file is protected by the access-control list of its folder.
#[cfg(not(unix))]
fn check_access(_file: &File) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::SystemRandom;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn every_version_unwraps_and_the_last_wraps() {
        let old = KeyFile::parse(format!("{FIRST_LINE}\n1 {KEY}\n").as_bytes()).unwrap();
        let other = KEY.replace('0', "f");
        let new = KeyFile::parse(format!("{FIRST_LINE}\n1 {KEY}\n7 {other}\n").as_bytes()).unwrap();
        let plaintext = Secret::copy_of(&[5; 64]);
        let blob = old.wrap(&SystemRandom, &[1; 32], &plaintext).unwrap();
        assert_eq!(*new.unwrap(&[1; 32], &blob).unwrap(), [5; 64]);
        assert!(new.unwrap(&[2; 32], &blob).is_none(), "another bind digest does not open it");
        let blob = new.wrap(&SystemRandom, &[1; 32], &plaintext).unwrap();
        assert_eq!(blob[..4], [0, 0, 0, 7]);
        assert!(old.unwrap(&[1; 32], &blob).is_none());
    }

    #[test]
    fn a_shared_key_is_found_under_any_version() {
        let parse = |body: &str| KeyFile::parse(format!("{FIRST_LINE}\n{body}\n").as_bytes()).unwrap();
        let (other, third) = (KEY.replace('0', "f"), KEY.replace('0', "e"));
        let file = parse(&format!("1 {KEY}\n2 {other}"));
        assert!(file.shares_a_key_with(&parse(&format!("7 {KEY}"))));
        assert!(parse(&format!("1 {third}\n9 {other}")).shares_a_key_with(&file));
        assert!(!file.shares_a_key_with(&parse(&format!("1 {third}"))));
    }

    #[test]
    fn anything_but_the_specified_form_is_refused() {
        for body in [
            "",
            "1",
            &format!("0 {KEY}"),
            &format!("01 {KEY}"),
            &format!("+1 {KEY}"),
            &format!("1  {KEY}"),
            &format!("1 {}", KEY.to_uppercase()),
            &format!("1 {KEY}0"),
            &format!("1 {KEY}\r"),
            &format!("2 {KEY}\n1 {KEY}"),
            &format!("1 {KEY}\n1 {KEY}"),
            &format!("1 {KEY}\n"),
            &format!("# comment\n1 {KEY}"),
        ] {
            assert!(KeyFile::parse(format!("{FIRST_LINE}\n{body}\n").as_bytes()).is_err(), "{body:?}");
        }
        assert!(KeyFile::parse(format!("{FIRST_LINE}\n1 {KEY}").as_bytes()).is_err(), "no final line end");
        assert!(KeyFile::parse(format!("other\n1 {KEY}\n").as_bytes()).is_err());
    }
}
