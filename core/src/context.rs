//! The key context: a map of string to string that decides which keys protect the data.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use libvault_memory::ForkLocal;

use crate::aead::{SUITE, sha256};
use crate::error::{Error, ErrorCode, Result};

/// Most items of a context.
pub const MAX_ITEMS: usize = 10;
/// Most characters (Unicode scalar values) of a name.
pub const MAX_NAME_CHARS: usize = 120;
/// Most characters (Unicode scalar values) of a value.
pub const MAX_VALUE_CHARS: usize = 500;
/// Most bytes of the canonical form.
pub const MAX_CANONICAL_BYTES: usize = 8_192;

/// A checked key context in its canonical form. Build it once and use it for many calls; clones share one allocation.
///
/// Equality is equality of bytes: there is no case folding and no Unicode normalisation.
#[derive(Clone)]
pub struct Context(Arc<Canonical>);

struct Canonical {
    /// count(1) ‖ (name length(2) name value length(2) value)*, sorted by the bytes of the names
    bytes: Vec<u8>,
    /// Where each whole item (its lengths included) stands in `bytes`.
    items: Vec<Range<usize>>,
    digest: [u8; 32],
    /// Computed when first needed. Not in a `OnceLock`, which a fork in that very moment would leave locked in the child.
    salts: [ForkLocal<[u8; 32]>; 2],
}

impl Context {
    /// A context of 1 to 10 items, in any order.
    ///
    /// # Errors
    /// `InvalidContext`, with the offending item's name as [`Error::field`]: a duplicate, empty or over-long name; an empty or over-long value; a control
    /// character; a name that starts with `libvault:` or `aws:`; too few or too many items; a canonical form over 8,192 bytes.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(items: impl IntoIterator<Item = (N, V)>) -> Result<Self> {
        let owned: Vec<(N, V)> = items.into_iter().take(MAX_ITEMS + 1).collect();
        let mut sorted: Vec<(&str, &str)> = owned.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        Self::from_sorted(&sorted)
    }

    /// As [`Context::new`], from bytes that a foreign caller claims to be UTF-8.
    ///
    /// # Errors
    /// `InvalidContext`, also for bytes that are not UTF-8.
    pub fn from_bytes<'a>(items: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self> {
        let mut texts = Vec::with_capacity(MAX_ITEMS);
        for (name, value) in items.into_iter().take(MAX_ITEMS + 1) {
            let Ok(name) = std::str::from_utf8(name) else {
                return Err(Error::new(ErrorCode::InvalidContext, "the name of a context item is not UTF-8"));
            };
            let value = std::str::from_utf8(value).map_err(|_| invalid(name, "its value is not UTF-8"))?;
            texts.push((name, value));
        }
        Self::new(texts)
    }

    /// The context that `bytes` is the canonical form of; anything else, even another order, is refused.
    pub(crate) fn from_canonical(bytes: &[u8]) -> Option<Self> {
        let (count, mut rest) = bytes.split_first()?;
        let mut items = Vec::with_capacity(MAX_ITEMS);
        for _ in 0..*count {
            let name = take_text(&mut rest)?;
            items.push((name, take_text(&mut rest)?));
        }
        if !rest.is_empty() || !items.is_sorted_by_key(|(name, _)| *name) {
            return None;
        }
        Self::from_sorted(&items).ok()
    }

    fn from_sorted(items: &[(&str, &str)]) -> Result<Self> {
        match items.len() {
            0 => {
                return Err(Error::new(ErrorCode::InvalidContext, "a key context needs at least one item"));
            }
            1..=MAX_ITEMS => {}
            _ => {
                let message = format!("a key context has at most {MAX_ITEMS} items");
                return Err(Error::new(ErrorCode::InvalidContext, message));
            }
        }
        let mut bytes =
            Vec::with_capacity(1 + items.iter().map(|(name, value)| 4 + name.len() + value.len()).sum::<usize>());
        let mut ranges = Vec::with_capacity(items.len());
        bytes.push(items.len() as u8);
        for (index, (name, value)) in items.iter().enumerate() {
            check_item(name, value)?;
            if index > 0 && items[index - 1].0 == *name {
                return Err(invalid(name, "the name stands twice"));
            }
            let start = bytes.len();
            // The limits in characters keep both lengths below 2^16 bytes.
            bytes.extend_from_slice(&(name.len() as u16).to_be_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
            bytes.extend_from_slice(value.as_bytes());
            if bytes.len() > MAX_CANONICAL_BYTES {
                let message = format!("the canonical form of the key context exceeds {MAX_CANONICAL_BYTES} bytes");
                return Err(Error::new(ErrorCode::InvalidContext, message));
            }
            ranges.push(start..bytes.len());
        }
        let digest = sha256(&[&bytes]);
        Ok(Self(Arc::new(Canonical { bytes, items: ranges, digest, salts: Default::default() })))
    }

    /// The items, sorted by the bytes of their names.
    pub fn items(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.canonical_items().map(|mut item| {
            let name = take_text(&mut item).unwrap_or_default();
            (name, take_text(&mut item).unwrap_or_default())
        })
    }

    /// The canonical form that all keys and comparisons rest on (`docs/envelope.md` §2).
    pub fn canonical(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The context of those items that `keep` is true for, by position and name; none if there are none.
    pub(crate) fn subset(&self, mut keep: impl FnMut(usize, &str) -> bool) -> Result<Option<Self>> {
        let items = self.items().enumerate().filter(|(index, (name, _))| keep(*index, name));
        let items: Vec<_> = items.map(|(_, item)| item).collect();
        match items.len() {
            0 => Ok(None),
            all if all == self.0.items.len() => Ok(Some(self.clone())),
            _ => Self::from_sorted(&items).map(Some),
        }
    }

    /// Whether every item is in `other`, equal in name and value.
    pub(crate) fn is_contained_in(&self, other: &Self) -> bool {
        self.canonical_items().all(|item| other.canonical_items().any(|candidate| candidate == item))
    }

    /// The value of an item.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.items().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }

    /// Each item in canonical form: lengths, name and value.
    pub(crate) fn canonical_items(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.items.iter().map(|range| &self.0.bytes[range.clone()])
    }

    /// SHA-256 of the canonical form.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }

    /// The salt of the key schedule for a purpose, computed once.
    pub(crate) fn salt(&self, purpose: u8) -> &[u8; 32] {
        self.0.salts[usize::from(purpose & 1)]
            .get_or_make(|_| sha256(&[b"libvault/v1/ctx", &[SUITE, purpose], &self.0.bytes]))
    }
}

impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for Context {}

impl std::hash::Hash for Context {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.bytes.hash(state);
    }
}

