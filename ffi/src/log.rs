//! `vault_set_log`: where the library's log goes.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use libvault::{LogLevel, LogRecord, LogSink};

use crate::argument::{invalid, lent};
use crate::error::ErrorHandle;
use crate::panic;
use crate::vault::VaultHandle;

/// The level of something that changed as it was meant to.
pub const VAULT_LOG_INFO: u32 = 1;
/// The level of something that someone should look at.
pub const VAULT_LOG_WARNING: u32 = 2;

/// One line for the host's log. It holds no secret and no value of a key context. It lives until the function that it was
/// passed to returns.
#[repr(C)]
pub struct Record {
    /// sizeof(vault_log_record) as the library knows it; later versions add members at the end.
    pub struct_size: usize,
    /// VAULT_LOG_INFO or VAULT_LOG_WARNING.
    pub level: u32,
    /// 0.
    pub reserved: u32,
    /// What happened, for programs, such as "reloaded" or "failover". NUL-terminated.
    pub event: *const c_char,
    /// What happened, for people. NUL-terminated UTF-8.
    pub message: *const c_char,
}

/// Sends a vault's log records to a function of the host's, first those since it was opened that nobody got. Without one,
/// records wait, up to a thousand; nothing is ever written to standard error.
///
/// vault: the vault or any view of it: they share one log.
/// log: called with user_data and a record, by the thread whose call into the library it is about, which need not be the
///   one that called this function; by several at once if several make calls. It must not block, raise C++ exceptions or
///   leave by longjmp(). It may call the library. NULL for none.
/// user_data: passed on to log and release; the library does nothing else with it.
/// release: called once with user_data when log will not be called any more: after another function took its place, or
///   with the vault and its views freed, and all calls that may use it over. NULL for nothing.
/// error: see "Errors" at the top of this file.
/// Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT, in which case release is not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_set_log(
    vault: Option<&VaultHandle>,
    log: Option<unsafe extern "C" fn(user_data: *mut c_void, record: *const Record)>,
    user_data: *mut c_void,
    release: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
    error: *mut Option<Box<ErrorHandle>>,
) -> u32 {
    panic::status(error, || {
        let vault = lent(vault, "vault")?.vault();
        match log {
            Some(log) => {
                let sink = Sink { log, user_data, release };
                let sink: LogSink = Arc::new(move |record| sink.send(record));
                vault.set_log(Some(sink));
            }
            None if release.is_some() => return Err(invalid("release is given, but log is NULL".to_owned())),
            None => vault.set_log(None),
        }
        Ok(())
    })
}

struct Sink {
    log: unsafe extern "C" fn(*mut c_void, *const Record),
    user_data: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: the host lets any thread call its functions with `user_data`, by the contract of `vault_set_log`; we do not look at it.
unsafe impl Send for Sink {}
// SAFETY: as above, by several threads at once.
unsafe impl Sync for Sink {}

impl Sink {
    fn send(&self, record: &LogRecord) {
        let (event, message) = (terminated(record.event), terminated(&record.message));
        let level = match record.level {
            LogLevel::Info => VAULT_LOG_INFO,
            LogLevel::Warning => VAULT_LOG_WARNING,
        };
        let record = Record {
            struct_size: size_of::<Record>(),
            level,
            reserved: 0,
            event: event.as_ptr(),
            message: message.as_ptr(),
        };
        // SAFETY: the host's function, called as `vault_set_log` says; the record lives during the call.
        unsafe { (self.log)(self.user_data, &raw const record) };
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the host's function, called once, after the last use of `log`, as this is its only owner.
            unsafe { release(self.user_data) };
        }
    }
}

fn terminated(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}
