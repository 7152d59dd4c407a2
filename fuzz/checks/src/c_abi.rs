//! Sequences of calls of the C ABI, in any order and with any arguments that H1 to H3 of `ffi/SAFETY.md` allow: NULL, misaligned places, lengths that
//! cannot be, closed vaults, outputs on top of inputs. Whether the library reads or writes where it may not is for AddressSanitizer to see.

mod more;

use std::ptr;
use std::sync::LazyLock;

use vault_ffi::buffer::{Buffer, vault_buffer_free};
use vault_ffi::cipher::*;
use vault_ffi::context::*;
use vault_ffi::data_key::*;
use vault_ffi::error::*;
use vault_ffi::inspect::*;
use vault_ffi::stats::*;
use vault_ffi::vault::*;
use vault_ffi::version::*;

use crate::fixture::FIXTURE;

const MOST_CALLS: usize = 48;
const INTERNAL: u32 = 901;

type ErrorPlace = Option<Box<ErrorHandle>>;

/// Input: the calls, each a number and its arguments; what is read past the end is 0.
pub fn c_abi(data: &[u8]) {
    let mut host = Host::new(data);
    for _ in 0..MOST_CALLS {
        if host.input.is_empty() {
            break;
        }
        host.call();
    }
}

/// Opening takes longer than all other calls of a sequence together.
static SHARED: LazyLock<Box<VaultHandle>> = LazyLock::new(|| {
    let (path, mut place) = (FIXTURE.config.as_os_str().as_encoded_bytes(), None);
    // SAFETY: the path is readable and the place is ours.
    let status = unsafe { vault_open(path.as_ptr().cast(), path.len(), ptr::null(), &raw mut place, ptr::null_mut()) };
    assert_eq!(status, 0, "the fixture opens");
    place.expect("a vault")
});

/// What a C program holds: places for handles, buffers, and memory of its own. Dropping it frees everything, once.
struct Host<'a> {
    input: &'a [u8],
    vaults: [Option<Box<VaultHandle>>; 2],
    contexts: [Option<Box<ContextHandle>>; 3],
    errors: [ErrorPlace; 2],
    buffers: [Buffer; 4],
    /// Inputs come from here or from a buffer, and outputs go here: they may overlap.
    memory: Box<[u8; 2048]>,
    length: usize,
    opened: bool,
    more: more::More,
}

impl<'a> Host<'a> {
    fn new(input: &'a [u8]) -> Self {
        let mut memory = Box::new([0; 2048]);
        let kept = input.len().min(memory.len());
        memory[..kept].copy_from_slice(&input[..kept]);
        let (vaults, contexts, errors, more) = Default::default();
        Self {
            input,
            vaults,
            contexts,
            errors,
            buffers: [const { empty() }; 4],
            memory,
            length: 0,
            opened: false,
            more,
        }
    }

    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.input.split_first() else { return 0 };
        self.input = rest;
        *byte
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// Bytes lent to a call: none, memory, a buffer, or a pointer and length that must be refused.
    fn lent(&mut self) -> (*const u8, usize) {
        match self.byte() {
            0..32 => (ptr::null(), 0),
            32..40 => (ptr::null(), 7),
            40..48 => (self.memory.as_ptr(), usize::MAX),
            kind @ 48..160 => {
                let buffer = &self.buffers[usize::from(kind) % 4];
                (buffer.data, buffer.length)
            }
            kind => {
                let start = usize::from(kind - 160) * 8;
                let length = self.byte();
                (self.memory[start..].as_ptr(), usize::from(length))
            }
        }
    }

    /// The place of a buffer, emptied first: it receives a new one.
    fn buffer(&mut self) -> *mut Buffer {
        match self.below(10) {
            8 => ptr::null_mut(),
            9 => ptr::without_provenance_mut(12),
            index => {
                let buffer = &raw mut self.buffers[index % 4];
                // SAFETY: a buffer of the library or zero (H2).
                unsafe { vault_buffer_free(buffer) };
                buffer
            }
        }
    }

    fn error(&mut self) -> *mut ErrorPlace {
        match self.below(8) {
            6 => ptr::null_mut(),
            7 => ptr::without_provenance_mut(12),
            index => {
                vault_error_free(self.errors[index % 2].take());
                &raw mut self.errors[index % 2]
            }
        }
    }