/// Shows the names only: values are personal data.
impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Context")?;
        formatter.debug_set().entries(self.items().map(|(name, _)| name)).finish()
    }
}

fn check_item(name: &str, value: &str) -> Result<()> {
    if name.is_empty() {
        return Err(invalid(name, "a name is empty"));
    }
    if longer_than(name, MAX_NAME_CHARS) {
        return Err(invalid(name, format_args!("its name is longer than {MAX_NAME_CHARS} characters")));
    }
    if name.starts_with("libvault:") || name.starts_with("aws:") {
        return Err(invalid(name, "names that start with `libvault:` or `aws:` are reserved"));
    }
    if value.is_empty() {
        return Err(invalid(name, "its value is empty"));
    }
    if longer_than(value, MAX_VALUE_CHARS) {
        return Err(invalid(name, format_args!("its value is longer than {MAX_VALUE_CHARS} characters")));
    }
    if has_control(name) {
        return Err(invalid(name, "its name holds a control character"));
    }
    if has_control(value) {
        return Err(invalid(name, "its value holds a control character"));
    }
    Ok(())
}

fn longer_than(text: &str, limit: usize) -> bool {
    // A character has at least one byte, so short texts need no count.
    text.len() > limit && text.chars().count() > limit
}

/// Category Cc is U+0000 to U+001F and U+007F to U+009F; in UTF-8 the upper range starts with the byte 0xC2.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) && text.chars().any(char::is_control)
}

