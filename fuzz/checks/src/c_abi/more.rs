//! Views, streams and changes of keys.

use std::ptr;

use vault_ffi::buffer::{Buffer, vault_buffer_clear};
use vault_ffi::change::*;
use vault_ffi::options::*;
use vault_ffi::stream::*;
use vault_ffi::vault::vault_free;

use super::Host;

/// The handles that these functions make.
#[derive(Default)]
pub(super) struct More {
    tokens: [Option<Box<CancelTokenHandle>>; 2],
    encryptors: [Option<Box<EncryptorHandle>>; 2],
    decryptors: [Option<Box<DecryptorHandle>>; 2],
    /// What the streams append to.
    streams: [Option<Buffer>; 2],
}

impl Host<'_> {
    // SAFETY of all calls below: as in the parent module.
    pub(super) fn call_more(&mut self, verb: u8) -> u32 {
        match verb % 10 {
            0 => self.view(),
            1 => self.token(),
            2 => self.new_stream(),
            3 | 4 => self.update(),
            5 => self.finish(),
            6 => self.free_stream(),
            7 | 8 => self.change(verb),
            _ => {
                let index = self.below(3);
                let buffer = self.more.streams.get_mut(index).and_then(|buffer| buffer.as_mut());
                unsafe { vault_buffer_clear(buffer.map_or(ptr::null_mut(), ptr::from_mut)) };
                0
            }
        }
    }

    fn view(&mut self) -> u32 {
        let index = self.below(2);
        let actor = self.lent();
        let token = self.more.tokens[index].as_deref().map_or(ptr::null(), ptr::from_ref);
        let options = CallOptionsRecord {
            struct_size: size_of::<CallOptionsRecord>() * usize::from(self.byte() != 9),
            timeout_ms: u64::from(self.byte()) * 1000,
            cancel: token,
            actor: actor.0.cast(),
            actor_length: actor.1,
        };
        let index = self.below(2);
        vault_free(self.vaults[index].take());
        // Of the shared vault, or of the other one, which may be a view itself.
        let vault = if self.byte() % 2 == 0 { Some(&**super::SHARED) } else { self.own_vault(1 - index) };
        unsafe { vault_with(vault, &raw const options, &raw mut self.vaults[index], self.error()) }
    }

    fn token(&mut self) -> u32 {
        let index = self.below(2);
        match self.below(4) {
            0 => {
                vault_cancel(self.more.tokens[index].as_deref());
                0
            }
            1 => {
                // A view keeps what it needs of the token.
                vault_cancel_token_free(self.more.tokens[index].take());
                0
            }
            _ => {
                vault_cancel_token_free(self.more.tokens[index].take());
                unsafe { vault_cancel_token_new(&raw mut self.more.tokens[index], self.error()) }
            }
        }
    }

    fn new_stream(&mut self) -> u32 {
        let (vault, context, (aad, aad_length), index) = (self.vault(), self.context(), self.lent(), self.below(2));
        if self.byte() % 2 == 0 {
            let options =
                StreamOptionsRecord { struct_size: size_of::<StreamOptionsRecord>(), frame_size: 1 << self.below(22) };
            let options = if self.byte() % 4 == 0 { ptr::null() } else { &raw const options };
            vault_encryptor_free(self.more.encryptors[index].take());
            unsafe {
                vault_encryptor_new(
                    vault,
                    context,
                    aad,
                    aad_length,
                    options,
                    &raw mut self.more.encryptors[index],
                    self.error(),
                )
            }
        } else {
            vault_decryptor_free(self.more.decryptors[index].take());
            unsafe {
                vault_decryptor_new(vault, context, aad, aad_length, &raw mut self.more.decryptors[index], self.error())
            }
        }
    }

    fn update(&mut self) -> u32 {
        let (index, data) = (self.below(2), self.lent_or_stream());
        let place = self.appended();
        if self.byte() % 2 == 0 {
            let encryptor = self.more.encryptors[index].as_deref();
            unsafe { vault_encryptor_update(encryptor, data.0, data.1, place, ptr::null_mut()) }
        } else {
            let decryptor = self.more.decryptors[index].as_deref();
            unsafe { vault_decryptor_update(decryptor, data.0, data.1, place, ptr::null_mut()) }
        }
    }

    fn finish(&mut self) -> u32 {
        let (index, place) = (self.below(2), self.appended());
        if self.byte() % 2 == 0 {
            unsafe { vault_encryptor_finish(self.more.encryptors[index].as_deref(), place, ptr::null_mut()) }
        } else {
            unsafe { vault_decryptor_finish(self.more.decryptors[index].as_deref(), place, ptr::null_mut()) }
        }
    }

    fn free_stream(&mut self) -> u32 {
        let index = self.below(2);
        if self.byte() % 2 == 0 {
            vault_encryptor_free(self.more.encryptors[index].take());
        } else {
            vault_decryptor_free(self.more.decryptors[index].take());
        }
        0
    }

    fn change(&mut self, verb: u8) -> u32 {
        let (vault, (data, length), context) = (self.vault(), self.lent(), self.context());
        let (flags, struct_size) = (u32::from(self.byte()), size_of::<ChangeOptionsRecord>());
        // 2 is neither yes nor no.
        let options = ChangeOptionsRecord { struct_size, allow_downgrade: flags % 3, keep_data_key: flags / 3 % 3 };
        let options = if flags > 200 { ptr::null() } else { &raw const options };
        let place = self.buffer_apart(&[data]);
        match verb % 3 {
            0 => unsafe { vault_rewrap(vault, data, length, context, options, place, self.error()) },
            1 => unsafe { vault_reencrypt(vault, data, length, context, ptr::null(), 0, options, place, self.error()) },
            _ => unsafe { vault_rekey(vault, data, length, context, self.context(), options, place, self.error()) },
        }
    }

    /// What a stream wrote, to be read by another.
    fn lent_or_stream(&mut self) -> (*const u8, usize) {
        if self.byte() % 2 == 0 {
            return self.lent();
        }
        let index = self.below(2);
        let taken = self.more.streams[index].as_ref().map(|buffer| (buffer.data.cast_const(), buffer.length));
        let (data, length) = taken.unwrap_or((ptr::null(), 0));
        // In pieces, from the start: enough to reach every state.
        (data, length.min(usize::from(self.byte()) * 64))
    }

    /// A buffer of the library, or zero, or NULL. The input may lie in it: inputs and outputs may overlap.
    fn appended(&mut self) -> *mut Buffer {
        let index = self.below(5);
        match self.more.streams.get_mut(index / 2) {
            Some(buffer) => ptr::from_mut(buffer.get_or_insert(super::empty())),
            None => ptr::null_mut(),
        }
    }
}

impl Drop for More {
    fn drop(&mut self) {
        self.tokens.iter_mut().for_each(|token| vault_cancel_token_free(token.take()));
        self.encryptors.iter_mut().for_each(|encryptor| vault_encryptor_free(encryptor.take()));
        self.decryptors.iter_mut().for_each(|decryptor| vault_decryptor_free(decryptor.take()));
        for buffer in self.streams.iter_mut().flatten() {
            // SAFETY: a buffer of the library or zero (H2).
            unsafe { vault_ffi::buffer::vault_buffer_free(buffer) };
        }
    }
}
