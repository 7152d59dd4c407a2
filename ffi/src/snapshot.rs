//! Copies of the host's input. Whatever other threads of the host do meanwhile, the core sees bytes that stand still.

use std::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use libvault::wipe;

use crate::argument::Input;

/// Inputs up to this length are copied to the stack.
const STACK_LENGTH: usize = 1024;

/// The memory of a large copy that is over, for the next one: the C library's allocator would give it back to the system and fetch it
/// again page by page in every call. Only tried for, never waited for: a fork may have left it locked for ever.
static SPARE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Nothing larger is kept.
const LARGEST_SPARE: usize = 2 << 20;

/// Room for one copy, wiped when it goes unless it was made for ciphertext.
pub(crate) struct Snapshot {
    stack: [MaybeUninit<u8>; STACK_LENGTH],
    heap: Vec<u8>,
    stack_used: usize,
    wiped: bool,
}

impl Snapshot {
    pub(crate) fn new() -> Self {
        Self { stack: [MaybeUninit::uninit(); STACK_LENGTH], heap: Vec::new(), stack_used: 0, wiped: true }
    }

    /// For envelopes and bundles, which are no secret: wiping a large one would cost as much as copying it.
    pub(crate) fn of_ciphertext() -> Self {
        let mut snapshot = Self::new();
        snapshot.wiped = false;
        snapshot
    }

    /// Copies `input`, once, and gives the copy.
    ///
    /// # Safety
    ///
    /// The host's contract holds: `input` is readable during the call. Other threads may write to it.
    pub(crate) unsafe fn copy(&mut self, input: Input) -> &[u8] {
        let length = input.length();
        if length <= STACK_LENGTH {
            self.stack_used = length;
            let target = self.stack.as_mut_ptr().cast::<u8>();
            // SAFETY: `input` is readable by this function's contract; `target` has STACK_LENGTH bytes, which suffice.
            unsafe { copy_changing(input.start(), target, length) };
            // SAFETY: the first `length` bytes have just been written.
            unsafe { std::slice::from_raw_parts(target, length) }
        } else {
            self.wipe();
            if let Ok(mut spare) = SPARE.try_lock() {
                self.heap = std::mem::take(&mut spare);
            }
            self.heap.clear();
            self.heap.reserve_exact(length);
            // SAFETY: `input` is readable by this function's contract; `reserve_exact` made room for `length` bytes.
            unsafe { copy_changing(input.start(), self.heap.as_mut_ptr(), length) };
            // SAFETY: the first `length` bytes have just been written and are within the capacity.
            unsafe { self.heap.set_len(length) };
            &self.heap
        }
    }
}

impl Snapshot {
    fn wipe(&mut self) {
        if !self.wiped {
            return;
        }
        let used = self.stack.as_mut_ptr().cast::<u8>();
        // SAFETY: `copy` has written the first `stack_used` bytes.
        wipe(unsafe { std::slice::from_raw_parts_mut(used, self.stack_used) });
        wipe(&mut self.heap);
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.wipe();
        if (1..=LARGEST_SPARE).contains(&self.heap.capacity())
            && let Ok(mut spare) = SPARE.try_lock()
        {
            *spare = std::mem::take(&mut self.heap);
        }
    }
}

/// Copies bytes that other threads may be changing: each byte is read once, with a relaxed atomic load, so that the
/// compiler may neither read it again nor assume what it holds. `SAFETY.md` says what this does and does not promise.
///
/// # Safety
///
/// `source` has `length` readable bytes and `target` as many writable ones of our own; they do not overlap.
unsafe fn copy_changing(source: *const u8, target: *mut u8, length: usize) {
    const WORD: usize = size_of::<usize>();
    let head = source.align_offset(WORD).min(length);
    let words_end = head + (length - head) / WORD * WORD;

    for offset in (0..head).chain(words_end..length) {
        // SAFETY: `offset` is below `length`. The atomic is only loaded from, which read-only memory allows.
        unsafe {
            let value = AtomicU8::from_ptr(source.add(offset).cast_mut()).load(Ordering::Relaxed);
            target.add(offset).write(value);
        }
    }
    for offset in (head..words_end).step_by(WORD) {
        // SAFETY: the word at `offset` ends at or before `length` and is aligned, as `head` is. The atomic is only
        // loaded from, which read-only memory allows for sizes up to a word. The target may be unaligned.
        unsafe {
            let value = AtomicUsize::from_ptr(source.add(offset).cast_mut().cast()).load(Ordering::Relaxed);
            target.add(offset).cast::<usize>().write_unaligned(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_every_length_from_every_alignment() {
        let source: Vec<u8> = (0..3000).map(|index| (index * 7 % 251) as u8).collect();
        for start in 0..9 {
            for length in (0..70).chain([1023, 1024, 1025, 2048, 2900]) {
                let part = &source[start..start + length];
                let input = Input::new(part.as_ptr(), length, "part").expect("a slice");
                let mut snapshot = Snapshot::new();
                // SAFETY: `part` is a slice.
                assert_eq!(unsafe { snapshot.copy(input) }, part);
            }
        }
    }

    #[test]
    fn nothing_may_be_null() {
        let input = Input::new(std::ptr::null(), 0, "data").expect("no bytes");
        let mut snapshot = Snapshot::new();
        // SAFETY: nothing is read.
        assert!(unsafe { snapshot.copy(input) }.is_empty());
    }
}