    /// A vault of this sequence, the one that all sequences share, or NULL.
    fn vault(&mut self) -> Option<&'static VaultHandle> {
        match self.byte() {
            0..128 => Some(&SHARED),
            128..144 => None,
            index => self.own_vault(usize::from(index % 2)),
        }
    }

    fn own_vault(&self, index: usize) -> Option<&'static VaultHandle> {
        // SAFETY: the handle lives until a free, and no call is running when one is freed.
        self.vaults[index].as_deref().map(|handle| unsafe { &*ptr::from_ref(handle) })
    }

    fn context(&mut self) -> Option<&'static ContextHandle> {
        let index = self.below(4);
        // SAFETY: as above.
        self.contexts.get(index)?.as_deref().map(|handle| unsafe { &*ptr::from_ref(handle) })
    }

    fn output(&mut self) -> (*mut u8, usize) {
        match self.byte() {
            0..8 => (ptr::null_mut(), 0),
            8..16 => (ptr::null_mut(), 9),
            16..24 => (self.memory.as_mut_ptr(), usize::MAX),
            kind => (self.memory[usize::from(kind)..].as_mut_ptr(), self.below(256) * 7 % 1700),
        }
    }

    fn length_place(&mut self) -> *mut usize {
        match self.below(8) {
            0 => ptr::null_mut(),
            1 => ptr::without_provenance_mut(9),
            _ => &raw mut self.length,
        }
    }

    // SAFETY of all calls below: handles are ours and alive, inputs are readable, places are ours, NULL or misaligned (H1 to H3).
    fn call(&mut self) {
        let verb = self.byte() % 40;
        let status = match verb {
            0 => self.open(),
            1 => self.new_context(),
            2 | 3 => {
                let (vault, (data, length), context) = (self.vault(), self.lent(), self.context());
                let (aad, aad_length) = self.lent();
                let (place, error) = (self.buffer_apart(&[data, aad]), self.error());
                match verb {
                    2 => unsafe { vault_encrypt(vault, data, length, context, aad, aad_length, place, error) },
                    _ => unsafe { vault_decrypt(vault, data, length, context, aad, aad_length, place, error) },
                }
            }
            4 | 5 => {
                let (vault, (data, length), context) = (self.vault(), self.lent(), self.context());
                let ((aad, aad_length), (output, capacity)) = (self.lent(), self.output());
                let (place, error) = (self.length_place(), self.error());
                let call = if verb == 4 { vault_encrypt_into } else { vault_decrypt_into };
                unsafe { call(vault, data, length, context, aad, aad_length, output, capacity, place, error) }
            }
            6 => {
                let (vault, length, context) = (self.vault(), self.lent().1, self.context());
                unsafe { vault_encrypted_length_limit(vault, length, context, self.length_place(), self.error()) }
            }
            7 => {
                let (data, length) = self.lent();
                unsafe { vault_decrypted_length(data, length, self.length_place(), self.error()) }
            }
            8 => {
                let (vault, context) = (self.vault(), self.context());
                let (key, bundle) = (self.buffer(), self.buffer());
                if key == bundle {
                    return;
                }
                unsafe { vault_create_data_key(vault, context, key, bundle, self.error()) }
            }
            9 => {
                let (vault, (data, length), context) = (self.vault(), self.lent(), self.context());
                let place = self.buffer_apart(&[data]);
                unsafe { vault_decrypt_data_key(vault, data, length, context, place, self.error()) }
            }
            10 => {
                let (data, length) = self.lent();
                let place = self.buffer_apart(&[data]);
                unsafe { vault_inspect(data, length, place, self.error()) }
            }
            11 => {
                let (vault, context) = (self.vault(), self.context());
                unsafe { vault_match_context(vault, context, self.buffer(), self.error()) }
            }
            12 => self.stats(),
            13 => unsafe { vault_warnings(self.vault(), self.buffer(), self.error()) },
            14 => {
                let index = self.below(2);
                unsafe { vault_close(self.own_vault(index), self.error()) }
            }
            15 => {
                let index = self.below(2);
                vault_free(self.vaults[index].take());
                0
            }
            16 => {
                let index = self.below(3);
                vault_context_free(self.contexts[index].take());
                0
            }
            17 => {
                let buffer = self.buffer();
                // Freeing twice is allowed.
                unsafe { vault_buffer_free(buffer) };
                0
            }
            18 => self.read_error(),
            19 => self.init(),
            20 => self.open_toml(),
            24.. => self.call_more(verb),
            _ => self.change_buffer(),
        };
        assert_ne!(status, INTERNAL, "call {verb} met a defect of the library");
    }

    /// A place that is none of the buffers that are read: giving a live buffer away as a place would lose it.
    fn buffer_apart(&mut self, read: &[*const u8]) -> *mut Buffer {
        let is_read =
            |buffer: &Buffer| !buffer.data.is_null() && read.iter().any(|data| std::ptr::eq(buffer.data, *data));
        let free = self.buffers.iter().position(|buffer| !is_read(buffer));
        match (self.below(8), free) {
            (7, _) | (_, None) => ptr::null_mut(),
            (_, Some(free)) => {
                let buffer = &raw mut self.buffers[free];
                // SAFETY: a buffer of the library or zero (H2).
                unsafe { vault_buffer_free(buffer) };
                buffer
            }
        }
    }

    /// At most once for an input, since it opens files.
    fn open(&mut self) -> u32 {
        let path = FIXTURE.config.as_os_str().as_encoded_bytes();
        if self.opened || self.below(8) != 7 {
            return 0;
        }
        self.opened = true;
        let options = OpenOptions { struct_size: size_of::<OpenOptions>(), flags: u64::from(self.byte() == 77) };
        let index = self.below(2);
        vault_free(self.vaults[index].take());
        let options = if self.byte() % 2 == 0 { ptr::null() } else { &raw const options };
        unsafe { vault_open(path.as_ptr().cast(), path.len(), options, &raw mut self.vaults[index], self.error()) }
    }

    fn open_toml(&mut self) -> u32 {
        let ((text, length), mut place) = (self.lent(), None);
        // What the text could name stays below a directory that does not exist.
        if !text.is_null() && length < 4096 {
            // SAFETY: lent.
            let text = unsafe { std::slice::from_raw_parts(text, length) };
            if text.contains(&b'/') || text.contains(&b'.') || text.contains(&b'\\') {
                return 0;
            }
        }
        let base = b"/nonexistent";
        let status = unsafe {
            vault_open_toml(
                text.cast(),
                length,
                base.as_ptr().cast(),
                base.len(),
                ptr::null(),
                &raw mut place,
                self.error(),
            )
        };
        vault_free(place);
        status
    }

    fn init(&mut self) -> u32 {
        // It exists, so nothing is made.
        let directory = FIXTURE.config.parent().expect("a directory").as_os_str().as_encoded_bytes();
        let length = if self.byte() % 2 == 0 { directory.len() } else { 0 };
        unsafe { vault_init(directory.as_ptr().cast(), length, self.buffer(), self.error()) }
    }

    fn new_context(&mut self) -> u32 {
        let count = self.below(13);
        let known = self.byte();
        let mut items = Vec::new();
        if known % 2 == 0 {
            let contexts = &FIXTURE.contexts;
            let context = &contexts[usize::from(known / 2) % contexts.len()];
            items.extend(context.items().map(|(name, value)| item(name.as_bytes(), value.as_bytes())));
        } else {
            for _ in 0..count {
                let ((name, name_length), (value, value_length)) = (self.lent(), self.lent());
                let (name, value) = (name.cast(), value.cast());
                items.push(ContextItem { name, name_length, value, value_length });
            }
        }
        let index = self.below(3);
        vault_context_free(self.contexts[index].take());
        unsafe { vault_context_new(items.as_ptr(), items.len(), &raw mut self.contexts[index], self.error()) }
    }

    fn stats(&mut self) -> u32 {
        #[repr(C)]
        struct Larger(Counters, [u8; 4096]);
        let mut place = Larger(Counters::default(), [0xaa; 4096]);
        place.0.struct_size = usize::from(self.byte()) * 8 + usize::from(self.byte());
        let (vault, size) = (self.vault(), place.0.struct_size);
        let status = unsafe { vault_stats(vault, (&raw mut place).cast(), self.error()) };
        let known = size_of::<Counters>();
        if size <= 4096 {
            let beyond = size.saturating_sub(known);
            assert!(place.1[beyond..].iter().all(|byte| *byte == 0xaa), "more was written than struct_size allows");
        }
        status
    }

    fn read_error(&mut self) -> u32 {
        let index = self.below(3);
        let error = self.errors.get(index).and_then(|error| error.as_deref());
        for read in [vault_error_name, vault_error_kind, vault_error_message, vault_error_field, vault_error_provider] {
            let text = read(error);
            if !text.is_null() {
                // SAFETY: NUL-terminated and alive as long as the error.
                assert!(unsafe { std::ffi::CStr::from_ptr(text) }.to_str().is_ok());
            }
        }
        let code = vault_error_code(error);
        assert_eq!(error.is_some(), code != 0 && !vault_status_name(code).is_null());
        vault_error_needed_length(error).min(0) as u32
            + vault_error_retryable(error).min(0)
            + vault_abi_version().min(0)
    }

    /// The host may change the bytes it was given: damaged envelopes are made here.
    fn change_buffer(&mut self) -> u32 {
        let (index, at, flip) = (self.below(4), self.byte(), self.byte());
        let buffer = &self.buffers[index];
        if buffer.length > 0 {
            // SAFETY: within the buffer, which is ours.
            unsafe { *buffer.data.add(usize::from(at) % buffer.length) ^= flip };
        }
        0
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        for buffer in &mut self.buffers {
            // SAFETY: a buffer of the library or zero (H2).
            unsafe { vault_buffer_free(buffer) };
        }
        self.errors.iter_mut().for_each(|error| vault_error_free(error.take()));
        self.contexts.iter_mut().for_each(|context| vault_context_free(context.take()));
        self.vaults.iter_mut().for_each(|vault| vault_free(vault.take()));
    }
}

const fn empty() -> Buffer {
    Buffer { data: ptr::null_mut(), length: 0, capacity: 0 }
}

fn item(name: &[u8], value: &[u8]) -> ContextItem {
    ContextItem {
        name: name.as_ptr().cast(),
        name_length: name.len(),
        value: value.as_ptr().cast(),
        value_length: value.len(),
    }
}
