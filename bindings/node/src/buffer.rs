//! Bytes in JavaScript's memory: the only file of this crate with `unsafe`.
//!
//! A `Uint8Array` is read and written in place, for the length of one synchronous call on JavaScript's own thread: nothing else can change,
//! detach or free its memory meanwhile. Two cases differ and are handled here: memory shared with other threads
//! (`SharedArrayBuffer`) is copied before use, and an input that overlaps the output is copied before the output is written.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU8, Ordering};

use libvault::WipedBytes;
use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, TypeName, ValidateNapiValue};
use napi::{Error, Result, Status, ValueType, check_status, sys};

/// The bytes of a `Uint8Array`, readable during one call.
pub(crate) struct Input<'call> {
    memory: Memory,
    copy: Option<WipedBytes>,
    call: PhantomData<&'call [u8]>,
}

/// A `Uint8Array` to be written during one call.
pub(crate) struct Output<'call> {
    memory: Memory,
    call: PhantomData<&'call mut [u8]>,
}

/// Bytes on their way to JavaScript, where they become a `Buffer` of their own.
pub(crate) enum Bytes {
    /// An envelope or a bundle.
    Public(Vec<u8>),
    /// A plaintext or a key: wiped once it was copied. Wiping costs more than copying, so only secrets pay for it.
    Secret(WipedBytes),
}

/// The inputs of a call and its output, as slices that do not overlap.
pub(crate) struct Slices<'borrow> {
    pub(crate) data: &'borrow [u8],
    pub(crate) aad: Option<&'borrow [u8]>,
    pub(crate) output: &'borrow mut [u8],
}

impl Input<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.copy {
            Some(copy) => copy,
            // SAFETY: JavaScript's thread is in this call, so unshared memory stays in place and unchanged. A mutable slice of it exists
            // only through `Output::split`, which first copies every input that it overlaps.
            None => unsafe { std::slice::from_raw_parts(self.memory.start.as_ptr(), self.memory.length) },
        }
    }

    /// The bytes for another thread: JavaScript may change or detach its memory as soon as the call returns.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    /// As [`Input::to_vec`], for a plaintext.
    pub(crate) fn to_wiped(&self) -> WipedBytes {
        WipedBytes::new(self.to_vec())
    }

    fn copy_if_overlapping(&mut self, output: &Memory) {
        if self.copy.is_none() && self.memory.overlaps(output) {
            self.copy = Some(self.to_wiped());
        }
    }
}

impl Output<'_> {
    /// The slices of a call that reads `data` and `aad` and writes this output.
    pub(crate) fn split<'borrow>(
        &'borrow mut self,
        data: &'borrow mut Input<'_>,
        aad: &'borrow mut Option<Input<'_>>,
    ) -> Slices<'borrow> {
        data.copy_if_overlapping(&self.memory);
        if let Some(aad) = aad {
            aad.copy_if_overlapping(&self.memory);
        }
        Slices {
            data: data.bytes(),
            aad: aad.as_ref().map(Input::bytes),
            // SAFETY: as in `Input::bytes`; the memory is not shared with other threads (`from_napi_value` refuses that), and both inputs
            // of the call were just parted from it. `self` is borrowed mutably, so there is one such slice at a time.
            output: unsafe { std::slice::from_raw_parts_mut(self.memory.start.as_ptr(), self.memory.length) },
        }
    }
}

/// Where a `Uint8Array` keeps its bytes.
struct Memory {
    start: NonNull<u8>,
    length: usize,
    is_shared: bool,
}

impl Memory {
    /// # Safety
    /// `env` and `value` are live handles of the running call.
    unsafe fn of(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let (mut kind, mut length, mut start, mut owner, mut is_unshared) = (0, 0, null_mut(), null_mut(), false);
        // SAFETY: the caller's handles are live, and every out pointer is to a local variable.
        unsafe {
            check_status!(sys::napi_get_typedarray_info(
                env,
                value,
                &mut kind,
                &mut length,
                &mut start,
                &mut owner,
                null_mut()
            ))?;
            // Node gives a SharedArrayBuffer as the owner too, but does not call it an ArrayBuffer.
            check_status!(sys::napi_is_arraybuffer(env, owner, &mut is_unshared))?;
        }
        if kind != sys::TypedarrayType::uint8_array {
            return Err(Error::new(Status::InvalidArg, "expected a Uint8Array"));
        }
        // An empty array may have no memory at all.
        let start = NonNull::new(start.cast::<u8>()).filter(|_| length > 0);
        Ok(Self {
            start: start.unwrap_or(NonNull::dangling()),
            length: start.map_or(0, |_| length),
            is_shared: !is_unshared,
        })
    }

    fn overlaps(&self, other: &Self) -> bool {
        let (start, other_start) = (self.start.addr().get(), other.start.addr().get());
        start < other_start + other.length && other_start < start + self.length
    }

    /// A copy that tolerates other threads writing meanwhile; they decide which bytes it holds.
    fn copy_shared(&self) -> Vec<u8> {
        (0..self.length)
            // SAFETY: each address is within the array's memory, and atomic loads of bytes are defined under concurrent writes.
            .map(|offset| unsafe { AtomicU8::from_ptr(self.start.as_ptr().add(offset)).load(Ordering::Relaxed) })
            .collect()
    }
}

impl FromNapiValue for Input<'_> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: napi passes live handles.
        let memory = unsafe { Memory::of(env, value)? };
        let copy = memory.is_shared.then(|| WipedBytes::new(memory.copy_shared()));
        Ok(Self { memory, copy, call: PhantomData })
    }
}

impl FromNapiValue for Output<'_> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: napi passes live handles.
        let memory = unsafe { Memory::of(env, value)? };
        if memory.is_shared {
            return Err(Error::new(Status::InvalidArg, "the output must not be backed by a SharedArrayBuffer"));
        }
        Ok(Self { memory, call: PhantomData })
    }
}

impl ToNapiValue for Bytes {
    unsafe fn to_napi_value(env: sys::napi_env, bytes: Self) -> Result<sys::napi_value> {
        let source: &[u8] = match &bytes {
            Self::Public(bytes) => bytes,
            Self::Secret(bytes) => bytes,
        };
        let mut buffer = null_mut();
        // SAFETY: `env` is live, the source is valid for its length, and Node copies it before returning.
        let status =
            unsafe { sys::napi_create_buffer_copy(env, source.len(), source.as_ptr().cast(), null_mut(), &mut buffer) };
        check_status!(status, "no memory for a Buffer")?;
        Ok(buffer)
    }
}

impl TypeName for Input<'_> {
    fn type_name() -> &'static str {
        "Uint8Array"
    }
    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ValidateNapiValue for Input<'_> {}

impl TypeName for Bytes {
    fn type_name() -> &'static str {
        "Buffer"
    }
    fn value_type() -> ValueType {
        ValueType::Object
    }
}
