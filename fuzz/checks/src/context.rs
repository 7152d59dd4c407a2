//! Key contexts from arbitrary names and values.

use libvault::{Context, ErrorCode, MAX_CANONICAL_BYTES, MAX_ITEMS, MAX_NAME_CHARS, MAX_VALUE_CHARS};

/// Input: items, each a name and a value that end with a zero byte. Whether the context is taken is decided here a second time, from the limits alone.
pub fn context(data: &[u8]) {
    let mut fields = data.split(|byte| *byte == 0);
    let mut items = Vec::new();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        items.push((name, value));
    }
    let made = Context::from_bytes(items.iter().copied());
    match &made {
        Ok(context) => {
            assert!(is_allowed(&items), "a context that breaks a limit was taken");
            assert!(context.canonical().len() <= MAX_CANONICAL_BYTES);
            let mut sorted = items.clone();
            sorted.sort_unstable();
            assert!(context.items().map(|(name, value)| (name.as_bytes(), value.as_bytes())).eq(sorted));
            assert_eq!(*context, Context::new(context.items()).expect("its own items"));
        }
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::InvalidContext);
            assert!(!is_allowed(&items), "refused: {error}");
        }
    }
}

fn is_allowed(items: &[(&[u8], &[u8])]) -> bool {
    let mut names: Vec<_> = items.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let canonical: usize = 1 + items.iter().map(|(name, value)| 4 + name.len() + value.len()).sum::<usize>();
    (1..=MAX_ITEMS).contains(&items.len())
        && names.len() == items.len()
        && canonical <= MAX_CANONICAL_BYTES
        && items.iter().all(|(name, value)| {
            let reserved = name.starts_with(b"libvault:") || name.starts_with(b"aws:");
            !reserved && is_text(name, MAX_NAME_CHARS) && is_text(value, MAX_VALUE_CHARS)
        })
}

fn is_text(bytes: &[u8], most: usize) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    (1..=most).contains(&text.chars().count())
        && !text.chars().any(|c| c <= '\u{1f}' || ('\u{7f}'..='\u{9f}').contains(&c))
}
