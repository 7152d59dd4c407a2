//! Noticing that this process is the child of a fork.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number, never 0, that is another one in the child of a fork than in its parent. Cheap enough for every call: on Linux, two loads.
///
/// Numbers are comparable along a line of ancestors only: siblings may have the same.
pub fn fork_generation() -> u64 {
    #[cfg(target_os = "linux")]
    if let Some(mark) = wiped_page::mark() {
        return match mark.load(Ordering::Acquire) {
            0 => enter_generation(mark),
            generation => generation,
        };
    }
    by_process_id(std::process::id(), &LAST_SEEN)
}

/// What runs around each `fork()` of the process, on the thread that forks. Nothing of it runs for `vfork`, `posix_spawn` and a bare `clone`.
pub trait ForkHandlers {
    /// Before the fork. It must be short and must not wait for the thread that it runs on.
    fn before();
    /// After the fork, in the parent. In the child nothing is to do: [`fork_generation`] tells.
    fn after_in_parent();
}

/// Makes the handlers run at every fork from now on. They cannot be taken back; call it once.
///
/// # Errors
/// If the system has no room for them, or knows no forks.
#[cfg(unix)]
pub fn register_fork_handlers<H: ForkHandlers>() -> std::io::Result<()> {
    extern "C" fn before<H: ForkHandlers>() {
        // A panic must not unwind into the C library; there is nothing to do about it either.
        let _ = std::panic::catch_unwind(H::before);
    }
    extern "C" fn after_in_parent<H: ForkHandlers>() {
        let _ = std::panic::catch_unwind(H::after_in_parent);
    }
    // SAFETY: both are functions of this library without arguments. It stays loaded, or the C library drops its handlers when it is unloaded.
    let failure = unsafe { libc::pthread_atfork(Some(before::<H>), Some(after_in_parent::<H>), None) };
    if failure == 0 { Ok(()) } else { Err(std::io::Error::from_raw_os_error(failure)) }
}

/// Without forks there is nothing to handle.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn register_fork_handlers<H: ForkHandlers>() -> std::io::Result<()> {
    Ok(())
}

/// The first call in a child: its page reads as zero.
#[cfg(target_os = "linux")]
fn enter_generation(mark: &AtomicU64) -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // Counted before it is published: a fork between the two lines gives the grandchild a number of its own.
    let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    match mark.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            crate::slots::lock_again();
            next
        }
        Err(others) => others,
    }
}

/// The process id in the upper half and the generation in the lower.
static LAST_SEEN: AtomicU64 = AtomicU64::new(0);

/// Where the kernel cannot wipe a page at a fork. A grandchild that got the id of a dead ancestor would be taken for it.
fn by_process_id(process: u32, last_seen: &AtomicU64) -> u64 {
    let mut seen = last_seen.load(Ordering::Acquire);
    while seen >> 32 != u64::from(process) {
        let next = u64::from(process) << 32 | ((seen & 0xffff_ffff) + 1);
        match last_seen.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => seen = next,
            Err(other) => seen = other,
        }
    }
    seen & 0xffff_ffff
}

/// A page that the kernel gives to a child filled with zeros (`MADV_WIPEONFORK`, Linux 4.14).
#[cfg(target_os = "linux")]
mod wiped_page {
    use std::ptr::{NonNull, null_mut};
    use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

    static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(null_mut());
    /// Stands for the page where there is none.
    static ABSENT: AtomicU64 = AtomicU64::new(0);

    /// The mark at the page's start; nothing where the kernel has no such pages.
    #[inline]
    pub(super) fn mark() -> Option<&'static AtomicU64> {
        let page = NonNull::new(PAGE.load(Ordering::Acquire)).unwrap_or_else(map_once);
        // SAFETY: `PAGE` holds null, `ABSENT`, or a page that is never unmapped; all of them but null are valid and aligned for an atomic.
        let mark = unsafe { page.as_ref() };
        (!std::ptr::eq(mark, &ABSENT)).then_some(mark)
    }

    #[cold]
    fn map_once() -> NonNull<AtomicU64> {
        let mapped = map().unwrap_or(NonNull::from(&ABSENT));
        match PAGE.compare_exchange(null_mut(), mapped.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => mapped,
            Err(others) => {
                if mapped != NonNull::from(&ABSENT) {
                    // SAFETY: mapped above with this length, and nobody else has seen the address.
                    let _ = unsafe { munmap(mapped.as_ptr().cast(), rustix::param::page_size()) };
                }
                NonNull::new(others).unwrap_or(NonNull::from(&ABSENT))
            }
        }
    }

    fn map() -> Option<NonNull<AtomicU64>> {
        let length = rustix::param::page_size();
        // SAFETY: a new anonymous mapping at an address that the kernel chooses touches no memory in use.
        let page = unsafe { mmap_anonymous(null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
        let page = page.ok()?;
        // SAFETY: the advice is for the page just mapped, which nobody uses yet.
        if unsafe { madvise(page, length, Advice::LinuxWipeOnFork) }.is_err() {
            // SAFETY: mapped above with this length; nobody has the address.
            let _ = unsafe { munmap(page, length) };
            return None;
        }
        NonNull::new(page.cast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stays_in_one_process() {
        let first = fork_generation();
        assert_ne!(first, 0);
        assert_eq!(std::thread::spawn(fork_generation).join().unwrap(), first);
        assert_eq!(fork_generation(), first);
    }

    #[test]
    fn another_process_id_is_another_generation() {
        let last_seen = AtomicU64::new(0);
        let parent = by_process_id(100, &last_seen);
        assert_eq!(by_process_id(100, &last_seen), parent);
        let child = by_process_id(101, &last_seen);
        assert_ne!(child, parent);
        assert_ne!(by_process_id(100, &last_seen), parent, "a grandchild with a reused id is not its ancestor");
    }
}