/// The message shows the name escaped and cut, so that a log line stays one line; the value never. The field is the name itself.
fn invalid(name: &str, rule: impl fmt::Display) -> Error {
    let shown: String = name.chars().take(MAX_NAME_CHARS).collect();
    Error::new(ErrorCode::InvalidContext, format!("context item {shown:?}: {rule}")).with_field(name)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (length, tail) = rest.split_first_chunk::<2>()?;
    let (text, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = tail;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(items: &[(&str, &str)]) -> Error {
        let error = Context::new(items.iter().copied()).unwrap_err();
        assert_eq!(error, ErrorCode::InvalidContext);
        error
    }

    #[test]
    fn order_does_not_matter_and_the_form_is_the_specified_one() {
        let context = Context::new([("b", "2"), ("a", "1")]).unwrap();
        assert_eq!(context.canonical(), b"\x02\0\x01a\0\x011\0\x01b\0\x012");
        assert_eq!(context, Context::new([("a", "1"), ("b", "2")]).unwrap());
        assert_eq!(Context::from_canonical(context.canonical()), Some(context));
    }

    #[test]
    fn a_form_in_another_order_is_not_canonical() {
        assert!(Context::from_canonical(b"\x02\0\x01b\0\x012\0\x01a\0\x011").is_none());
        assert!(Context::from_canonical(b"\x01\0\x01a\0\x011x").is_none());
        assert!(Context::from_canonical(b"").is_none());
    }

    #[test]
    fn errors_name_the_item_and_never_its_value() {
        let error = refused(&[("user", "secret\u{7}value")]);
        assert_eq!(error.field(), Some("user"));
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert_eq!(refused(&[("a", "1"), ("a", "2")]).field(), Some("a"));
    }

    #[test]
    fn control_characters_are_refused_wherever_they_stand_and_their_neighbours_are_not() {
        for control in ["\u{1}", "\u{1f}", "\u{7f}", "\u{80}", "\u{85}", "\u{9f}"] {
            for text in [control.to_owned(), format!("a{control}"), format!("{control}é")] {
                refused(&[("name", &text)]);
                refused(&[(&text, "value")]);
            }
        }
        Context::new([(" ~\u{a0}", "\u{a0}"), ("é", " ")]).unwrap();
    }

    #[test]
    fn no_item_is_left_out() {
        let bytes = |count: usize| (0..count).map(|index| (&b"abcdefghijkl"[index..=index], &b"v"[..]));
        assert_eq!(Context::from_bytes(bytes(10)).unwrap().items().count(), 10);
        assert!(Context::from_bytes(bytes(11)).unwrap_err().message().contains("at most 10"));
        assert!(Context::from_bytes(bytes(0)).unwrap_err().message().contains("at least one"));
    }

    #[test]
    fn values_are_found_by_their_names() {
        let context = Context::new([("organization_id", "org_123"), ("user_id", "u1")]).unwrap();
        assert_eq!(context.value("organization_id"), Some("org_123"));
        assert_eq!(context.value("user_id"), Some("u1"));
        assert_eq!(context.value("user"), None);
    }

    #[test]
    fn equal_contexts_have_one_hash_and_others_have_others() {
        use std::hash::{BuildHasher as _, RandomState};
        let (hasher, context) = (RandomState::new(), |value| Context::new([("a", value)]).unwrap());
        assert_eq!(hasher.hash_one(context("1")), hasher.hash_one(context("1")));
        assert_ne!(hasher.hash_one(context("1")), hasher.hash_one(context("2")));
    }

    #[test]
    fn every_purpose_has_a_salt_of_its_own() {
        let context = Context::new([("a", "1")]).unwrap();
        for purpose in [0, 1, 0, 1] {
            assert_eq!(context.salt(purpose), &sha256(&[b"libvault/v1/ctx", &[SUITE, purpose], context.canonical()]));
        }
    }

    #[test]
    fn debug_shows_names_only() {
        let context = Context::new([("organization_id", "org_123")]).unwrap();
        assert_eq!(format!("{context:?}"), r#"Context{"organization_id"}"#);
    }
}
