//! The signal mask of a thread.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// While it lives, this thread takes no signals of its host's, and neither do threads that it starts: they inherit the mask for good.
///
/// Signals that a fault of the thread itself raises (`SIGSEGV` and its kind) are left alone: blocked, they would end the process without the
/// host's crash report.
#[derive(Debug)]
pub struct SignalsBlocked {
    previous: libc::sigset_t,
    /// The mask belongs to this thread.
    of_this_thread: PhantomData<*const ()>,
}

impl SignalsBlocked {
    /// Blocks them until the value is dropped.
    pub fn until_dropped() -> Self {
        let mut previous = MaybeUninit::uninit();
        let mut all = MaybeUninit::uninit();
        // SAFETY: `sigfillset` fills the set, which `sigdelset` and `pthread_sigmask` then read; the latter fills `previous`. With valid sets and a
        // valid `how` it cannot fail.
        let previous = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for fault in
                [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT]
            {
                libc::sigdelset(all.as_mut_ptr(), fault);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), previous.as_mut_ptr());
            previous.assume_init()
        };
        Self { previous, of_this_thread: PhantomData }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: `previous` is the mask that `pthread_sigmask` gave.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.previous, std::ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked() -> [bool; 3] {
        let mut mask = MaybeUninit::uninit();
        // SAFETY: reads the mask into `mask`, which is then a valid set.
        let mask = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr());
            mask.assume_init()
        };
        // SAFETY: a valid set and valid signals.
        [libc::SIGINT, libc::SIGPIPE, libc::SIGSEGV]
            .map(|signal| unsafe { libc::sigismember(&raw const mask, signal) } == 1)
    }

    #[test]
    fn threads_started_meanwhile_inherit_the_mask() {
        assert_eq!(blocked(), [false; 3]);
        let guard = SignalsBlocked::until_dropped();
        let thread = std::thread::spawn(blocked);
        drop(guard);
        assert_eq!(thread.join().unwrap(), [true, true, false]);
        assert_eq!(blocked(), [false; 3]);
    }
}
