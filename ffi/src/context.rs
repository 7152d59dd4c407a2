//! `vault_context`: a prepared key context.

use std::ffi::c_char;

use libvault::Error;

use crate::argument::{Input, Place, check_extent};
use crate::error::ErrorHandle;
use crate::panic;
use crate::snapshot::Snapshot;

/// One item past the limit is enough for the core to refuse the context, whatever count the host claims.
const MOST_ITEMS_READ: usize = 11;

/// A prepared key context: which keys protect the data. Made by vault_context_new(), freed with vault_context_free().
/// It never changes and belongs to no vault, so any number of threads and calls may share it.
pub struct ContextHandle(libvault::Context);

impl ContextHandle {
    pub(crate) fn context(&self) -> &libvault::Context {
        &self.0
    }
}

/// One item of a key context. The texts are UTF-8, need no terminator and are copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ContextItem {
    /// The item's name, 1 to 120 characters, such as organization_id.
    pub name: *const c_char,
    /// Bytes of name.
    pub name_length: usize,
    /// The item's value, 1 to 500 characters.
    pub value: *const c_char,
    /// Bytes of value.
    pub value_length: usize,
}

/// Prepares a key context.
///
/// items: 1 to 10 items in any order. The macro VAULT_CONTEXT_ITEM makes one of two strings.
/// count: how many items there are.
/// context: receives the context. The caller frees it with vault_context_free().
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK; VAULT_ERROR_INVALID_CONTEXT, with vault_error_field() naming the item; or VAULT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_context_new(
    items: *const ContextItem,
    count: usize,
    context: *mut Option<Box<ContextHandle>>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        check_extent(items, count, "items")?;
        let place = Place::new(context, "context")?;
        // SAFETY: `items` has `count` readable items by the contract above, not NULL and aligned by `check_extent`;
        // they are copied one by one, as no slice may be made of memory that the host's threads may change.
        let items = (0..count.min(MOST_ITEMS_READ)).map(|index| unsafe { items.add(index).read_volatile() });
        let prepared = prepare(items)?;
        // SAFETY: the contract above gives us a writable place.
        unsafe { place.put(Some(Box::new(prepared))) };
        Ok(())
    })
}

fn prepare(items: impl Iterator<Item = ContextItem>) -> Result<ContextHandle, Error> {
    let inputs = items
        .enumerate()
        .map(|(index, item)| {
            let name = Input::new(item.name.cast(), item.name_length, &format!("items[{index}].name"))?;
            let value = Input::new(item.value.cast(), item.value_length, &format!("items[{index}].value"))?;
            Ok((name, value))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let copy = |input: Input| {
        let mut snapshot = Snapshot::new();
        // SAFETY: the contract of `vault_context_new` says that the item's texts are readable.
        unsafe { snapshot.copy(input) }.to_vec()
    };
    let copies: Vec<_> = inputs.into_iter().map(|(name, value)| (copy(name), copy(value))).collect();
    let context = libvault::Context::from_bytes(copies.iter().map(|(name, value)| (&name[..], &value[..])))?;
    Ok(ContextHandle(context))
}

/// Frees a context. NULL is allowed. Call it once for each context, when no call that uses it is running.
#[unsafe(no_mangle)]
pub extern "C" fn vault_context_free(context: Option<Box<ContextHandle>>) {
    panic::value((), || drop(context));
}
