//! Memory from the kernel for secrets: between guard pages, not in core dumps, locked if that is allowed.

#[cfg(target_os = "linux")]
pub(crate) use linux::Region;
#[cfg(not(target_os = "linux"))]
pub(crate) use nowhere::Region;

#[cfg(target_os = "linux")]
mod linux {
    use std::ptr::{NonNull, null_mut};
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mlock, mmap_anonymous, mprotect, munmap};
    use rustix::param::page_size;

    pub(crate) struct Region {
        start: NonNull<u8>,
        length: usize,
        /// Left out of core dumps.
        undumped: bool,
        locked: AtomicBool,
    }

    // SAFETY: `start` is only an address; whoever gives out the memory decides who may use it.
    unsafe impl Send for Region {}
    // SAFETY: as above.
    unsafe impl Sync for Region {}

    impl Region {
        /// All zero, at least `length` bytes; nothing if the kernel has no memory.
        pub(crate) fn map(length: usize) -> Option<Self> {
            let length = length.next_multiple_of(page_size());
            // SAFETY: a new anonymous mapping at an address that the kernel chooses touches no memory in use.
            let mapped =
                unsafe { mmap_anonymous(null_mut(), length + 2 * page_size(), ProtFlags::empty(), MapFlags::PRIVATE) };
            // The first and the last page stay without access: overruns of neighbours end there.
            let start = NonNull::new(mapped.ok()?.cast::<u8>())?;
            // SAFETY: within the mapping, which is two pages longer.
            let start = unsafe { start.add(page_size()) };
            let mut region = Self { start, length, undumped: false, locked: AtomicBool::new(false) };
            // SAFETY: within the mapping, which nobody uses yet. After a failure the region is dropped.
            unsafe { mprotect(start.as_ptr().cast(), length, MprotectFlags::READ | MprotectFlags::WRITE) }.ok()?;
            // SAFETY: as above.
            region.undumped = unsafe { madvise(start.as_ptr().cast(), length, Advice::LinuxDontDump) }.is_ok();
            region.lock();
            Some(region)
        }

        /// Tries to keep the memory out of swap. RLIMIT_MEMLOCK or a sandbox may forbid it.
        pub(crate) fn lock(&self) {
            // SAFETY: the region is mapped; locking does not change what is in it.
            let locked = unsafe { mlock(self.start.as_ptr().cast(), self.length) }.is_ok();
            self.locked.store(locked, Ordering::Relaxed);
        }

        pub(crate) fn start(&self) -> NonNull<u8> {
            self.start
        }

        pub(crate) fn length(&self) -> usize {
            self.length
        }

        /// Locked, and not dumped either.
        pub(crate) fn is_locked(&self) -> bool {
            self.undumped && self.locked.load(Ordering::Relaxed)
        }
    }

    impl Drop for Region {
        fn drop(&mut self) {
            let length = self.length + 2 * page_size();
            // SAFETY: exactly what `map` mapped, guard pages included. Only regions whose memory nobody was given are dropped.
            let _ = unsafe { munmap(self.start.as_ptr().sub(page_size()).cast(), length) };
        }
    }
}

/// Where none of this is known.
#[cfg(not(target_os = "linux"))]
mod nowhere {
    use std::ptr::NonNull;

    pub(crate) enum Region {}

    impl Region {
        pub(crate) fn map(_length: usize) -> Option<Self> {
            None
        }

        pub(crate) fn lock(&self) {
            match *self {}
        }

        pub(crate) fn start(&self) -> NonNull<u8> {
            match *self {}
        }

        pub(crate) fn length(&self) -> usize {
            match *self {}
        }

        pub(crate) fn is_locked(&self) -> bool {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Region;

    /// What the kernel says about the mapping that starts at `address`: its access rights, and its flags.
    fn mapping(address: usize) -> Option<(String, Vec<String>)> {
        let text = std::fs::read_to_string("/proc/self/smaps").expect("Linux has it");
        let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("{address:x}-")));
        let rights = lines.next()?.split_ascii_whitespace().nth(1)?.to_owned();
        let flags = lines.find_map(|line| line.strip_prefix("VmFlags:"))?;
        Some((rights, flags.split_ascii_whitespace().map(str::to_owned).collect()))
    }

    #[test]
    fn it_is_guarded_left_out_of_core_dumps_and_says_whether_it_is_locked() {
        let region = Region::map(16 * 1024).unwrap();
        let start = region.start().addr().get();
        let (rights, flags) = mapping(start).unwrap();
        assert_eq!(rights, "rw-p");
        assert!(flags.contains(&"dd".to_owned()), "{flags:?}");
        assert_eq!(flags.contains(&"lo".to_owned()), region.is_locked());
        assert_eq!(mapping(start + region.length()).unwrap().0, "---p");
    }
}
